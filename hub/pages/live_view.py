"""The words of the live view: how it stands in a sentence, then the values with their age. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.answers.live import LiveAnswer, LiveState
from hub.answers.sites import Value
from hub.pages import french
from hub.pages.french import typeset
from hub.pages.views import Fact

MINUTES = 5
"""For how long the button of the page asks."""

ASKED_REFRESH_S, LIVE_REFRESH_S = 5, 10
_NAMES = {
    "battery_voltage_v": "Tension de la batterie",
    "battery_current_a": "Courant de la batterie",
    "soc_pct": "Niveau de la batterie",
    "panel_power_w": "Panneaux",
    "load_power_w": "Consommation",
    "lit": "Éclairage",
    "slots_occupied": "Prises occupées",
}


@dataclass(frozen=True, slots=True)
class LiveView:
    """A live view as it stands; `refresh_s` is None when nothing more will come."""

    href: str
    back: str
    name: str
    title: str
    sentence: str
    notes: list[str]
    facts: list[Fact]
    button: str
    refresh_s: int | None


def live_view(answer: LiveAnswer, now: datetime) -> LiveView:
    """Say how a live view stands."""
    zone = ZoneInfo(answer.timezone)
    refresh = {LiveState.ASKED: ASKED_REFRESH_S, LiveState.LIVE: LIVE_REFRESH_S}.get(answer.state)
    return LiveView(
        href=f"/sites/{answer.site}/direct",
        back=f"/sites/{answer.site}",
        name=answer.name,
        title="En direct",
        sentence=typeset(_sentence(answer)),
        notes=[typeset(note) for note in _notes(answer, zone)],
        facts=[_fact(name, value, now) for name, value in _shown(answer)],
        button=button(answer.cost_at_most_bytes_a_minute),
        refresh_s=refresh,
    )


def button(bytes_a_minute: int) -> str:
    """Name the button, with what it may cost the site."""
    kilobytes = max(1, round(MINUTES * bytes_a_minute / 1000))
    return typeset(f"Voir en direct (jusqu'à {kilobytes} ko)")


def _sentence(answer: LiveAnswer) -> str:
    match answer.state:
        case LiveState.NEVER:
            return "Le site n'envoie pas de valeurs en direct : personne ne l'a demandé."
        case LiveState.ASKED:
            return "La demande est faite. Un site connecté répond en quelques secondes."
        case LiveState.UNANSWERED:
            return "Le site n'a pas répondu."
        case LiveState.LIVE:
            return f"Valeurs reçues il y a {_ago(answer.age_s or 0)}."
        case LiveState.ENDED:
            ends = {
                "refused": "Le site a refusé : les octets du jour pour le direct sont épuisés.",
                "stopped": "Le direct s'est arrêté : les octets du jour pour le direct sont épuisés.",
            }
            return ends.get(answer.outcome or "", "Le direct est terminé.")


def _notes(answer: LiveAnswer, zone: ZoneInfo) -> Iterator[str]:
    if answer.state is LiveState.LIVE and answer.ends_at is not None:
        at = answer.ends_at.astimezone(zone)
        yield f"Le direct s'arrête de lui-même à {french.clock(at.hour, at.minute)}."
    if answer.connected is False and answer.state in (LiveState.ASKED, LiveState.UNANSWERED):
        yield "Le site n'est pas connecté en ce moment : il ne peut pas recevoir la demande."
    if answer.state is LiveState.ENDED and answer.values:
        yield "Les valeurs ci-dessous sont les dernières reçues."


def _shown(answer: LiveAnswer) -> Iterator[tuple[str, Value]]:
    """Choose the values that anybody understands, with their device where several tell the same."""
    for metric, name in _NAMES.items():
        found = [value for value in answer.values if value.metric == metric]
        for value in found:
            device = value.column.rpartition(".")[0]
            yield (f"{name}, {device}" if len(found) > 1 else name), value


def _fact(name: str, value: Value, now: datetime) -> Fact:
    age_s = max(int((now - value.at).total_seconds()), 0)
    note = f"il y a {_ago(age_s)}"
    if value.metric == "lit":
        return Fact(name, "allumé" if value.value else "éteint", note=note)
    decimals = {"V": 2, "A": 1}.get(value.unit, 0)
    figure = french.quantity(value.value, value.unit, decimals) if value.unit else french.number(value.value)
    return Fact(name, figure, note=note)


def _ago(seconds: int) -> str:
    return french.quantity(seconds, "s") if seconds < 120 else french.span(seconds)  # noqa: PLR2004  then minutes
