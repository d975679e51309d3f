"""What the page of losses says of a day on the link: its cost beside the budget, what for, what was given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hub.answers.loss import TrafficAnswer
from hub.pages import french
from hub.pages.french import typeset

_KINDS = {
    "money": "de charges",
    "alarm": "d'alertes",
    "note": "d'événements",
    "summary": "de mesures horaires",
    "detail": "de mesures détaillées",
    "schema": "de description des mesures",
    "live": "de direct",
    "control": "de connexions et d'accusés de réception",
}
_EXACT_BELOW = 10_000


@dataclass(frozen=True, slots=True)
class TrafficView:
    """A day on the link: the sum beside the budget, what it was for, and what was given up; empty when not told."""

    sentence: str = ""
    parts: str = ""
    shed: str = ""


def traffic_view(answer: TrafficAnswer | None) -> TrafficView:
    """Say what the last counted day has cost."""
    if answer is None:
        return TrafficView()
    when = "Le dernier jour compté" if answer.day is None else f"Le {french.day(answer.day, year=True)}"
    beside = ", sans limite fixée."
    if answer.budget_bytes is not None:
        beside = f", pour {_size(answer.budget_bytes)} par jour."
    if answer.left_bytes is not None:
        beside += f" Il restait {_size(answer.left_bytes)}, avec ce qui n'a pas servi les jours d'avant."
    return TrafficView(
        sentence=typeset(f"{when}, le site a utilisé {_size(answer.total_bytes)} de réseau{beside}"),
        parts=typeset(_parts(answer)),
        shed=typeset(_shed(answer.shed_rows)),
    )


def _parts(answer: TrafficAnswer) -> str:
    spent = sorted(answer.bytes_by_kind.items(), key=lambda item: -item[1])
    words = [f"{_size(count)} {_KINDS.get(kind, kind)}" for kind, count in spent if count]
    return f"Dont {' ; '.join(words)}." if words else ""


def _shed(rows: int) -> str:
    if not rows:
        return ""
    verb = "ont été abandonnées" if rows > 1 else "a été abandonnée"
    return f"Ce jour-là, {french.plural(rows, 'mesure', 'mesures')} {verb} pour ne pas dépasser le forfait."


def _size(count: int) -> str:
    return french.quantity(count / 1000, "ko", 1 if 0 < count < _EXACT_BELOW else 0)
