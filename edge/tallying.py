"""The count of all rows that an outbox takes, closed by a `Tally` after each day of uptime, and its seal. Pure.

It is a value: the outbox keeps the one that belongs to what it has committed, and goes back to it when a commit fails.
With a device key, chains run over the same rows. They must have seen all of them: where a key comes, or is another one
than before, the tally is closed without a seal at once, so that the next has one.
"""

from __future__ import annotations

import hmac
import json
import zlib
from dataclasses import astuple, dataclass, field, replace

from edge.ports import Values
from protocol import seal, tally
from protocol.batch import EventRow
from protocol.events import Tally
from protocol.seal import Chains
from protocol.tally import Sums

DAY_S = 86_400
_NUMBERS = 10
_MARK_BYTES = 4


@dataclass(frozen=True, slots=True)
class Sealer:
    """The device key, and the epoch whose rows it seals."""

    key: bytes = field(repr=False)
    epoch: int

    @property
    def mark(self) -> str:
        """Tell one key from another without telling it."""
        return hmac.digest(self.key, b"mark", "sha256")[:_MARK_BYTES].hex()

    def begin(self, first_seq: int) -> Chains:
        """Begin the chains of a tally."""
        return seal.begin(self.key, self.epoch, first_seq)


@dataclass(frozen=True, slots=True)
class DayTally:
    """What the rows from `first_seq` on add up to; `watched_s` is the time between rows of one boot, over all.

    The chains are None when they have not seen all these rows, or when there is no key.
    """

    first_seq: int
    sums: Sums = Sums()  # noqa: RUF009  a frozen value
    watched_s: int = 0
    boot: int = 0
    uptime_s: int = 0
    sealer: Sealer | None = None
    chains: Chains | None = None

    def with_sample(self, seq: int, schema_id: bytes, table: int, moment: tuple[int, int], values: Values) -> DayTally:
        """Count a sample, taken at this boot and uptime."""
        form = tally.sample_form(seq, schema_id, table, *moment, values)
        chains = None if self.chains is None else self.chains.with_sample(form)
        return self._with(tally.of_sample(form), chains, *moment)

    def with_event(self, row: EventRow) -> DayTally:
        """Count an event."""
        form = tally.event_form(row)
        chains = None if self.chains is None else self.chains.with_event(form)
        return self._with(tally.of_event(row, form), chains, row.boot, row.uptime_s)

    def under(self, sealer: Sealer | None) -> DayTally:
        """Go on with this device key; chains that another one began end here."""
        same = self.chains is not None and sealer is not None and self.chains.key == sealer.key
        fresh = sealer.begin(self.first_seq) if sealer is not None and not self.sums.rows else None
        return replace(self, sealer=sealer, chains=self.chains if same else fresh)

    def due(self) -> bool:
        """Say whether a day of uptime is over, or rows came before the key did."""
        return self.watched_s >= DAY_S or (self.sealer is not None and self.chains is None)

    def close(self, next_seq: int) -> tuple[Tally, DayTally]:
        """Say what there was before `next_seq`, and begin anew with that row."""
        told = self.sums.tally(self.first_seq, next_seq - 1)
        rest = replace(self, first_seq=next_seq, sums=Sums(), watched_s=self.watched_s % DAY_S, chains=None)
        sealed = told if self.chains is None else seal.sealed(told, self.chains.seals())
        return sealed, rest.under(self.sealer)

    def to_text(self) -> str:
        """Write it down so that a bit lost on the card shows; the key stays where it is."""
        said: list[object] = [self.first_seq, *astuple(self.sums), self.watched_s, self.boot, self.uptime_s]
        if self.sealer is not None and self.chains is not None:
            said += [self.sealer.mark, self.chains.events.hex(), self.chains.samples.hex()]
        return json.dumps([*said, _sum(said)])

    def _with(self, more: Sums, chains: Chains | None, boot: int, uptime_s: int) -> DayTally:
        # Rows of a boot come almost in order of time; one that was asked for earlier takes nothing back.
        since_s = self.uptime_s if boot == self.boot else uptime_s
        latest_s = max(since_s, uptime_s)
        watched_s = self.watched_s + latest_s - since_s
        return DayTally(self.first_seq, self.sums + more, watched_s, boot, latest_s, self.sealer, chains)


def resume(text: str | None, next_seq: int, sealer: Sealer | None = None) -> DayTally:
    """Go on from what was written down; where that is missing or damaged, begin with the next row."""
    try:
        *said, check = json.loads(text or "[0]")
    except (ValueError, TypeError):
        said, check = [], None
    if len(said) not in (_NUMBERS, _NUMBERS + 3) or check != _sum(said):
        return DayTally(next_seq).under(sealer)
    (first_seq, *sums, watched_s, boot, uptime_s), chained = said[:_NUMBERS], said[_NUMBERS:]
    running = DayTally(first_seq, Sums(*sums), watched_s, boot, uptime_s)
    if chained and sealer is not None and chained[0] == sealer.mark:
        running = replace(running, chains=Chains(sealer.key, *map(bytes.fromhex, chained[1:])))
    return running.under(sealer)


def _sum(said: list[object]) -> int:
    return zlib.crc32(repr(said).encode())
