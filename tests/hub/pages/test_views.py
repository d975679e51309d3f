"""What the pages say of sites as they are now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.answers.sites import SiteAnswer
from hub.domain.presence import Freshness
from hub.pages.views import site_view, sites_view
from protocol.states import Words
from tests.hub.pages.days import site
from tests.hub.pages.test_day_view import plain

NOW = datetime(2026, 11, 23, 8, 44, tzinfo=UTC)
SENDS = site(newest=NOW - timedelta(minutes=4), name="École A")
LATE = site(
    newest=NOW - timedelta(hours=3),
    freshness=Freshness.LATE,
    soc_pct=None,
    volts=None,
    watts=None,
    occupied=None,
    name="École B",
)
SILENT = site(newest=NOW - timedelta(days=2), freshness=Freshness.SILENT, soc_pct=None, occupied=None, name="École C")
NEVER = site(
    newest=None, heard=None, freshness=Freshness.NEVER, soc_pct=None, volts=None, occupied=None, name="École D"
)


@pytest.mark.parametrize(
    ("answers", "first_line"),
    [
        ([], "Aucun site n'est encore inscrit. "),
        ([LATE], "Aucun site n'envoie ses données."),
        ([LATE, NEVER], "Aucun des 2 sites n'envoie ses données."),
        ([SENDS, LATE, NEVER], "1 site sur 3 envoie ses données."),
        ([SENDS, SENDS, NEVER], "2 sites sur 3 envoient leurs données."),
    ],
)
def test_the_first_line_answers(answers: list[SiteAnswer], first_line: str) -> None:
    """The list begins with how many sites send, in words and a figure."""
    view = sites_view(answers, NOW)
    assert plain(f"{view.figure} {view.words}") == first_line
    assert plain(view.at) == "Lundi 23 novembre à 8 h 44"


def test_silence_comes_first_and_is_named() -> None:
    """The sites that do not send stand on top, and the first lines name them."""
    view = sites_view([SENDS, NEVER, LATE, SILENT], NOW)
    assert [row.name for row in view.rows] == ["École C", "École B", "École D", "École A"]
    assert plain(view.silent) == "Sans données récentes : École C, École B et École D."
    assert sites_view([SENDS], NOW).silent == ""
    assert plain(sites_view([LATE] * 6, NOW).silent).endswith("École B, École B, École B et 3 autres.")


def test_a_site_that_sends_has_no_tag() -> None:
    """Normal has no colour: the state is plain words."""
    view = site_view(SENDS, NOW)
    assert view.tag is None
    assert plain(view.state) == "Le site envoie ses données ; niveau de la batterie 87 %."
    assert plain(view.news) == "Dernières données il y a 4 min (lundi 23 novembre à 8 h 40)"
    assert plain(view.place) == "École, commune de Boussouma"
    assert view.href == "/sites/ecole-a"
    assert [plain(fact.figure) for fact in (view.battery, *view.power, *view.kiosk)] == ["87 %", "65 W", "65 W", "2"]
    assert plain(view.battery.note) == "niveau estimé par le régulateur ; 13,1 V"
    (kiosk,) = view.kiosk
    assert (plain(kiosk.words), plain(kiosk.note)) == ("prises occupées sur 4", "n° 1 et 3")


@pytest.mark.parametrize(
    ("answer", "tag", "state"),
    [
        (LATE, ("verif", "En retard"), "Le site n'a rien envoyé depuis 3 h. Son état est inconnu."),
        (SILENT, ("inconnu", "Inconnu"), "Le site n'a rien envoyé depuis 2 jours. Inconnu n'est pas zéro."),
        (NEVER, ("inconnu", "Inconnu"), "Le site n'a encore rien envoyé."),
        (site(newest=None, freshness=Freshness.NEVER), ("inconnu", "Inconnu"),
         "Le site envoie des données dont l'heure est inconnue."),
    ],
)  # fmt: skip
def test_states_are_tagged_by_what_they_ask(answer: SiteAnswer, tag: tuple[str, str], state: str) -> None:
    """Late is to check, silent is unknown; neither is red."""
    view = site_view(answer, NOW)
    assert view.tag is not None
    assert ((view.tag.look, view.tag.word), plain(view.state)) == (tag, state)


def test_unknown_is_said_instead_of_zero() -> None:
    """Battery, power and kiosk of a silent site are unknown."""
    view = site_view(LATE, NOW)
    facts = [view.battery, *view.power, *view.kiosk]
    assert all(fact.unknown and fact.figure == "inconnu" for fact in facts)


def test_what_is_known_in_part_is_shown_in_part() -> None:
    """A voltage without a level, a level without a voltage, an empty kiosk, a site without one."""
    battery = site_view(site(soc_pct=None), NOW).battery
    assert (plain(battery.figure), battery.note, battery.unknown) == ("13,1 V", "niveau inconnu", False)
    assert plain(site_view(site(volts=None), NOW).battery.note) == "niveau estimé par le régulateur ; tension inconnue"
    assert plain(site_view(site(soc_pct=None), NOW).state) == "Le site envoie ses données."
    (empty,) = site_view(site(occupied=()), NOW).kiosk
    assert (empty.figure, empty.words, empty.note) == ("0", "prise occupée sur 4", "")
    assert site_view(site(slots=()), NOW).kiosk == []
    assert site_view(site(kind="mill"), NOW).place == "Mill, commune de Boussouma"


def test_faults_are_told_in_a_sentence() -> None:
    """What a device reports stands on its site's page; none reported, and none known, say nothing."""
    faults = (Words("fan", "ventilateur"), Words("load too high", "surcharge"))
    assert plain(site_view(site(faults=faults), NOW).faults) == "L'appareil signale : ventilateur et surcharge."
    assert site_view(site(), NOW).faults == ""
    assert site_view(site(faults=None), NOW).faults == ""
