"""The charges of a day in words: how many, on which slots, and what to check about them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.answers.day import DayAnswer
from hub.answers.sessions import SessionAnswer
from hub.answers.times import Moment, to_ms
from hub.ingest.dating import TimeQuality
from hub.pages import french
from hub.pages.french import typeset
from hub.pages.quarters import Grid

_REASONS: Mapping[str, str] = {
    "cut_by_power_loss": "coupée par une panne de courant",
    "agent_stopped": "le kiosque s'est arrêté pendant la charge",
    "found_at_start": "le téléphone était déjà là au démarrage du kiosque",
    "too_long": f"dure plus de 12{french.NBSP}h",
    "never_ended": "sa fin ne sera pas connue : la mémoire du kiosque a été remplacée",
    "time_unknown": "l'heure est inconnue",
}


@dataclass(frozen=True, slots=True)
class Charge:
    """One row of the table."""

    slot: str
    start: str
    end: str
    duration: str
    remark: str


def charge_rows(answer: DayAnswer, grid: Grid) -> list[Charge]:
    """Write every charge, in order of time; those without a known beginning come last."""
    found = sorted(answer.sessions.sessions, key=lambda session: session.start.at is None)
    return [
        Charge(
            slot=str(session.slot),
            start=_when(grid, session.start),
            end=_when(grid, session.end) if session.end is not None else goes_on(answer),
            duration="" if session.duration_s is None else french.duration(session.duration_s),
            remark=_remark(session),
        )
        for session in found
    ]


def goes_on(answer: DayAnswer) -> str:
    """Say what is known of a charge without an end: of a silent site, not even that it goes on."""
    return "en cours" if answer.site.freshness == "current" else "sans fin connue"


def beside(answer: DayAnswer) -> str:
    """Say how many charges are not over, and how many are to check."""
    counts = answer.sessions
    parts = [f"{counts.open} {goes_on(answer)}"] if counts.open else []
    parts += [f"à vérifier : {counts.to_check}"] if counts.to_check else []
    return typeset(" ; ".join(parts))


def summary(answer: DayAnswer) -> str:
    """Say how many charges a day had."""
    ended = french.plural(answer.sessions.ended, "charge terminée", "charges terminées")
    if answer.sessions.ended == 0:
        ended = "Aucune charge terminée"
    rest = beside(answer)
    joint = "" if not rest else ", " if answer.sessions.open else f"{french.THIN}; "
    return f"{ended}{joint}{rest}."


def used(answer: DayAnswer, slots: int) -> str:
    """Say how many slots served, and how many charges cannot be placed on any day."""
    served = {session.slot for session in answer.sessions.sessions if session.start.at is not None}
    verb = "ont" if len(served) > 1 else "a"
    sentence = (
        f"{french.plural(len(served), 'prise', 'prises')} sur {slots} {verb} servi."
        if served
        else "Aucune charge connue ce jour."
    )
    lost = answer.sessions.time_unknown
    if lost:
        has = "n'ont pas d'heure connue : elles peuvent" if lost > 1 else "n'a pas d'heure connue : elle peut"
        sentence += f" {french.plural(lost, 'charge', 'charges')} {has} être d'un autre jour."
    return typeset(sentence)


def _when(grid: Grid, moment: Moment) -> str:
    """Write a time of day, with the day when it is another one."""
    if moment.at is None:
        return "inconnue"
    at: datetime = grid.local(to_ms(moment.at))
    clock = french.clock(at.hour, at.minute)
    if grid.start_ms <= to_ms(moment.at) < grid.end_ms:
        return clock
    return f"le{french.NBSP}{at.day} à{french.NBSP}{clock}"


def _remark(session: SessionAnswer) -> str:
    """Say what is to check, and how far the times may be off."""
    reasons = [_REASONS[reason] for reason in session.to_check]
    remarks = [f"à vérifier : {', '.join(reasons)}"] if reasons else []
    errors = [
        moment.error_s
        for moment in (session.start, session.end)
        if moment is not None and moment.quality is TimeQuality.RECONSTRUCTED and moment.error_s is not None
    ]
    if errors:
        remarks.append(f"heure reconstituée (±{french.NBSP}{_margin(max(errors))})")
    return typeset(french.capital(" ; ".join(remarks)))


def _margin(seconds: float) -> str:
    """Write an error, rounded up to what it is worth."""
    return french.quantity(-(-seconds // 1), "s") if seconds < 60 else french.duration(seconds + 59)  # noqa: PLR2004
