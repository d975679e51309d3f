"""One transaction's worth of messages, whichever way they came: by the broker or in a courier file.

Both ways end here, so that a row counts once however often and by whatever way it arrives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.ingest import acks, project
from hub.ingest.decode import (
    BatchArrived,
    Decoded,
    LiveArrived,
    Message,
    Rejected,
    SchemaArrived,
    StateArrived,
    misfit,
)
from hub.ingest.live_values import live_values
from hub.ingest.novelty import Kind, Novelty
from hub.ports import Transaction
from protocol.batch import Batch
from protocol.control import Ack, Refused
from protocol.errors import Refusal
from protocol.schema import Schema
from protocol.topics import Address

GROUP_MAX = 64
"""Messages in one transaction."""

EPOCH_UNREADABLE = 0
"""The epoch of an ack that refuses a batch which could not be read far enough to know its own."""


@dataclass(slots=True)
class Counters:
    """What was done with messages: in one turn, in a file, or by the ingest since it started (see /metrics)."""

    messages: int = 0
    batches: int = 0
    rows: int = 0
    rows_offered: int = 0
    retries: int = 0
    overflowed: int = 0
    withheld: int = 0
    too_new: dict[str, int] = field(default_factory=dict)
    """Schemas, and batches of epochs, that were not taken because a site brought too many new ones; by `Kind`."""

    rejected: dict[str, int] = field(default_factory=dict)
    forgotten: int = 0
    """Refused messages that were kept and gave way to newer ones of the same site."""

    dropped: dict[str, int] = field(default_factory=dict)
    """Messages of sites that were set aside, dropped unread; by site."""

    overflowed_by: dict[str, int] = field(default_factory=dict)
    """Messages that found no room in the queue, by site."""

    aside_until_ms: dict[str, int] = field(default_factory=dict)
    """When the sites that were set aside are heard again."""

    last_commit_ms: int | None = None

    def add(self, turn: Counters, now_ms: int) -> None:
        """Add what one committed turn has done."""
        self.messages += turn.messages
        self.batches += turn.batches
        self.rows += turn.rows
        self.rows_offered += turn.rows_offered
        self.withheld += turn.withheld
        self.forgotten += turn.forgotten
        for ours, theirs in ((self.rejected, turn.rejected), (self.too_new, turn.too_new)):
            for label, count in theirs.items():
                ours[label] = ours.get(label, 0) + count
        self.last_commit_ms = now_ms


@dataclass(slots=True)
class _Reply:
    """What one epoch of one site will be told once the transaction has committed."""

    batches: list[int] = field(default_factory=list)
    schemas_wanted: list[bytes] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    heard: list[Batch] = field(default_factory=list)
    may_wait: bool = True
    """Every batch said that its ack may wait for a later one."""

    def due(self) -> bool:
        """Say whether there is something to tell that cannot wait."""
        return not self.may_wait or bool(self.schemas_wanted or self.refused)


_Epoch = tuple[Address, int]
_HOPELESS = (Refusal.MALFORMED, Refusal.TRUNCATED, Refusal.OVERSIZED)


class Turn:
    """What the messages of one transaction change, what their senders will be told, what is counted."""

    def __init__(self, transaction: Transaction, novelty: Novelty, now_ms: int) -> None:
        self._transaction = transaction
        self._novelty = novelty
        self._now_ms = now_ms
        self._replies: dict[_Epoch, _Reply] = {}
        self.done = Counters()
        self.kept_aside: list[tuple[Message, Rejected]] = []
        self.good: set[str] = set()
        """Sites of which a batch or a schema was taken."""

        self.news: Counter[tuple[str, Kind]] = Counter()

    def take(self, message: Message, what: Decoded) -> None:
        """Bring one message into the transaction."""
        self.done.messages += 1
        match what:
            case BatchArrived() as arrived:
                self._batch(message, arrived)
            case SchemaArrived() as arrived:
                self._schema(message, arrived)
            case StateArrived() as arrived:
                self._transaction.state(arrived.address.site, arrived.state, message.received_at_ms)
            case LiveArrived() as arrived:
                self._live(arrived, message.received_at_ms)
            case Rejected() as rejected:
                self._reject(message, rejected)
            case None:
                pass

    def acks(self) -> Iterator[tuple[Address, Ack | None]]:
        """Say what each epoch that was heard will be told; None when that can wait."""
        for (address, epoch), reply in self._replies.items():
            ack = self._ack(address, epoch, reply)
            yield address, ack if reply.due() or ack.forked else None

    def _ack(self, address: Address, epoch: int, reply: _Reply) -> Ack:
        receipts = self._transaction.receipts(address.site, epoch)
        return acks.compose(
            receipts,
            utc_ms=self._now_ms,
            batches=tuple(reply.batches),
            schemas_wanted=tuple(dict.fromkeys(reply.schemas_wanted)),
            refused=tuple(reply.refused),
            forked=any(acks.forks(receipts, batch) for batch in reply.heard),
        )

    def _schema(self, message: Message, arrived: SchemaArrived) -> None:
        site = arrived.address.site
        if self._transaction.schema(arrived.schema_id) is None:
            if not self._may_be_new(site, Kind.SCHEMA):
                return
            self._transaction.add_schema(arrived.schema_id, message.payload)
        self.good.add(site)

    def _may_be_new(self, site: str, kind: Kind) -> bool:
        """Count something new of a site, unless it is too much; what is not taken is not acknowledged."""
        if self._novelty.left(site, kind, self._now_ms) <= self.news[site, kind]:
            self.done.too_new[kind] = self.done.too_new.get(kind, 0) + 1
            return False
        self.news[site, kind] += 1
        return True

    def _batch(self, message: Message, arrived: BatchArrived) -> None:
        batch, site = arrived.batch, arrived.address.site
        named = self._transaction.schema(batch.schema_id) if batch.schema_id else Schema(())
        if named is None:
            self.done.withheld += 1
            reply = self._reply(arrived.address, batch.epoch)
            reply.schemas_wanted.append(batch.schema_id)
            reply.heard.append(batch)
            return
        wrong = misfit(arrived, named)
        if wrong is not None:
            self._reject(message, wrong)
            return
        known = self._transaction.receipts(site, batch.epoch)
        if not (known.received or known.lost) and not self._may_be_new(site, Kind.EPOCH):
            return
        self.good.add(site)
        reply = self._reply(arrived.address, batch.epoch)
        reply.batches.append(arrived.batch_id)
        reply.may_wait = reply.may_wait and batch.ack_later
        reply.heard.append(batch)
        self.done.batches += 1
        self.done.rows_offered += sum(1 for _ in batch.seqs())
        self.done.rows += project.apply(self._transaction, arrived, message, known)

    def _live(self, arrived: LiveArrived, received_at_ms: int) -> None:
        """Name the values by their schema; should the hub lack it, a batch will ask for it."""
        live = arrived.live
        schema = self._transaction.schema(live.schema_id) if live.schema_id else None
        values = live_values(live, schema, received_at_ms) if schema is not None else {}
        self._transaction.live(arrived.address.site, live, values, received_at_ms)

    def _reject(self, message: Message, rejected: Rejected) -> None:
        self.done.forgotten += self._transaction.reject(message, rejected)
        self.kept_aside.append((message, rejected))
        self.done.rejected[rejected.refusal] = self.done.rejected.get(rejected.refusal, 0) + 1
        # A version that this hub does not speak yet is left unanswered: the site keeps the rows for a newer hub.
        if rejected.address is not None and rejected.batch_id is not None and rejected.refusal in _HOPELESS:
            refused = Refused(rejected.batch_id, rejected.reason)
            self._reply(rejected.address, EPOCH_UNREADABLE).refused.append(refused)

    def _reply(self, address: Address, epoch: int) -> _Reply:
        return self._replies.setdefault((address, epoch), _Reply())
