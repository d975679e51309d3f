"""The seal of a site's rows: two HMAC chains with its device key, so that a row edited on the card shows. Pure.

Both sides run them in order of seq over the canonical forms of `protocol.tally`: one over events, which a site never
gives up, one over samples, which it may. So samples that were given up leave no doubt about money.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from protocol import tally, wire
from protocol.batch import Batch
from protocol.events import Tally

KEY_BYTES = 32
EVENTS_SEAL_BYTES, SAMPLES_SEAL_BYTES = 8, 6
"""What is told of a chain's last state: whoever guesses has one guess a day, and the hub shows that it was wrong."""

_HALF = 2**32

Link = tuple[int, bool, bytes]
"""A row as the chains take it: its seq, whether it is an event, its canonical form."""


@dataclass(frozen=True, slots=True)
class Seals:
    """What a site says its chains came to over the rows of one tally; each is the beginning of a chain's last state."""

    events: int
    samples: int


@dataclass(frozen=True, slots=True)
class Chains:
    """Both chains after the rows so far; a value, never written down with its key."""

    key: bytes = field(repr=False)
    events: bytes
    samples: bytes

    def with_event(self, form: bytes) -> Chains:
        """Go on with an event."""
        return Chains(self.key, _mac(self.key, self.events + form), self.samples)

    def with_sample(self, form: bytes) -> Chains:
        """Go on with a sample."""
        return Chains(self.key, self.events, _mac(self.key, self.samples + form))

    def seals(self) -> Seals:
        """Say what the chains have come to."""
        return Seals(
            int.from_bytes(self.events[:EVENTS_SEAL_BYTES], "big"),
            int.from_bytes(self.samples[:SAMPLES_SEAL_BYTES], "big"),
        )


def begin(key: bytes, epoch: int, first_seq: int) -> Chains:
    """Begin with the row `first_seq`; a row of another epoch, or of another tally, can never take its place."""
    return Chains(key, *(_mac(key, wire.canonical([name, epoch, first_seq])) for name in ("events", "samples")))


def chain(started: Chains, links: Iterable[Link]) -> Chains:
    """Go on with many rows, in any order."""
    for _, is_event, form in sorted(links):
        started = started.with_event(form) if is_event else started.with_sample(form)
    return started


def links(batch: Batch, counts: Callable[[int], bool]) -> Iterator[Link]:
    """Lay out the rows of a batch whose numbers count."""
    for row in batch.events:
        if counts(row.seq):
            yield row.seq, True, tally.event_form(row)
    for table in batch.tables:
        for seq, form in tally.sample_forms(batch.schema_id, table, counts):
            yield seq, False, form


def sealed(told: Tally, seals: Seals) -> Tally:
    """Put the seals into a tally."""
    (events_high, events_low), (samples_high, samples_low) = (divmod(s, _HALF) for s in (seals.events, seals.samples))
    return replace(
        told,
        events_seal_high=events_high,
        events_seal_low=events_low,
        samples_seal_high=samples_high,
        samples_seal_low=samples_low,
    )


def of_tally(told: Tally) -> Seals | None:
    """Read the seals of a tally; None when the site has no device key."""
    seals = Seals(
        told.events_seal_high * _HALF + told.events_seal_low, told.samples_seal_high * _HALF + told.samples_seal_low
    )
    return seals if seals.events or seals.samples else None


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
