"""One turn of the hub's ingest: take what arrived, commit it in one transaction, then acknowledge.

Nothing is acknowledged, to the site or to the broker, before the commit has returned. When the ledger refuses
(a full disk), the messages are kept and tried again; meanwhile sites keep their rows.
"""

from __future__ import annotations

import logging

from hub.errors import RetryLater
from hub.ingest.decode import Message, decode
from hub.ingest.turn import GROUP_MAX, Counters, Turn
from hub.ports import Inbox, Ledger

_LOG = logging.getLogger(__name__)

RETRY_S = 2.0


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
                turn = Turn(transaction)
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
        for message, rejected in turn.kept_aside:
            _LOG.warning("kept aside from %s: %s", message.topic, rejected.reason)
        for address, ack in outgoing:
            self._inbox.publish_ack(address, ack)
        self._inbox.settle(done)
        return len(done)
