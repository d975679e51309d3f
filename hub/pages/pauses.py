"""The technician's table of the time without data: what it was, from when to when, how long, how sure. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.answers.times import Moment
from hub.answers.unobserved import Pause, PauseKind, Silence, Unobserved
from hub.pages import french
from hub.pages.french import typeset

SHOWN_MAX = 12
SILENCES_MAX = 5
BRIEF_S = 120
LONG_H = 48
_KINDS = {
    PauseKind.POWERED_OFF: "hors tension",
    PauseKind.AGENT_STOPPED: "programme arrêté",
    PauseKind.CARD_REPLACED: "carte changée",
}


@dataclass(frozen=True, slots=True)
class PauseRow:
    """One pause, in words."""

    what: str
    start: str
    end: str
    length: str
    remark: str


@dataclass(frozen=True, slots=True)
class Pauses:
    """The time without data: a sentence, the newest pauses, and devices that were silent while the site was not."""

    sentence: str
    rows: list[PauseRow]
    silences: list[str]


def pauses(answer: Unobserved, zone: ZoneInfo, now: datetime) -> Pauses:
    """Say when nothing was seen of a site, as far as it can be known."""
    shown = [pause for pause in answer.pauses if pause.high_s is None or pause.high_s >= BRIEF_S]
    return Pauses(
        sentence=_sentence(answer, len(shown)),
        rows=[_row(pause, zone, now) for pause in shown[:SHOWN_MAX]],
        silences=_silences(answer.silences, zone, now),
    )


def _sentence(answer: Unobserved, shown: int) -> str:
    if not answer.pauses:
        return typeset("Aucun arrêt connu : depuis son premier enregistrement, le site a toujours été observé.")
    known = len(answer.pauses) - answer.unknown
    said = f"{french.plural(len(answer.pauses), 'arrêt connu', 'arrêts connus')}"
    if known:
        said += f" : {_between(answer.low_s, answer.high_s)} sans données{' en tout' if known > 1 else ''}"
    if answer.unknown:
        said += f", et {french.plural(answer.unknown, 'arrêt', 'arrêts')} de durée inconnue"
    brief = len(answer.pauses) - shown
    if brief:
        said += f". {french.plural(brief, 'arrêt', 'arrêts')} de moins de deux minutes {_not_listed(brief)}"
    if shown > SHOWN_MAX:
        said += f". Voici les {SHOWN_MAX} derniers"
    return typeset(f"{said}.")


def _not_listed(count: int) -> str:
    return "ne sont pas dans la liste" if count > 1 else "n'est pas dans la liste"


def _row(pause: Pause, zone: ZoneInfo, now: datetime) -> PauseRow:
    length = "inconnue" if pause.high_s is None else _between(pause.low_s or 0.0, pause.high_s)
    return PauseRow(
        what=_KINDS[pause.kind],
        start=_when(pause.start, zone, now),
        end=_end(pause, zone, now),
        length=length,
        remark=_remark(pause),
    )


def _remark(pause: Pause) -> str:
    if pause.absent:
        here = "n'est pas ici" if pause.absent == 1 else "ne sont pas ici"
        return typeset(
            f"{french.plural(pause.absent, 'enregistrement', 'enregistrements')} de ce temps {here} : "
            "l'arrêt a pu être plus court"
        )
    return ""


def _between(low_s: float, high_s: float) -> str:
    """Write a duration as a range, where both ends read differently."""
    low, high = _length(low_s), _length(high_s)
    if low_s < BRIEF_S / 2 <= high_s:
        return f"au plus{french.NBSP}{high}"
    return high if high_s - low_s < BRIEF_S or low == high else f"{low} à{french.NBSP}{high}"


def _when(moment: Moment, zone: ZoneInfo, now: datetime) -> str:
    if moment.at is None:
        return "heure inconnue"
    return french.moment(moment.at.astimezone(zone), now)


def _length(seconds: float) -> str:
    """Write a duration, in days where hours would be too many to grasp."""
    hours = int(seconds) // 3600
    if hours < LONG_H:
        return french.duration(seconds)
    days = f"{hours // 24}{french.NBSP}jours"
    return f"{days} {french.clock(hours % 24)}" if hours % 24 else days


def _end(pause: Pause, zone: ZoneInfo, now: datetime) -> str:
    """Write the end, by the clock alone when it is on the same day."""
    if pause.start.at is None or pause.end.at is None:
        return _when(pause.end, zone, now)
    start, end = pause.start.at.astimezone(zone), pause.end.at.astimezone(zone)
    return french.clock(end.hour, end.minute) if start.date() == end.date() else french.moment(end, now)


def _silences(found: Sequence[Silence], zone: ZoneInfo, now: datetime) -> list[str]:
    """Say for each device how it was silent, those first that still are."""
    devices: dict[str, list[Silence]] = {}
    for silence in sorted(found, key=lambda silence: silence.over):
        devices.setdefault(silence.device, []).append(silence)
    return [_silence(device, silences, zone, now) for device, silences in devices.items()][:SILENCES_MAX]


def _silence(device: str, found: Sequence[Silence], zone: ZoneInfo, now: datetime) -> str:
    newest = found[0]
    at = "" if newest.start is None else french.moment(newest.start.astimezone(zone), now)
    name = f"L'appareil « {device} »"
    if not newest.over:
        return typeset(f"{name} ne répond plus{at and ' depuis le ' + at}.")
    lasted_s = sum(silence.lasted_s or 0 for silence in found)
    unknown = any(silence.lasted_s is None for silence in found)
    length = f"au moins {_length(lasted_s)}" if unknown and lasted_s else _length(lasted_s)
    parts = [f"{french.number(len(found))} fois"] if len(found) > 1 else []
    parts += [f"{'en tout ' if len(found) > 1 else 'pendant '}{length}"] if lasted_s else ["pendant un temps inconnu"]
    parts += [f"{'la dernière fois ' if len(found) > 1 else ''}le {at}"] if at else []
    return typeset(f"{name} n'a pas répondu, {', '.join(parts)}.")
