"""One turn of the hub's ingest: take what arrived, commit it in one transaction, then acknowledge.

Nothing is acknowledged, to the site or to the broker, before the commit has returned. When the ledger refuses
(a full disk), the messages are kept and tried again; meanwhile sites keep their rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.errors import RetryLater
from hub.ingest import acks, project
from hub.ingest.decode import BatchArrived, Decoded, Message, Rejected, SchemaArrived, StateArrived, decode
from hub.ports import Inbox, Ledger, Transaction
from protocol.control import Ack, Refused
from protocol.errors import Refusal
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
    rejected: dict[str, int] = field(default_factory=dict)
    last_commit_ms: int | None = None


@dataclass(slots=True)
class _Reply:
    """What one epoch of one site will be told once the transaction has committed."""

    batches: list[int] = field(default_factory=list)
    schemas_wanted: list[bytes] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


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
        if not self._waiting or now_ms < self._not_before_ms:
            return 0
        replies: dict[_Epoch, _Reply] = {}
        try:
            with self._ledger.begin() as transaction:
                shards = transaction.shards()
                decoded = [(message, decode(message, shards)) for message in self._waiting]
                fresh = sum(_apply(transaction, message, what, replies) for message, what in decoded)
                outgoing = [(epoch[0], _ack(transaction, epoch, reply, now_ms)) for epoch, reply in replies.items()]
        except RetryLater as error:
            self.counters.retries += 1
            self._not_before_ms = now_ms + round(RETRY_S * 1000)
            _LOG.warning("%d messages wait: %s", len(self._waiting), error)
            return 0
        done, self._waiting = self._waiting, []
        self._count([what for _, what in decoded], fresh, now_ms)
        for address, ack in outgoing:
            self._inbox.publish_ack(address, ack)
        self._inbox.settle(done)
        return len(done)

    def _count(self, decoded: Iterable[Decoded], fresh: int, now_ms: int) -> None:
        counters = self.counters
        counters.last_commit_ms = now_ms
        for what in decoded:
            counters.messages += 1
            if isinstance(what, BatchArrived):
                counters.batches += 1
                counters.rows_offered += sum(1 for _ in what.batch.seqs())
            elif isinstance(what, Rejected):
                counters.rejected[what.refusal] = counters.rejected.get(what.refusal, 0) + 1
        counters.rows += fresh


def _apply(transaction: Transaction, message: Message, what: Decoded, replies: dict[_Epoch, _Reply]) -> int:
    """Bring one message into the transaction; returns the rows that were new."""
    match what:
        case BatchArrived():
            reply = replies.setdefault((what.address, what.batch.epoch), _Reply())
            if what.batch.schema_id and transaction.schema(what.batch.schema_id) is None:
                reply.schemas_wanted.append(what.batch.schema_id)
                return 0
            reply.batches.append(what.batch_id)
            return project.apply(transaction, what, message)
        case SchemaArrived():
            transaction.add_schema(what.schema_id, message.payload)
        case StateArrived():
            transaction.state(what.address.site, what.state, message.received_at_ms)
        case Rejected():
            _LOG.warning("kept aside from %s: %s", message.topic, what.reason)
            transaction.reject(message, what)
            # A version that this hub does not speak yet is left unanswered: the site keeps the rows for a newer hub.
            if what.address is not None and what.batch_id is not None and what.refusal in _HOPELESS:
                reply = replies.setdefault((what.address, EPOCH_UNREADABLE), _Reply())
                reply.refused.append(Refused(what.batch_id, what.reason))
        case None:
            pass
    return 0


def _ack(transaction: Transaction, epoch: _Epoch, reply: _Reply, now_ms: int) -> Ack:
    address, number = epoch
    return acks.compose(
        transaction.receipts(address.site, number),
        utc_ms=now_ms,
        batches=tuple(reply.batches),
        schemas_wanted=tuple(dict.fromkeys(reply.schemas_wanted)),
        refused=tuple(reply.refused),
    )
