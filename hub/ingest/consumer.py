"""One turn of the hub's ingest: take what arrived, commit it in one transaction, then acknowledge.

Nothing is acknowledged, to the site or to the broker, before the commit has returned. When the ledger refuses
(a full disk), the messages are kept and tried again; meanwhile sites keep their rows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from hub.errors import RetryLater
from hub.ingest import acks, project
from hub.ingest.decode import BatchArrived, Decoded, Message, Rejected, SchemaArrived, StateArrived, decode, misfit
from hub.ports import Inbox, Ledger, Transaction
from protocol.batch import Batch
from protocol.control import Ack, Refused
from protocol.errors import Refusal
from protocol.schema import Schema
from protocol.topics import Address

_LOG = logging.getLogger(__name__)

GROUP_MAX = 64
"""Messages in one transaction."""

RETRY_S = 2.0

EPOCH_UNREADABLE = 0
"""The epoch of an ack that refuses a batch which could not be read far enough to know its own."""


@dataclass(slots=True)
class Counters:
    """What the ingest has done since it started; shown by /metrics."""

    messages: int = 0
    batches: int = 0
    rows: int = 0
    rows_offered: int = 0
    retries: int = 0
    overflowed: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    last_commit_ms: int | None = None

    def add(self, turn: Counters, now_ms: int) -> None:
        """Add what one committed turn has done."""
        self.messages += turn.messages
        self.batches += turn.batches
        self.rows += turn.rows
        self.rows_offered += turn.rows_offered
        for refusal, count in turn.rejected.items():
            self.rejected[refusal] = self.rejected.get(refusal, 0) + count
        self.last_commit_ms = now_ms


@dataclass(slots=True)
class _Reply:
    """What one epoch of one site will be told once the transaction has committed."""

    batches: list[int] = field(default_factory=list)
    schemas_wanted: list[bytes] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    heard: list[Batch] = field(default_factory=list)


_Epoch = tuple[Address, int]
_HOPELESS = (Refusal.MALFORMED, Refusal.TRUNCATED, Refusal.OVERSIZED)


class Consumer:
    """The ingest of one hub process."""

    def __init__(self, ledger: Ledger, inbox: Inbox) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._waiting: list[Message] = []
        self._not_before_ms = 0
        self.counters = Counters()

    def step(self, now_ms: int) -> int:
        """Commit and acknowledge what arrived; returns the number of messages done with."""
        self._waiting += self._inbox.take(GROUP_MAX - len(self._waiting))
        self.counters.overflowed = self._inbox.overflowed
        if not self._waiting or now_ms < self._not_before_ms:
            return 0
        try:
            shards = {site.site: site.shard for site in self._ledger.sites()}
            decoded = [(message, decode(message, shards)) for message in self._waiting]
            with self._ledger.begin() as transaction:
                turn = _Turn(transaction)
                for message, what in decoded:
                    turn.take(message, what)
                outgoing = turn.acks(now_ms)
        except RetryLater as error:
            self.counters.retries += 1
            self._not_before_ms = now_ms + round(RETRY_S * 1000)
            _LOG.warning("%d messages wait: %s", len(self._waiting), error)
            return 0
        done, self._waiting = self._waiting, []
        self.counters.add(turn.done, now_ms)
        for address, ack in outgoing:
            self._inbox.publish_ack(address, ack)
        self._inbox.settle(done)
        return len(done)


class _Turn:
    """One transaction's worth of messages: what they change, what their senders will be told, what is counted."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._replies: dict[_Epoch, _Reply] = {}
        self.done = Counters()

    def take(self, message: Message, what: Decoded) -> None:
        """Bring one message into the transaction."""
        self.done.messages += 1
        match what:
            case BatchArrived() as arrived:
                self._batch(message, arrived)
            case SchemaArrived() as arrived:
                self._transaction.add_schema(arrived.schema_id, message.payload)
            case StateArrived() as arrived:
                self._transaction.state(arrived.address.site, arrived.state, message.received_at_ms)
            case Rejected() as rejected:
                self._reject(message, rejected)
            case None:
                pass

    def acks(self, now_ms: int) -> list[tuple[Address, Ack]]:
        """Say what each epoch that was heard will be told."""
        return [
            (address, self._ack(address, epoch, reply, now_ms)) for (address, epoch), reply in self._replies.items()
        ]

    def _ack(self, address: Address, epoch: int, reply: _Reply, now_ms: int) -> Ack:
        receipts = self._transaction.receipts(address.site, epoch)
        return acks.compose(
            receipts,
            utc_ms=now_ms,
            batches=tuple(reply.batches),
            schemas_wanted=tuple(dict.fromkeys(reply.schemas_wanted)),
            refused=tuple(reply.refused),
            forked=any(acks.forks(receipts, batch) for batch in reply.heard),
        )

    def _batch(self, message: Message, arrived: BatchArrived) -> None:
        batch = arrived.batch
        named = self._transaction.schema(batch.schema_id) if batch.schema_id else Schema(())
        if named is None:
            reply = self._reply(arrived.address, batch.epoch)
            reply.schemas_wanted.append(batch.schema_id)
            reply.heard.append(batch)
            return
        wrong = misfit(arrived, named)
        if wrong is not None:
            self._reject(message, wrong)
            return
        reply = self._reply(arrived.address, batch.epoch)
        reply.batches.append(arrived.batch_id)
        reply.heard.append(batch)
        self.done.batches += 1
        self.done.rows_offered += sum(1 for _ in batch.seqs())
        self.done.rows += project.apply(self._transaction, arrived, message)

    def _reject(self, message: Message, rejected: Rejected) -> None:
        _LOG.warning("kept aside from %s: %s", message.topic, rejected.reason)
        self._transaction.reject(message, rejected)
        self.done.rejected[rejected.refusal] = self.done.rejected.get(rejected.refusal, 0) + 1
        # A version that this hub does not speak yet is left unanswered: the site keeps the rows for a newer hub.
        if rejected.address is not None and rejected.batch_id is not None and rejected.refusal in _HOPELESS:
            refused = Refused(rejected.batch_id, rejected.reason)
            self._reply(rejected.address, EPOCH_UNREADABLE).refused.append(refused)

    def _reply(self, address: Address, epoch: int) -> _Reply:
        return self._replies.setdefault((address, epoch), _Reply())
