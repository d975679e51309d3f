"""A courier file into the ledger, the way of messages from the broker: the same turn, the same refusals, no acks.

The file is read whole once before anything is taken, so that a damaged one changes nothing; then its schemas are
taken, then its batches, a few in each transaction, so that a running hub gets its turn in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from hub.errors import Refused, RetryLater
from hub.ingest.decode import Decoded, Message, decode
from hub.ingest.novelty import Novelty
from hub.ingest.turn import GROUP_MAX, Counters, Turn
from hub.ports import Ledger
from protocol import courier
from protocol.courier import Kind
from protocol.errors import Refusal, WireError
from protocol.topics import Address, Channel

Progress = Callable[[int], None]
"""Told how many bytes of the file are done with."""

REFUSED_MAX = 1000
"""Refused records after which the rest of a file is not looked at."""

REASONS_MAX = 20
"""Distinct reasons that an outcome holds."""


@dataclass(slots=True)
class Outcome:
    """What became of one courier file."""

    site: str | None = None
    done: Counters = field(default_factory=Counters)
    reasons: list[str] = field(default_factory=list)
    """Why batches or schemas were kept aside, each reason once."""

    refused: str | None = None
    """Why the file was not taken, or not to its end; None when it was."""

    @property
    def whole(self) -> bool:
        """Say whether everything in the file is now in the ledger."""
        left = self.done.rejected or self.done.too_new or self.done.withheld
        return self.refused is None and not left


def take(ledger: Ledger, file: BinaryIO, now_ms: int, progress: Progress) -> Outcome:
    """Take a file into the ledger; what cannot be taken is said in the outcome, and never raised."""
    outcome = Outcome()
    try:
        outcome.site = courier.read_site(file)
        for _ in courier.read_records(file):
            pass  # read to its check sum before anything is believed
        shards = {site.site: site.shard for site in ledger.sites()}
        address, novelty = _address(shards, outcome.site), Novelty()
        for kind, channel in ((Kind.SCHEMA, Channel.SCHEMA), (Kind.BATCH, Channel.UP)):
            topic = address.topic(channel)
            payloads = (payload for found, payload in courier.read_records(file) if found is kind)
            for group in _groups(Message(topic, payload, now_ms) for payload in payloads):
                turn = _take_group(ledger, [(message, decode(message, shards)) for message in group], novelty, now_ms)
                _note(outcome, turn, now_ms)
                progress(file.tell())
    except (WireError, RetryLater, Refused) as error:
        outcome.refused = str(error)
    except OSError as error:
        outcome.refused = f"the file cannot be read: {error.strerror}"
    return outcome


def _address(shards: Mapping[str, int], site: str) -> Address:
    if site not in shards:
        reason = f"no site {site!r} is enrolled: `kayasol-hub site add` its site.yaml, then import again"
        raise WireError(Refusal.UNKNOWN_SITE, reason)
    return Address(shards[site], site)


def _take_group(ledger: Ledger, group: list[tuple[Message, Decoded]], novelty: Novelty, now_ms: int) -> Turn:
    with ledger.begin() as transaction:
        turn = Turn(transaction, novelty, now_ms)
        for message, what in group:
            turn.take(message, what)
    novelty.brought(turn.news, now_ms)
    return turn


def _note(outcome: Outcome, turn: Turn, now_ms: int) -> None:
    """Add to an outcome what was done; raises `WireError` when the file is full of what must be refused."""
    outcome.done.add(turn.done, now_ms)
    reasons = [rejected.reason for _, rejected in turn.kept_aside]
    reasons += [f"more new {kind}s than one file may bring" for kind in turn.done.too_new]
    outcome.reasons = list(dict.fromkeys([*outcome.reasons, *reasons]))[:REASONS_MAX]
    if sum(outcome.done.rejected.values()) >= REFUSED_MAX:
        raise WireError(Refusal.MALFORMED, f"{REFUSED_MAX} of its records were refused: it is not what it says it is")


def _groups(messages: Iterable[Message]) -> Iterator[list[Message]]:
    waiting = iter(messages)
    while group := list(islice(waiting, GROUP_MAX)):
        yield group
