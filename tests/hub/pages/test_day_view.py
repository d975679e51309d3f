"""What the page of a day says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.answers.sessions import SessionAnswer
from hub.domain.charging import ToCheck
from hub.domain.presence import Freshness
from hub.pages import charges, measures
from hub.pages.day_view import DayView, day_view
from hub.pages.quarters import grid_of
from hub.pages.sections import Section
from tests.hub.pages.days import NIGHT, SOMETIME, WHOLE, Level, at, charge, day, flat, site, sun, track

EVENING = datetime(2026, 11, 23, 20, 44, tzinfo=UTC)
NEWEST = datetime(2026, 11, 23, 20, 40, tzinfo=UTC)
POWER = {"panel_power_w": sun(400), "load_power_w": flat(20)}
ENERGY: dict[str, dict[int, Level]] = {
    "generated_total_kwh": {q: q / 50 for q in WHOLE},
    "consumed_total_kwh": {q: q / 100 for q in WHOLE},
}


def plain(text: str) -> str:
    """Read a text with ordinary spaces and apostrophes."""
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2019", "'")


def section(view: DayView, title: str) -> Section:
    """Find a section by its title."""
    return next(section for section in view.sections if section.title == title)


def test_a_full_day_tells_its_energy_and_its_peak() -> None:
    """The sentence compares, the figures count, the source says how complete it all is."""
    power = section(day_view(day({**POWER, **ENERGY}, completeness=0.974)), "Panneaux et consommation")
    assert plain(power.sentence) == (
        "Les panneaux ont fourni plus d'énergie que le site n'en a consommé. "
        "Puissance la plus forte des panneaux : 400 W vers 12 h."
    )
    assert [(fact.name, plain(fact.figure), fact.at_least) for fact in power.figures] == [
        ("Panneaux", "1,90 kWh", False), ("Consommation", "0,95 kWh", False),
    ]  # fmt: skip
    assert plain(power.source) == "Données reçues : 97 %, jusqu'à 24 h. Source : régulateur de charge."
    assert power.unknown == ""
    assert "1,90\u00a0kWh" in power.chart


def test_a_day_cut_short_gives_at_least() -> None:
    """When the end is missing, a counter is a lower bound and the sentence speaks of what arrived."""
    cut = {metric: {q: level for q, level in levels.items() if q < 60} for metric, levels in ENERGY.items()}
    power = section(day_view(day({**POWER, **cut})), "Panneaux et consommation")
    assert plain(power.sentence).startswith("D'après les données reçues, les panneaux ont fourni plus")
    assert all(fact.at_least for fact in power.figures)
    assert "au moins" in power.chart


@pytest.mark.parametrize(
    ("generated", "consumed", "sentence"),
    [
        (1.0, 1.0, "Les panneaux ont fourni autant d'énergie que le site en a consommé."),
        (0.5, 1.0, "Les panneaux ont fourni moins d'énergie que le site n'en a consommé."),
        (None, 1.0, "L'énergie de ce jour n'est connue qu'en partie."),
        (None, None, "L'énergie de ce jour est inconnue."),
    ],
)
def test_energies_are_compared_in_words(generated: float | None, consumed: float | None, sentence: str) -> None:
    """More, less, as much, or not known: the sentence says which."""
    grid = grid_of(day())
    tracks = [
        None if kwh is None else track(metric, dict.fromkeys(WHOLE, (0.0, kwh)), start=day().start_at)
        for metric, kwh in (("generated_total_kwh", generated), ("consumed_total_kwh", consumed))
    ]
    assert plain(measures.balance(grid, *tracks)) == sentence


def test_today_is_told_since_midnight_and_until_the_newest_data() -> None:
    """Today's figures say since when and until when they hold."""
    view = day_view(day({**POWER, **ENERGY}, now=EVENING, of=site(newest=NEWEST)))
    assert plain(view.period) == "Aujourd'hui, de 0 h à 20 h 44 : un petit soleil marque cette heure."
    power = section(view, "Panneaux et consommation")
    assert plain(power.sentence).startswith("Depuis minuit, les panneaux")
    assert "jusqu'à 20 h 40" in plain(power.source)


def test_gaps_are_told_once_when_all_agree() -> None:
    """A gap is told in words and said not to be zero; today it reaches until now."""
    known = [q for q in range(70) if not 37 <= q < 47]
    late = site(freshness=Freshness.LATE, newest=datetime(2026, 11, 23, 17, 29, tzinfo=UTC))
    answer = day({"panel_power_w": flat(0, known), "load_power_w": flat(0, known)}, now=EVENING, of=late)
    power = section(day_view(answer), "Panneaux et consommation")
    assert plain(power.unknown) == (
        "Inconnu de 9 h 15 à 11 h 45 et de 17 h 30 à 20 h 44 : rien n'a été reçu. Ce n'est pas zéro."
    )


