"""What waits for the ingest, by site: each in its turn, none with more than its share. Pure.

A site has a lane of its own, bounded in messages and in bytes. Where all lanes together are too long, the longest
loses what came last. What finds no room is not kept: the site sends it again, for only the hub's ack settles a row. Who
takes too much of the hub's time, messages or disk waits in its lane until it may go on; nobody else waits with it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.ingest.decode import Message
from hub.pace import Bucket, Rate

STRANGERS = ""
"""The one lane of all who are not enrolled."""

OVERHEAD_BYTES = 1024
"""What the smallest message takes in memory."""

_DAY_S = 86_400
_SWEEP_EVERY = 1024


@dataclass(frozen=True, slots=True)
class Share:
    """What a site may have; a site that empties its outbox has 25 batches on their way, of at most 64 KiB each."""

    waiting: int = 64
    waiting_bytes: int = 2 * 2**20
    all_waiting_bytes: int = 64 * 2**20
    """Of all sites; each message counts for `OVERHEAD_BYTES` more than it has."""

    in_turn: int = 8
    """Messages of one site in one transaction."""

    messages: Rate = Rate(5000, 0.5)  # noqa: RUF009  a frozen value
    """A year's backlog at once, then 30 a minute: a site of ours sends one."""

    payload: Rate = Rate(64 * 2**20, 64 * 2**20 / _DAY_S)  # noqa: RUF009  a frozen value
    """Bytes, and so what one site adds to the ledger: some years' backlog at once, then as much a day."""

    work: Rate = Rate(60, 0.25)  # noqa: RUF009  a frozen value
    """Seconds of the ingest's time: a month's backlog takes ten, in the long run it is a quarter."""


@dataclass(slots=True)
class _Lane:
    """What waits of one site, and what it may still use."""

    messages: Bucket
    payload: Bucket
    work: Bucket
    waiting: deque[Message] = field(default_factory=deque)
    waiting_bytes: int = 0

    def may_go(self, now_s: float) -> bool:
        """Say whether the site has used no more than its share."""
        return all(bucket.fill(now_s) > 0 for bucket in (self.messages, self.payload, self.work))

    def rested(self, now_s: float) -> bool:
        """Say whether there is nothing to remember of the site."""
        buckets = (self.messages, self.payload, self.work)
        return not self.waiting and all(bucket.fill(now_s) >= bucket.rate.most for bucket in buckets)


class FairQueue:
    """Messages in, messages out, in fair order; `overflowed` counts by site what found no room."""

    def __init__(self, share: Share | None = None) -> None:
        self._share = Share() if share is None else share
        self._lanes: dict[str, _Lane] = {}
        self._turns: dict[str, None] = {}  # sites that wait, the next to be served first
        self._until_sweep = _SWEEP_EVERY
        self.waiting_bytes = 0
        self.overflowed: dict[str, int] = {}

    def put(self, site: str, message: Message, now_s: float) -> list[Message]:
        """Let a message wait; gives back what finds no room: this one, or what a longer lane had to drop for it."""
        self._sweep(now_s)
        lane, size, share = self._lane(site, now_s), _size(message), self._share
        if len(lane.waiting) >= share.waiting or lane.waiting_bytes + size > min(
            share.waiting_bytes, share.all_waiting_bytes
        ):
            return [self._overflow(site, message)]
        dropped: list[Message] = []
        while self.waiting_bytes + size > share.all_waiting_bytes:
            longest = max(self._turns, key=lambda waiting: self._lanes[waiting].waiting_bytes)
            if self._lanes[longest].waiting_bytes <= lane.waiting_bytes + size:
                return [*dropped, self._overflow(site, message)]
            dropped.append(self._overflow(longest, self._lanes[longest].waiting.pop()))
            self._shorten(longest, dropped[-1])
        lane.waiting.append(message)
        lane.waiting_bytes += size
        self.waiting_bytes += size
        self._turns.setdefault(site)
        return dropped

    def take(self, limit: int, now_s: float) -> list[Message]:
        """Take at most so many, one of each site in turn, and no more than its share of a transaction."""
        taken: list[Message] = []
        given: Counter[str] = Counter()
        going = deque(site for site in self._turns if self._lanes[site].may_go(now_s))
        while going and len(taken) < limit:
            site = going.popleft()
            lane = self._lanes[site]
            message = lane.waiting.popleft()
            lane.messages.spend(1)
            lane.payload.spend(len(message.payload))
            taken.append(message)
            given[site] += 1
            self._shorten(site, message)
            if lane.waiting:
                del self._turns[site]
                self._turns[site] = None  # it goes to the end
                if given[site] < self._share.in_turn and lane.may_go(now_s):
                    going.append(site)
        return taken

    def charge(self, spent_s: Mapping[str, float], now_s: float) -> None:
        """Book the time that the messages of each site took."""
        for site, seconds in spent_s.items():
            lane = self._lane(site, now_s)
            lane.work.fill(now_s)
            lane.work.spend(seconds)

    def ready(self, now_s: float) -> bool:
        """Say whether there is something to take."""
        return any(self._lanes[site].may_go(now_s) for site in self._turns)

    def _lane(self, site: str, now_s: float) -> _Lane:
        if site not in self._lanes:
            share = self._share
            messages, payload = Bucket.full(share.messages, now_s), Bucket.full(share.payload, now_s)
            self._lanes[site] = _Lane(messages, payload, Bucket.full(share.work, now_s))
        return self._lanes[site]

    def _shorten(self, site: str, message: Message) -> None:
        """Book what left a lane; one that is empty waits for no turn."""
        lane, size = self._lanes[site], _size(message)
        lane.waiting_bytes -= size
        self.waiting_bytes -= size
        if not lane.waiting:
            del self._turns[site]

    def _overflow(self, site: str, message: Message) -> Message:
        self.overflowed[site] = self.overflowed.get(site, 0) + 1
        return message

    def _sweep(self, now_s: float) -> None:
        """Forget now and then who has used nothing for long."""
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._until_sweep = max(_SWEEP_EVERY, len(self._lanes))
            for site in [site for site, lane in self._lanes.items() if lane.rested(now_s)]:
                del self._lanes[site]


def _size(message: Message) -> int:
    return len(message.payload) + OVERHEAD_BYTES
