"""Messages all the way into a ledger, and every answer about what they left there."""

from __future__ import annotations

import random
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import cbor2
from sqlalchemy import select
from sqlalchemy.util import LRUCache

from hub.answers import clock, day, live, loss, series, sessions, sites
from hub.ingest.consumer import SPOILT, Consumer
from hub.ingest.courier import take
from hub.ingest.decode import Message
from hub.io import tables as t
from hub.io.ledger import SqlLedger
from hub.io.series import EmbeddedSeries
from protocol import batch, control, courier
from protocol.batch import Batch
from protocol.control import SiteState
from protocol.courier import Courier
from protocol.live import Live, LiveTable, encode_live
from protocol.topics import Channel
from tests.fuzz import blind, strange, trees
from tests.fuzz.card import memory
from tests.fuzz.target import Target
from tests.hub.builders import ADDRESS, NOON_MS, SCHEMA_ID, SCHEMA_PAYLOAD, SITE, MemoryInbox, TestHub

DAY_MS = 86_400_000
BY_HAND = "courier"
"""Stands in place of a topic for a courier file."""

_COMPILED: LRUCache[Any, Any] = LRUCache(1000)
_TEMPLATES: list[tempfile.TemporaryDirectory[str]] = []


@dataclass(slots=True)
class Hub:
    """A hub that begins with one site and its schema, in memory."""

    ledger: SqlLedger
    store: EmbeddedSeries
    inbox: MemoryInbox
    consumer: Consumer


def targets() -> list[Target]:
    """List the whole way in."""
    return [Target("ingest", 3, _messages, _fed)]


def prepare() -> None:
    """Make once, before processes part, what every one of them begins with."""
    _template()


@contextmanager
def hub() -> Iterator[Hub]:
    """Open a fresh hub."""
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        path = Path(folder) / "ledger.db"
        shutil.copy(_template(), path)
        ledger = SqlLedger(f"sqlite:///{path}")
        ledger.engine._compiled_cache = _COMPILED  # noqa: SLF001  hubs of one process share what SQLAlchemy compiled
        inbox = MemoryInbox()
        try:
            yield Hub(ledger, EmbeddedSeries(ledger), inbox, Consumer(ledger, inbox))
        finally:
            ledger.close()


@cache
def _template() -> Path:
    """Migrate once; every hub begins with a copy."""
    _TEMPLATES.append(tempfile.TemporaryDirectory(prefix="kayasol-fuzz-", dir=memory()))
    folder = Path(_TEMPLATES[0].name)
    made = TestHub(folder)
    made.ledger.engine.dispose()
    return folder / "ledger.db"


def _messages(chance: random.Random) -> bytes:
    """Draw what a site sends, a few messages that speak of the same boots and numbers."""
    pool = strange.Pool(chance)
    sent = []
    for _ in range(chance.randrange(1, 6)):
        channel, payload = _message(chance, pool)
        topic = channel if channel == BY_HAND else ADDRESS.topic(Channel(channel))
        if chance.random() < 0.05:
            topic = blind.changed(topic.encode(), chance).decode("utf-8", "replace")
        sent.append([topic, payload, NOON_MS + chance.choice((0, 1000, DAY_MS, 40 * DAY_MS))])
    return zlib.compress(cbor2.dumps(sent), 1)


def _message(chance: random.Random, pool: strange.Pool) -> tuple[str, bytes]:
    if chance.random() < 0.7:
        return Channel.UP, _up(chance, pool)
    changed = blind.changed(SCHEMA_PAYLOAD, chance)
    software = chance.choice(("", "é", "x" * 512))
    readings = tuple(chance.choice((None, 5, 2**53, -(2**53))) for _ in range(chance.choice((2, 3))))
    shown = (LiveTable(0, pool.number("uptime_s"), readings),)
    carried = tuple(_up(chance, pool)[:65_536] for _ in range(chance.randrange(4)))
    messages: list[tuple[str, bytes]] = [
        (Channel.SCHEMA, chance.choice((SCHEMA_PAYLOAD, changed))),
        (Channel.STATE, control.encode_state(SiteState(chance.random() < 1 / 2, chance.choice(pool.epochs), software))),
        (Channel.LIVE, encode_live(Live(7, 30, chance.choice((SCHEMA_ID, b"12345678")), shown))),
        (BY_HAND, courier.encode(Courier(SITE.site, (SCHEMA_PAYLOAD,), carried))),
    ]
    return chance.choice(messages)


def _up(chance: random.Random, pool: strange.Pool) -> bytes:
    made: Batch = strange.batch(
        chance, pool, chance.choice((SCHEMA_ID,) * 9 + (b"12345678",)), [3, chance.choice((2, 2, 3))]
    )
    payload = batch.encode(made)
    if chance.random() < 0.2:
        payload = zlib.compress(trees.write(trees.changed(trees.read(zlib.decompress(payload)), chance)))
    return payload[:100_000]


def _fed(data: bytes) -> None:
    """Take the messages in; each must be done with, whatever it is, and no answer may stumble over what it left."""
    try:
        sent = [
            (str(topic), bytes(payload), int(at_ms)) for topic, payload, at_ms in cbor2.loads(zlib.decompress(data))
        ]
    except (zlib.error, cbor2.CBORError, TypeError, ValueError):
        return
    with hub() as made:
        now_ms = NOON_MS
        for topic, payload, at_ms in sent:
            now_ms = max(now_ms, at_ms)
            if topic == BY_HAND:
                outcome = take(made.ledger, BytesIO(payload), at_ms, lambda _: None)
                assert "the ledger" not in (outcome.refused or ""), outcome.refused
                continue
            made.inbox.waiting.append(Message(topic, payload, at_ms, mid=1))
            made.consumer.step(at_ms)
            assert made.consumer.counters.retries == 0, "a message that no ledger will ever take is tried for ever"
        _require_sound(made)
        for _, ack in made.inbox.acks:
            control.decode_ack(control.encode_ack(ack))
        while made.store.roll_up(now_ms) or made.ledger.compare_tally(now_ms):
            pass
        _asked(made, now_ms)


def _require_sound(made: Hub) -> None:
    """Hold against it what the ingest keeps aside because something of its own went wrong."""
    with made.ledger.reading() as connection:
        reasons = list(connection.execute(select(t.rejects.c.reason)).scalars())
    spoilt = [reason for reason in reasons if reason.startswith(SPOILT)]
    assert not spoilt, spoilt


def _asked(made: Hub, now_ms: int) -> None:
    """Ask everything that is ever asked about a site."""
    ledger, store, site = made.ledger, made.store, SITE.site
    start, end = datetime.fromtimestamp(now_ms / 1000 - 86_400, UTC), datetime.fromtimestamp(now_ms / 1000, UTC)
    sites.list_sites(ledger, now_ms)
    sites.latest(ledger, site)
    loss.loss(ledger, site)
    live.live_of(ledger, site, now_ms)
    clock.clock(ledger, store, site=site, now_ms=now_ms)
    day.day_of(ledger, store, site=site, day=None, now_ms=now_ms)
    sessions.sessions(ledger, site=site, start=start, end=end, now_ms=now_ms)
    for step in ("raw", "1h"):
        series.series(ledger, store, site=site, metric="panel_power_w", start=start, end=end, step=step)