def test_gaps_are_told_apart_when_they_differ() -> None:
    """Two tracks with different gaps are told one by one, and many gaps are counted."""
    answer = day({"soc_pct": {q: 50.0 for q in WHOLE if q % 20}, "battery_voltage_v": flat(12.5)})
    battery = section(day_view(answer), "Batterie")
    assert plain(battery.unknown) == (
        "Niveau : inconnu de 0 h à 0 h 15, de 5 h à 5 h 15, de 10 h à 10 h 15 et 2 autres fois. Ce n'est pas zéro."
    )


def test_the_battery_gives_least_and_most() -> None:
    """Level and voltage are ranges, the level is said to be an estimate, and the scale is told."""
    battery = section(day_view(day({"soc_pct": flat((54, 98)), "battery_voltage_v": flat((12.1, 14.4))})), "Batterie")
    assert plain(battery.sentence) == "La tension la plus basse, 12,1 V, a été mesurée vers 0 h."
    assert [(fact.name, plain(fact.figure)) for fact in battery.figures] == [
        ("Niveau estimé par le régulateur", "54 à 98 %"), ("Tension mesurée", "12,1 à 14,4 V"),
    ]  # fmt: skip
    assert plain(battery.source).endswith("L'échelle de la tension va de 12 à 15 V : elle ne part pas de zéro.")


def test_a_steady_value_is_not_a_range() -> None:
    """When least and most read the same, one figure stands."""
    assert measures.between("Niveau", track("soc_pct", flat(80.0), start=NIGHT), "%", 0).figure == "80\u00a0%"


def test_a_day_never_heard_of_is_unknown_throughout() -> None:
    """Without data there is no figure at all, and every section says so."""
    view = day_view(day(of=site(newest=None, heard=None, freshness=Freshness.NEVER)))
    assert [section.title for section in view.sections] == [
        "Panneaux et consommation", "Batterie", "Charges de téléphones",
    ]  # fmt: skip
    assert all(fact.unknown and fact.figure == "inconnu" for section in view.sections for fact in section.figures)
    assert all("Ce n'est pas zéro." in plain(section.unknown) for section in view.sections)
    assert "Données reçues : 0 %." in plain(view.sections[0].source)
    assert (plain(view.title), plain(view.period)) == ("Lundi 23 novembre 2026", "De 0 h à 24 h.")


def test_completeness_is_a_range_when_tracks_differ() -> None:
    """Figures from tracks of different completeness show both ends."""
    answer = day({"soc_pct": flat(50)}, completeness=0.97)
    assert "Données reçues : de 0 % à 97 %, jusqu'à 24 h" in plain(section(day_view(answer), "Batterie").source)


@pytest.mark.parametrize(
    ("lit", "sentence", "figure"),
    [
        (flat(1, range(73, 86)) | flat(0, [72, *range(86, 96)]),
         "Allumé de 18 h 15 à 21 h 30. Éteint de 18 h à 18 h 15 et de 21 h 30 à 24 h.", ("3 h 15", False)),
        (flat(1, range(72, 80)),
         "Allumé de 18 h à 20 h. Inconnu de 20 h à 24 h. Ce n'est pas zéro.", ("2 h", True)),
        (flat(0), "Éteint de 18 h à 24 h.", ("0 h", False)),
        (flat(0, range(10)), "Inconnu de 18 h à 24 h. Ce n'est pas zéro.", ("inconnu", False)),
    ],
)  # fmt: skip
def test_evenings(lit: dict[int, Level], sentence: str, figure: tuple[str, bool]) -> None:
    """An evening tells when it was lit; unknown hours make the figure a lower bound, or unknown."""
    light = section(day_view(day({"lit": lit})), "Éclairage du soir")
    assert plain(light.sentence) == sentence
    assert [(plain(fact.figure), fact.at_least) for fact in light.figures] == [figure]
    assert light.chart


def test_before_the_evening_there_is_nothing_to_draw() -> None:
    """By day the section says when the evening begins."""
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    light = section(day_view(day({"lit": flat(0, range(48))}, now=noon)), "Éclairage du soir")
    assert (plain(light.sentence), light.figures, light.chart) == ("La soirée commence à 18 h.", [], "")


