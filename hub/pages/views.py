"""What the pages say of sites as they are now: answers in, French words and figures out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from hub.answers.sites import SiteAnswer
from hub.pages import french, pictures
from hub.pages.french import typeset

_KINDS = {"school": "école", "health_centre": "centre de santé (CSPS)"}
_URGENCY = ("silent", "late", "never", "current")
"""Silence first: a site that says nothing must not sink to the bottom of a list."""

_NAMED_MAX = 4
_NOTHING = Markup()


@dataclass(frozen=True, slots=True)
class Tag:
    """A state in one word; a normal one needs no tag."""

    look: str
    word: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure with its name, the words that go on from it, and a picture before or after; unknown is said to be so."""

    name: str
    figure: str
    words: str = ""
    note: str = ""
    icon: Markup = _NOTHING
    picture: Markup = _NOTHING
    unknown: bool = False
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site as it is now."""

    href: str
    name: str
    place: str
    tag: Tag | None
    state: str
    news: str
    faults: str
    battery: Fact
    power: list[Fact]
    kiosk: list[Fact]


@dataclass(frozen=True, slots=True)
class SitesView:
    """All sites: the answer's figure and words, whom it does not hold for, and the rows."""

    figure: str
    words: str
    silent: str
    at: str
    rows: list[SiteView]


def sites_view(answers: Sequence[SiteAnswer], now: datetime) -> SitesView:
    """Say how many sites send their data, then each of them, the silent ones first."""
    rows = sorted(answers, key=lambda answer: (_URGENCY.index(answer.freshness), answer.name))
    figure, words = _how_many(len(rows), sum(row.freshness == "current" for row in rows))
    zone = ZoneInfo(rows[0].timezone) if rows else now.tzinfo
    silent = [row.name for row in rows if row.freshness != "current"]
    return SitesView(
        figure=figure,
        words=words,
        silent=_silent(silent),
        at=french.capital(french.moment(now.astimezone(zone), now.astimezone(zone))),
        rows=[site_view(row, now) for row in rows],
    )


def site_view(answer: SiteAnswer, now: datetime) -> SiteView:
    """Say how one site is now."""
    tag, state = _state(answer, now)
    kind = _KINDS.get(answer.kind, answer.kind)
    return SiteView(
        href=f"/sites/{answer.site}",
        name=answer.name,
        place=typeset(f"{french.capital(kind)}, commune de {answer.commune}"),
        tag=tag,
        state=state,
        news=_news(answer, now),
        faults=_faults(answer),
        battery=_battery(answer),
        power=_power(answer),
        kiosk=_kiosk(answer),
    )


def _how_many(total: int, sending: int) -> tuple[str, str]:
    if total == 0:
        return typeset("Aucun site n'est encore inscrit."), ""
    if sending == 0:
        figure = "Aucun site" if total == 1 else f"Aucun des {total} sites"
        return figure, typeset("n'envoie ses données.")
    words = "envoie ses données." if sending == 1 else "envoient leurs données."
    return f"{french.plural(sending, 'site', 'sites')} sur {total}", words


def _silent(names: Sequence[str]) -> str:
    if not names:
        return ""
    shown = list(names[:_NAMED_MAX])
    if len(names) > _NAMED_MAX:
        shown = [*names[: _NAMED_MAX - 1], f"{len(names) - _NAMED_MAX + 1} autres"]
    return typeset(f"Sans données récentes : {french.listing(shown)}.")


def _state(answer: SiteAnswer, now: datetime) -> tuple[Tag | None, str]:
    """Say in a sentence whether the site sends, and how it is."""
    if answer.newest_at is None:
        said = "n'a encore rien envoyé" if answer.heard_at is None else "envoie des données dont l'heure est inconnue"
        return Tag("inconnu", "Inconnu"), typeset(f"Le site {said}.")
    if answer.freshness == "current":
        level = "" if answer.soc_pct is None else f" ; niveau de la batterie {french.quantity(answer.soc_pct, '%')}"
        return None, typeset(f"Le site envoie ses données{level}.")
    since = french.span((now - answer.newest_at).total_seconds())
    if answer.freshness == "late":
        return Tag("verif", "En retard"), typeset(f"Le site n'a rien envoyé depuis {since}. Son état est inconnu.")
    return Tag("inconnu", "Inconnu"), typeset(f"Le site n'a rien envoyé depuis {since}. Inconnu n'est pas zéro.")


def _news(answer: SiteAnswer, now: datetime) -> str:
    """Say how old the newest data are."""
    if answer.newest_at is None:
        return ""
    return f"Dernières données {french.age(answer.newest_at.astimezone(ZoneInfo(answer.timezone)), now)}"


def _faults(answer: SiteAnswer) -> str:
    """Say what the devices report as faults; nothing when they report none, or tell none."""
    if not answer.faults:
        return ""
    return typeset(f"L'appareil signale : {french.listing([fault.fr for fault in answer.faults])}.")


def _battery(answer: SiteAnswer) -> Fact:
    voltage = None if answer.battery_voltage_v is None else french.quantity(answer.battery_voltage_v, "V", 1)
    if answer.soc_pct is None:
        note = "niveau inconnu" if voltage else ""
        return Fact("Batterie", voltage or "inconnu", note=note, unknown=voltage is None)
    note = f"niveau estimé par le régulateur ; {voltage or 'tension inconnue'}"
    icon = pictures.gauge(answer.soc_pct)
    return Fact("Batterie", french.quantity(answer.soc_pct, "%"), note=typeset(note), icon=icon)


def _power(answer: SiteAnswer) -> list[Fact]:
    return [
        Fact(name, "inconnu" if watts is None else french.quantity(watts, "W"), unknown=watts is None)
        for name, watts in (("Panneaux", answer.panel_power_w), ("Consommation", answer.load_power_w))
    ]


def _kiosk(answer: SiteAnswer) -> list[Fact]:
    """Say how many slots are in use; nothing where there is no kiosk."""
    if not answer.slots:
        return []
    if answer.slots_occupied is None:
        return [Fact("Kiosque", "inconnu", unknown=True)]
    count = len(answer.slots_occupied)
    words = f"{'prise occupée' if count < 2 else 'prises occupées'} sur {len(answer.slots)}"  # noqa: PLR2004  grammar
    which = f"n°{french.NBSP}{french.listing([str(slot) for slot in answer.slots_occupied])}" if count else ""
    picture = pictures.squares(answer.slots, answer.slots_occupied)
    return [Fact("Kiosque", str(count), words=words, note=which, picture=picture)]
