"""Everything that crosses the network: batches, schemas, acks, states, commands, live values, topics, courier files."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO

from protocol import batch, columns, control, courier, live, schema, topics, wire
from protocol.courier import Courier
from protocol.errors import WireError
from protocol.events import CommandCode
from protocol.metrics import CATALOGUE
from protocol.schema import ColumnSpec, Schema, TableSpec
from tests.fuzz import blind, strange, trees
from tests.fuzz.target import NUMBERS, WORDS, Target, natural
from tests.protocol import examples

Decode = Callable[[bytes], object]
Write = Callable[[object], bytes]


def targets() -> list[Target]:
    """List the decoders of the wire."""
    return [
        Target("batch", 30, _batch, _twice(batch.decode, batch.encode)),
        Target("schema", 12, lambda chance: _packed(chance, _schemas()), _twice(schema.decode, schema.encode)),
        Target("ack", 10, lambda chance: _plain(chance, _acks()), _twice(control.decode_ack, control.encode_ack)),
        Target(
            "state", 5, lambda chance: _plain(chance, _states()), _twice(control.decode_state, control.encode_state)
        ),
        Target("live", 8, lambda chance: _plain(chance, _lives()), _twice(live.decode_live, live.encode_live)),
        Target("command", 5, lambda chance: _plain(chance, _commands()), _once(live.decode_command)),
        Target("column", 10, _column, _fed_column),
        Target("topic", 4, _topic, _fed_topic),
        Target("courier", 8, _courier, _fed_courier),
    ]


def _twice(decode: Decode, encode: Callable[..., bytes]) -> Callable[[bytes], None]:
    """Decode; what was taken must be writable, and mean the same when it is read again."""

    def feed(data: bytes) -> None:
        try:
            found = decode(data)
        except WireError as error:
            str(error).encode()
            return
        assert decode(encode(found)) == found, "read again, it says something else"

    return feed


def _once(decode: Decode) -> Callable[[bytes], None]:
    def feed(data: bytes) -> None:
        try:
            decode(data)
        except WireError as error:
            str(error).encode()

    return feed


def _batch(chance: random.Random) -> bytes:
    made = strange.batch(chance, strange.Pool(chance), b"12345678", [3, 1, 0])
    sent = chance.choice((made, made, examples.BATCH, examples.ONE_EVENT))
    return _packed(chance, [zlib.decompress(batch.encode(sent))])


def _packed(chance: random.Random, plains: list[bytes]) -> bytes:
    """Change what is inside, then pack it; now and then change the packing, too."""
    plain = _plain(chance, plains)
    if chance.random() < 0.02:
        plain += bytes(chance.choice((10_000, 300_000)))
    packed = zlib.compress(plain, chance.choice((0, 1, 9)))
    if chance.random() < 0.8:
        return packed
    return chance.choice((blind.changed(packed, chance), zlib.compress(packed), packed[2:-4], packed + packed))


def _plain(chance: random.Random, plains: list[bytes]) -> bytes:
    """Change a message, mostly in its structure, sometimes in its bytes, sometimes not at all."""
    plain, drawn = chance.choice(plains), chance.random()
    if drawn < 0.7:
        return trees.write(trees.changed(trees.read(plain), chance))
    if drawn < 0.9:
        return blind.changed(plain, chance, plains)
    return plain if drawn < 0.98 else blind.noise(chance)


@cache
def _schemas() -> list[bytes]:
    every = tuple(ColumnSpec(f"d.{metric}", 2) for metric in sorted(CATALOGUE)[:100])
    two = Schema((TableSpec("a", 1, every), TableSpec("b", 86_400, (ColumnSpec("b.soc_pct", 6),))))
    return [zlib.decompress(schema.encode(one)) for one in (examples.SCHEMA, two)]


@cache
def _acks() -> list[bytes]:
    full = control.Ack(
        7, 1000, 5, ((1, 2), (5, 5)), (1, 2**32 - 1), (b"12345678",), (control.Refused(1, "because é"),), forked=True
    )
    return [control.encode_ack(ack) for ack in (examples.ACK, full, control.Ack(0, 0, 0))]


@cache
def _states() -> list[bytes]:
    return [control.encode_state(examples.STATE), control.encode_state(control.SiteState(online=False, epoch=0))]


@cache
def _lives() -> list[bytes]:
    shown = live.Live(1, 30, b"12345678", (live.LiveTable(0, 3, (1, None, -5)), live.LiveTable(15, 0, ())))
    return [live.encode_live(shown), live.encode_live(live.Live(1, 0, code=CommandCode.DONE))]


@cache
def _commands() -> list[bytes]:
    return [live.encode_command(live.LiveCommand(1, 300)), wire.encode({1: 5, 2: 9})]


def _column(chance: random.Random) -> bytes:
    """Draw a count in four bytes, and bits that may hold so many."""
    values = [natural(chance) * chance.choice((1, -1)) for _ in range(chance.choice((1, 2, 3, 64, 65, 130)))]
    smooth = [chance.choice((0, 5, 1000)) + chance.randrange(3) for _ in values]
    packed = columns.pack(chance.choice((values, smooth)))
    count = len(values) + chance.choice((0, 0, 0, 1, -1, 64))
    if chance.random() < 0.7:
        packed = blind.changed(packed, chance)
    return max(count, 0).to_bytes(4, "big") + packed


def _fed_column(data: bytes) -> None:
    count, packed = int.from_bytes(data[:4], "big") % 4097, data[4:]
    try:
        values = columns.unpack(packed, count)
    except WireError:
        return
    assert len(values) == count, "a column has another number of values than asked"
    assert columns.unpack(columns.pack(values), count) == values, "read again, it says something else"


def _topic(chance: random.Random) -> bytes:
    known = ["kayasol/1/3/ecole-a/up", "kayasol/1/0/a/state", "kayasol/1/15/x-1/cmd"]
    parts = chance.choice(known).split("/")
    for _ in range(chance.randrange(3)):
        match chance.randrange(4):
            case 0:
                parts[chance.randrange(len(parts))] = chance.choice(
                    (*WORDS, "+", "#", "$SYS", "up", "01", "16", "٣", "-1")
                )
            case 1:
                parts.insert(chance.randrange(len(parts)), str(chance.choice(NUMBERS)))
            case 2:
                del parts[chance.randrange(len(parts) - 1)]
            case _:
                parts[-1] += chance.choice(("\n", "/", " ", "\x00"))
    text = "/".join(parts).encode("utf-8", "replace")
    return blind.changed(text, chance) if chance.random() < 0.3 else text


def _fed_topic(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        address, channel = topics.parse(text)
    except WireError as error:
        str(error).encode()
        return
    assert address.topic(channel) == text, "an address has two names"


def _courier(chance: random.Random) -> bytes:
    payloads = [_batch(chance) for _ in range(chance.randrange(4))]
    known = Courier("kaya", (schema.encode(examples.SCHEMA),), tuple(payload[:65_536] for payload in payloads))
    data = courier.encode(known)
    other = b"kayasol-courier 1 " + chance.choice(WORDS).encode("utf-8", "replace") + data[17:]
    if chance.random() < 0.6:
        return chance.choice((data, blind.changed(data, chance), blind.changed(data, chance), other))
    body = blind.changed(data[:-9], chance)  # the closing record fits what was changed
    return body + b"E\x00\x00\x00\x04" + zlib.crc32(body).to_bytes(4, "big")


def _fed_courier(data: bytes) -> None:
    try:
        found = courier.decode(data)
        file = BytesIO(data)
        assert courier.read_site(file) == found.site, "two readers disagree"
    except WireError as error:
        str(error).encode()
        return
    assert courier.decode(courier.encode(found)) == found, "read again, it says something else"
