"""One turn of the hub's ingest: take what arrived, commit it in one transaction, then acknowledge.

Nothing is acknowledged, to the site or to the broker, before the commit has returned. When the ledger refuses
(a full disk), the messages are kept and tried again; meanwhile sites keep their rows. What no ledger can take is found
by taking the messages of a turn one at a time, and kept aside. A site that sends nothing else is not heard for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hub.errors import Refused, RetryLater
from hub.ingest.decode import Decoded, Message, Rejected, address_of, batch_id_of, decode
from hub.ingest.fair import STRANGERS
from hub.ingest.novelty import Novelty
from hub.ingest.quarantine import Quarantine
from hub.ingest.turn import GROUP_MAX, Counters, Turn
from hub.ports import Inbox, Ledger
from protocol.control import Ack
from protocol.errors import Refusal
from protocol.topics import Address

_LOG = logging.getLogger(__name__)

RETRY_S = 2.0

_CONTENTS = (Refused, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What contents bring about that nobody thought of: in the ledger, or in our own code, which is then wrong."""

SPOILT = "the hub cannot take this"
"""How the reason of a message begins that was kept aside because of it."""

Charge = Callable[[Mapping[str, float]], None]
"""Told how many seconds the messages of each site took."""


class Consumer:
    """The ingest of one hub process; `spent_s` is a clock that stands still while others work."""

    def __init__(
        self,
        ledger: Ledger,
        inbox: Inbox,
        *,
        charge: Charge = lambda _: None,
        spent_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._meter = _Meter(spent_s)
        self._charge = charge
        self._waiting: list[Message] = []
        self._alone = 0
        self._not_before_ms = 0
        self._novelty = Novelty()
        self._quarantine = Quarantine()
        self.sites: frozenset[str] | None = None
        """Who is enrolled, as of the last turn."""

        self.counters = Counters(dropped=self._quarantine.dropped, aside_until_ms=self._quarantine.until_ms)

    def step(self, now_ms: int) -> int:
        """Commit and acknowledge what arrived; returns the number of messages done with."""
        self._waiting += self._inbox.take(GROUP_MAX - len(self._waiting))
        self.counters.overflowed = self._inbox.overflowed
        if not self._waiting or now_ms < self._not_before_ms:
            return 0
        self._meter.start()
        try:
            shards = {site.site: site.shard for site in self._ledger.sites()}
            self.sites = frozenset(shards)
            dropped = self._drop(shards, now_ms)
            group = self._waiting[:1] if self._alone else self._waiting
            return dropped + (self._take(group, shards, now_ms) if group else 0)
        except RetryLater as error:
            self.counters.retries += 1
            self._not_before_ms = now_ms + round(RETRY_S * 1000)
            _LOG.warning("%d messages wait: %s", len(self._waiting), error)
            return 0
        finally:
            self._charge(self._meter.read())

    def _drop(self, shards: Mapping[str, int], now_ms: int) -> int:
        """Leave out, unread, what comes from sites that are set aside; returns how much that was."""
        kept: list[Message] = []
        held: list[Message] = []
        for message in self._waiting:
            site = _sender(message, shards)
            if self._quarantine.holds(site, now_ms):
                self._quarantine.drop(site)
                held.append(message)
            else:
                kept.append(message)
        self._waiting = kept
        self._inbox.settle(held)
        return len(held)

    def _take(self, group: Sequence[Message], shards: Mapping[str, int], now_ms: int) -> int:
        """Commit a group and acknowledge it; returns how much is done with."""
        try:
            turn, outgoing = self._commit(self._decoded(group, shards), now_ms)
        except _CONTENTS as error:
            if len(group) > 1:
                _LOG.warning("%d messages are taken one at a time: one cannot be taken (%s)", len(group), error)
                self._alone = len(group)
                return self._take(group[:1], shards, now_ms)
            _LOG.exception("a message on %s cannot be taken", group[0].topic)
            turn, outgoing = self._commit([(group[0], _spoilt(group[0], shards, error))], now_ms)
        self._waiting = self._waiting[len(group) :]
        self._alone = max(self._alone - len(group), 0)
        self._novelty.brought(turn.news, now_ms)
        self.counters.add(turn.done, now_ms)
        for address, ack in outgoing:
            self._inbox.publish_ack(address, ack)
        self._inbox.settle(group)
        self._judge(turn, shards, now_ms)
        return len(group)

    def _decoded(self, group: Sequence[Message], shards: Mapping[str, int]) -> list[tuple[Message, Decoded]]:
        found = []
        for message in group:
            found.append((message, decode(message, shards)))
            self._meter.book(_sender(message, shards))
        return found

    def _commit(
        self, decoded: Sequence[tuple[Message, Decoded]], now_ms: int
    ) -> tuple[Turn, list[tuple[Address, Ack]]]:
        outgoing = []
        with self._ledger.begin() as transaction:
            turn = Turn(transaction, self._novelty, now_ms)
            for message, what in decoded:
                turn.take(message, what)
                self._meter.book(what.address.site if what is not None and what.address is not None else STRANGERS)
            for address, ack in turn.acks():
                self._meter.book(address.site)
                if ack is not None:
                    outgoing.append((address, ack))
        return turn, outgoing

    def _judge(self, turn: Turn, shards: Mapping[str, int], now_ms: int) -> None:
        """Say which messages were kept aside, and set sites aside that send nothing else."""
        kept: dict[str, list[tuple[Message, Rejected]]] = {}
        for message, rejected in turn.kept_aside:
            kept.setdefault(_sender(message, shards), []).append((message, rejected))
        for site in turn.good:
            self._quarantine.taken(site)
        for site, some in kept.items():
            message, rejected = some[-1]
            who = site or "sites that are not enrolled"
            _LOG.warning("kept aside %d of %s, the last on %.200s: %s", len(some), who, message.topic, rejected.reason)
            pauses = [self._quarantine.refused(site, now_ms) for _ in some]
            pause_ms = max((pause for pause in pauses if pause is not None), default=None)
            if pause_ms is not None:
                _LOG.warning("%s: every message was refused; not heard for %d s from now on", who, pause_ms // 1000)


class _Meter:
    """Books the time since the last booking on whoever it was spent for."""

    def __init__(self, spent_s: Callable[[], float]) -> None:
        self._spent_s = spent_s
        self._at_s = spent_s()
        self._booked: dict[str, float] = {}

    def start(self) -> None:
        """Begin: what was spent until now was spent for nobody."""
        self._at_s = self._spent_s()

    def book(self, site: str) -> None:
        """Book what was spent since the last time."""
        at_s = self._spent_s()
        self._booked[site] = self._booked.get(site, 0.0) + at_s - self._at_s
        self._at_s = at_s

    def read(self) -> dict[str, float]:
        """Give what was booked, and begin anew."""
        booked, self._booked = self._booked, {}
        return booked


def _sender(message: Message, shards: Mapping[str, int]) -> str:
    """Say whose message this is; all who are not enrolled count as one."""
    address = address_of(message.topic)
    return address.site if address is not None and shards.get(address.site) == address.shard else STRANGERS


def _spoilt(message: Message, shards: Mapping[str, int], error: Exception) -> Rejected:
    """Turn a message that cannot be taken into one that is kept aside."""
    reason = f"{SPOILT}: {error}"[:200]
    address = address_of(message.topic) if _sender(message, shards) else None
    rejected = Rejected(Refusal.MALFORMED, reason.encode("utf-8", "replace").decode(), address)
    return replace(rejected, batch_id=batch_id_of(message, address))
