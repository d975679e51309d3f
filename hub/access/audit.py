"""The record of who did what: each entry carries the sum of the one before, so that none can be changed or taken out.

What such a chain cannot show by itself is that its end was cut off: whoever keeps the last sum elsewhere can.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FIRST = bytes(32)
"""What stands before the first entry."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who did what to whom; `actor` is a name, or the command where nobody was signed in."""

    at_ms: int
    actor: str
    action: str
    subject: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record."""

    number: int
    act: Act
    previous: bytes
    sum: bytes


def following(previous: Entry | None, act: Act) -> Entry:
    """Write the entry that follows another, or the first."""
    number, before = (1, FIRST) if previous is None else (previous.number + 1, previous.sum)
    return Entry(number, act, before, _sum(number, act, before))


def first_broken(entries: Iterable[Entry]) -> int | None:
    """Name the first entry that is not what was written, or does not follow the one before; None when all is whole."""
    before = FIRST
    for number, one in enumerate(entries, 1):
        if one.number != number or one.previous != before or one.sum != _sum(number, one.act, before):
            return number
        before = one.sum
    return None


def _sum(number: int, act: Act, previous: bytes) -> bytes:
    content = [number, act.at_ms, act.actor, act.action, act.subject, dict(sorted(act.details.items()))]
    return hashlib.sha256(previous + json.dumps(content, ensure_ascii=True).encode()).digest()
