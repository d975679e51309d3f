"""How many bytes a site may still spend: so many a day, what was not spent carried over for a month.

When little is left, detail stops first, then summaries, notes and alarms; money never does. A day turns by a clock that
is trusted (NTP, or the hub's), else after 24 hours of uptime. A wall clock that nobody vouches for neither gives nor
takes: days that uptime has given are not given again when the date becomes known, and a date that jumps ahead and
comes back has given nothing in the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any

from edge.traffic import Counts, Kind
from protocol.events import Lane, Traffic

DAY_S = 86_400
CARRY_DAYS = 31
"""Unspent days that are carried over: a month's bundle."""

DEBT_DAYS = 1
"""Overspending beyond this is forgiven, or a site whose link broke all day would be mute for a week."""

RESERVES: Mapping[Lane, float] = MappingProxyType(
    {Lane.TELEMETRY: 0.2, Lane.SUMMARY: 0.12, Lane.NOTE: 0.06, Lane.ALARM: 0.0}
)
"""A lane is sent while more than this share of a day's budget is left."""

LIVE_SHARE = 0.5
"""The share of a day's budget that live views may use."""

ROW_BYTES = 25.0
"""What a sample costs on the link, until it is measured."""

_ROWS_MEASURED = 480
"""A batch of so many rows replaces what was believed of their cost; a smaller one corrects it."""

SHED_LEAST = 64
"""Rows given up at once at the least: each time costs the site a `Gap`."""


@dataclass(slots=True)
class Budget:
    """The account of one site; `daily_bytes` is 0 when nobody counts. All of it but that survives in `to_text`."""

    daily_bytes: int
    left: int = 0
    day: int = 0
    """The day that is being counted, in UTC days since 1970; 0 when no trusted clock told it."""

    counts: Counts = field(default_factory=Counts)
    shed_rows: int = 0
    shedding: bool = False
    row_bytes: float = ROW_BYTES
    trusted_day: int = 0
    """The last day that a trusted clock told."""

    ahead_days: int = 0
    """Days given since then, by uptime or by a date that was taken back."""

    day_s: float = 0.0
    """Uptime seen in the day that is being counted."""

    _seen_s: float | None = None

    def turn(self, uptime_s: float, utc_s: float | None) -> Traffic | None:
        """Let time pass, `utc_s` being a trusted clock if there is one; the account of a day that has ended."""
        self.day_s += 0.0 if self._seen_s is None else uptime_s - self._seen_s
        self._seen_s = uptime_s
        if utc_s is not None:
            return self._told(int(utc_s // DAY_S))
        if self.day_s < DAY_S:
            return None
        self.ahead_days = min(self.ahead_days + 1, CARRY_DAYS)
        return self._close(0, days=1, left_s=self.day_s - DAY_S)

    def spend(self, kind: Kind, count: int) -> None:
        """Book bytes."""
        self.counts.add(kind, count)
        self.left = max(self.left - count, -DEBT_DAYS * self.daily_bytes)

    def measured(self, rows: int, count: int) -> None:
        """Learn from a batch of samples what one of them costs."""
        self.row_bytes += min(rows / _ROWS_MEASURED, 1.0) * (count / rows - self.row_bytes)

    def limit(self) -> Lane:
        """Name the least valuable lane that may be sent now."""
        if not self.daily_bytes:
            return Lane.TELEMETRY
        allowed = [lane for lane, reserve in RESERVES.items() if self.left > reserve * self.daily_bytes]
        return max(allowed, default=Lane.MONEY)

    def excess(self, waiting: int) -> int:
        """Count the rows of detail, of so many that wait, that the coming day's budget cannot carry."""
        if self.limit() is Lane.TELEMETRY:
            return 0
        carried = (1 - RESERVES[Lane.TELEMETRY]) * self.daily_bytes / max(self.row_bytes, 1.0)
        excess = waiting - int(carried)
        return excess if excess >= SHED_LEAST else 0

    def live_left(self) -> int:
        """Count the bytes that live views may still use today."""
        if not self.daily_bytes:
            return CARRY_DAYS * 10**6
        share = int(LIVE_SHARE * self.daily_bytes) - self.counts.by_kind[Kind.LIVE]
        return max(0, min(share, self.left - int(RESERVES[Lane.TELEMETRY] * self.daily_bytes)))

    def to_text(self) -> str:
        """Write what must survive a power cut."""
        state = asdict(self) | {"counts": self.counts.by_kind}
        return json.dumps({name: value for name, value in state.items() if name in _KEPT}, separators=(",", ":"))

    def _told(self, day: int) -> Traffic | None:
        passed = day - self.trusted_day if self.trusted_day else 0
        given = max(passed - self.ahead_days, 0)
        self.trusted_day = day
        self.ahead_days = min(max(self.ahead_days - passed, 0), CARRY_DAYS)
        if passed > 0:
            return self._close(day, days=given, left_s=0.0)
        self.day = day
        return None

    def _close(self, next_day: int, *, days: int, left_s: float) -> Traffic:
        ended = Traffic(
            self.day,
            self.daily_bytes,
            max(self.left, 0) if self.daily_bytes else 0,
            shed_rows=self.shed_rows,
            **{f"{kind.name.lower()}_bytes": self.counts.by_kind[kind] for kind in Kind},
        )
        self.left = min(self.left + days * self.daily_bytes, CARRY_DAYS * self.daily_bytes)
        self.day, self.day_s = next_day, left_s
        self.counts, self.shed_rows = Counts(), 0
        return ended


_KEPT = frozenset(item.name for item in fields(Budget)) - {"daily_bytes", "_seen_s"}


def restored(text: str | None, daily_bytes: int) -> Budget:
    """Go on from a text; one that is not there, or damaged, is a first day."""
    first = Budget(daily_bytes, left=daily_bytes)
    if text is None:
        return first
    try:
        state: dict[str, Any] = json.loads(text)
        counts = Counts([int(count) for count in state["counts"]])
        kept = Budget(
            daily_bytes,
            left=min(int(state["left"]), CARRY_DAYS * daily_bytes),
            day=int(state["day"]),
            counts=counts,
            shed_rows=int(state["shed_rows"]),
            shedding=bool(state["shedding"]),
            row_bytes=float(state["row_bytes"]),
            trusted_day=int(state["trusted_day"]),
            ahead_days=int(state["ahead_days"]),
            day_s=float(state["day_s"]),
        )
    except (ValueError, KeyError, TypeError):
        return first
    return kept if len(counts.by_kind) == len(Kind) and min(counts.by_kind) >= 0 else first