def test_a_site_without_kiosk_has_no_section_for_it() -> None:
    """Where nobody charges phones, the page does not speak of it."""
    assert "Charges de téléphones" not in [s.title for s in day_view(day(of=site(slots=()))).sections]


def test_the_days_beside_are_one_link_away() -> None:
    """From a past day one reaches the day before, the day after and today; from today, the day before."""
    links = day_view(day()).links
    assert [(plain(link.words), plain(link.day), link.href) for link in links] == [
        ("Veille", "dimanche 22 novembre", "/sites/ecole-a?jour=2026-11-22"),
        ("Lendemain", "mardi 24 novembre", "/sites/ecole-a?jour=2026-11-24"),
        ("Aujourd'hui", "", "/sites/ecole-a"),
    ]
    assert [link.words for link in day_view(day(now=EVENING)).links] == ["Veille"]


CHECK = ToCheck.CUT_BY_POWER_LOSS


@pytest.mark.parametrize(
    ("found", "summary", "used"),
    [
        ([], "Aucune charge terminée.", "Aucune charge connue ce jour."),
        ([charge(1, at(8), at(9))], "1 charge terminée.", "1 prise sur 4 a servi."),
        ([charge(1, at(8), at(9), CHECK), charge(2, at(8), at(9))],
         "2 charges terminées ; à vérifier : 1.", "2 prises sur 4 ont servi."),
        ([charge(1, at(8), at(9), CHECK), charge(2, at(8), None), charge(2, SOMETIME, at(9))],
         "1 charge terminée, 1 en cours ; à vérifier : 1.",
         "2 prises sur 4 ont servi. 1 charge n'a pas d'heure connue : elle peut être d'un autre jour."),
        ([charge(1, SOMETIME, at(9)), charge(2, SOMETIME, at(9))], "Aucune charge terminée.",
         "Aucune charge connue ce jour. 2 charges n'ont pas d'heure connue : elles peuvent être d'un autre jour."),
    ],
)  # fmt: skip
def test_charges_are_counted_in_words(found: list[SessionAnswer], summary: str, used: str) -> None:
    """Ended, going on and to check are told apart, and what has no time is never in a day's count."""
    answer = day({"lit": flat(0)}, sessions=found)
    assert plain(charges.summary(answer)) == summary
    assert plain(charges.used(answer, 4)) == used


def test_charges_of_a_day_with_a_gap_are_at_least() -> None:
    """Where the site was silent, phones may have come unseen."""
    kiosk = section(
        day_view(day({"lit": flat(0, range(80))}, sessions=[charge(1, at(8), at(9))])), "Charges de téléphones"
    )
    assert [(fact.figure, fact.at_least) for fact in kiosk.figures] == [("1", True)]
    assert "Inconnu de 20 h à 24 h" in plain(kiosk.unknown)


def test_the_table_tells_every_charge() -> None:
    """Slot, times, duration and what to check about it; times of another day name the day."""
    found = [
        charge(3, SOMETIME, at(9), ToCheck.TIME_UNKNOWN),
        charge(1, at(-3), at(8.5), ToCheck.TOO_LONG),
        charge(2, at(8.1, error_s=45), at(9, error_s=12.2)),
        charge(2, at(10, error_s=200), at(26), ToCheck.FOUND_AT_START, ToCheck.AGENT_STOPPED),
        charge(4, at(20), None),
    ]
    found_there, stopped = (
        "le téléphone était déjà là au démarrage du kiosque",
        "le kiosque s'est arrêté pendant la charge",
    )
    rows = day_view(day({"lit": flat(0)}, sessions=found)).charges
    assert [[plain(cell) for cell in (row.slot, row.start, row.end, row.duration, row.remark)] for row in rows] == [
        ["1", "le 22 à 21 h", "8 h 30", "11 h 30", "À vérifier : dure plus de 12 h"],
        ["2", "8 h 06", "9 h", "54 min", "Heure reconstituée (± 45 s)"],
        ["2", "10 h", "le 24 à 2 h", "16 h", f"À vérifier : {found_there}, {stopped} ; heure reconstituée (± 4 min)"],
        ["4", "20 h", "en cours", "", ""],
        ["3", "inconnue", "9 h", "", "À vérifier : l'heure est inconnue"],
    ]  # fmt: skip


def test_of_a_silent_site_nothing_is_said_to_go_on() -> None:
    """A charge without an end at a silent site has no known end, rather than going on."""
    answer = day(of=site(freshness=Freshness.SILENT), sessions=[charge(1, at(20), None)])
    assert charges.goes_on(answer) == "sans fin connue"
