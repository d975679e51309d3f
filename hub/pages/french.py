"""French as it is printed: numbers, amounts, dates, durations and ages, with the spaces that never break. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime

NBSP = "\u00a0"
THIN = "\u202f"
MINUS = "\u2212"
APOSTROPHE = "\u2019"

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin",
           "juillet", "août", "septembre", "octobre", "novembre", "décembre")  # fmt: skip
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S
_AHEAD_S = 120
"""A site's clock may run this far ahead of ours before it is worth a word."""


def typeset(text: str) -> str:
    """Give a sentence its French apostrophes, and the spaces that keep marks and quotes with their words."""
    text = text.replace("'", APOSTROPHE).replace("« ", f"«{NBSP}").replace(" »", f"{NBSP}»").replace(" :", f"{NBSP}:")
    return re.sub(" ([;!?])", rf"{THIN}\1", text)


def capital(text: str) -> str:
    """Begin a sentence with these words."""
    return text[:1].upper() + text[1:]


def number(value: float, decimals: int = 0) -> str:
    """Write a number with a comma, narrow spaces between thousands and a true minus."""
    digits = f"{abs(value):,.{decimals}f}".replace(",", THIN).replace(".", ",")
    return MINUS + digits if value < 0 and digits.strip("0,") else digits


def quantity(value: float, unit: str, decimals: int = 0) -> str:
    """Write a number with its unit."""
    return f"{number(value, decimals)}{NBSP}{unit}"


def amount(francs: int) -> str:
    """Write an amount of money."""
    return f"{number(francs)}{NBSP}F{THIN}CFA"


def energy(kwh: float) -> str:
    """Write an energy with the decimals that its size deserves."""
    return quantity(kwh, "kWh", 2 if kwh < 10 else 1 if kwh < 100 else 0)  # noqa: PLR2004  three digits or so


def share(fraction: float) -> str:
    """Write a share in per cent, rounded down: what is not all there never reads 100 %."""
    if 0 < fraction < 0.01:  # noqa: PLR2004  one per cent
        return f"moins de{NBSP}1{NBSP}%"
    return quantity(math.floor(fraction * 100 + 1e-9), "%")


def plural(count: int, one: str, many: str) -> str:
    """Write a count and its noun; French has a plural from two."""
    return f"{number(count)} {many if abs(count) >= 2 else one}"  # noqa: PLR2004  grammar


def listing(words: Sequence[str]) -> str:
    """Join words with commas and « et »."""
    return " et ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def day(day: date, *, year: bool = False) -> str:
    """Write a date such as lundi 23 novembre, with its year on request."""
    ordinal = "1er" if day.day == 1 else str(day.day)
    written = f"{_DAYS[day.weekday()]} {ordinal}{NBSP}{_MONTHS[day.month - 1]}"
    return f"{written}{NBSP}{day.year}" if year else written


def clock(hour: int, minute: int = 0) -> str:
    """Write a time of day such as 8 h 05."""
    return f"{hour}{NBSP}h{NBSP}{minute:02}" if minute else f"{hour}{NBSP}h"


def moment(at: datetime, now: datetime) -> str:
    """Write a moment in its own zone; the year only when it is not the present one."""
    written = day(at.date(), year=at.year != now.astimezone(at.tzinfo).year)
    return f"{written} à{NBSP}{clock(at.hour, at.minute)}"


def duration(seconds: float) -> str:
    """Write a duration in hours and minutes, rounded down."""
    minutes = int(seconds) // _MINUTE_S
    if minutes == 0:
        return typeset(f"moins d'une{NBSP}minute")
    return clock(*divmod(minutes, 60)) if minutes >= 60 else quantity(minutes, "min")  # noqa: PLR2004  an hour


def span(seconds: float) -> str:
    """Write how long ago something was, in the one unit that matters."""
    if seconds >= _DAY_S:
        return plural(int(seconds) // _DAY_S, "jour", "jours").replace(" ", NBSP)
    if seconds >= _HOUR_S:
        return clock(int(seconds) // _HOUR_S)
    return duration(max(seconds, 0))


def age(at: datetime, now: datetime) -> str:
    """Write how long ago a moment was, then the moment itself, which stays true on a cached page."""
    seconds = (now - at).total_seconds()
    if seconds < -_AHEAD_S:
        return typeset(f"datées en avance de {span(-seconds)} ({moment(at, now)}) : l'horloge du site est à vérifier")
    return f"il y a {span(seconds)} ({moment(at, now)})"
