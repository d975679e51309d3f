"""Whether the rows of a site's tally are as the site took them, by the chains of its device key. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocol import seal
from protocol.seal import Link, Seals
from protocol.tally import Sums


class Seal(StrEnum):
    """What a seal says of its rows; all but the first two mean that nothing can be told, and why."""

    AGREES = "agrees"
    DIFFERS = "differs"
    """A row was edited on the card, or taken with another key."""

    ROWS_LOST = "rows_lost"
    ROWS_FORGOTTEN = "rows_forgotten"
    """More rows are here than the site counts: its card forgot some, which the comparison of counts shows."""

    NO_KEY = "no_key"
    """The site seals its rows, and its key is not known here."""

    UNSEALED = "unsealed"
    """The site has a key, and these rows have no seal."""

    BEGUN_ANEW = "begun_anew"
    """The rows are right, but do not follow upon those of another tally: nothing vouches for what was between."""

    TOO_LONG = "too_long"
    """There are more rows than are read for one seal."""


@dataclass(frozen=True, slots=True)
class SealVerdict:
    """What the seals of one tally say: of its events (charges, clocks, gaps …), and of its samples."""

    events: Seal
    samples: Seal


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a site said of the rows of a tally, and how many of them are here."""

    epoch: int
    first_seq: int
    claimed: Sums
    here: Sums
    seals: Seals | None
    follows: bool
    """Whether the first row is the tally before, or was that and is lost, or is the first row of all."""


def judge(told: Sealed, keys: Sequence[bytes], links: Iterable[Link] | None) -> SealVerdict | None:
    """Hold the seals against the rows, in any order (None: too many); None for a site that knows no seals."""
    if told.seals is None:
        return _both(Seal.UNSEALED) if keys else None
    if not keys:
        return _both(Seal.NO_KEY)
    events, samples = (
        _uncounted(_events(told.here), _events(told.claimed)), _uncounted(told.here.samples, told.claimed.samples),
    )  # fmt: skip
    if events is not None and samples is not None:
        return SealVerdict(events, samples)
    if links is None:
        return _both(Seal.TOO_LONG)
    found = _found(told, told.seals, keys, sorted(links))
    return SealVerdict(events or _one(told, found=found[0]), samples or _one(told, found=found[1]))


def _uncounted(here: int, claimed: int) -> Seal | None:
    """Say why a chain of other rows than the site counted cannot be told; None when they are as many."""
    if here == claimed:
        return None
    return Seal.ROWS_LOST if here < claimed else Seal.ROWS_FORGOTTEN


def _found(told: Sealed, said: Seals, keys: Sequence[bytes], rows: Sequence[Link]) -> tuple[bool, bool]:
    """Say which of the seals one of the keys explains; the newest one mostly explains both."""
    events = samples = False
    for key in keys:
        seals = seal.chain(seal.begin(key, told.epoch, told.first_seq), rows).seals()
        events, samples = events or seals.events == said.events, samples or seals.samples == said.samples
        if events and samples:
            break
    return events, samples


def _one(told: Sealed, *, found: bool) -> Seal:
    if not found:
        return Seal.DIFFERS
    return Seal.AGREES if told.follows else Seal.BEGUN_ANEW


def _events(sums: Sums) -> int:
    return sums.rows - sums.samples


def _both(what: Seal) -> SealVerdict:
    return SealVerdict(what, what)


def from_plain(plain: Mapping[str, str] | None) -> SealVerdict | None:
    """Read a verdict that was kept as JSON."""
    return None if plain is None else SealVerdict(Seal(plain["events"]), Seal(plain["samples"]))
