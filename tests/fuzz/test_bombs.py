"""Input that is small and means to become large: refused in little time and memory, each kind by itself."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest

from edge import inspection
from firmware_config import ConfigError, load
from firmware_config.document import TEXT_MAX
from hub.ingest import courier as courier_ingest
from hub.web_limits import WebLimits
from protocol import batch, columns, control, courier, live, schema, wire
from protocol.columns import pack
from protocol.errors import Refusal, WireError
from tests.devices.cases import profile_of
from tests.fuzz import centre, limits, trees
from tests.hub.builders import NOON_MS

MIB = 2**20
Decode = Callable[[bytes], object]
PACKED: list[Decode] = [batch.decode, schema.decode, schema.schema_id]
PLAIN: list[Decode] = [control.decode_ack, control.decode_state, live.decode_live, live.decode_command]
HUGE = 2**40


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Hold every test to little memory and bounded time; a bomb that goes off ends the test, not the machine."""
    with limits.confined(), limits.limited(cpu_s=30):
        yield


def refused(decode: Decode, data: bytes, most_bytes: int = MIB) -> Refusal:
    """Decode what must be refused, without ever having more than so much memory; returns the reason."""
    tracemalloc.start()
    try:
        with pytest.raises(WireError) as caught:
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most_bytes, f"{peak} bytes for {len(data)}"
    return caught.value.refusal


@pytest.mark.parametrize("decode", PACKED)
def test_a_deflate_bomb(decode: Decode) -> None:
    """40 kB that become 40 MB: no more than the limit is ever unpacked."""
    bomb = zlib.compress(bytes(42 * MIB), 9)
    assert len(bomb) < 45_000
    assert refused(decode, bomb) is Refusal.OVERSIZED


def test_a_deflate_bomb_in_a_bomb() -> None:
    """Nothing is unpacked twice."""
    bomb = zlib.compress(zlib.compress(zlib.compress(bytes(100 * MIB), 9), 9), 9)
    assert refused(batch.decode, bomb) in (Refusal.MALFORMED, Refusal.TRUNCATED)


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1\x00", b"\xc1", b"\x9f", b"\xd8\x1c\x81"])
def test_cbor_a_million_deep(opening: bytes) -> None:
    """Lists in lists, maps in maps, tags around tags: eight are enough."""
    deep = opening * (10**6 // len(opening))
    assert refused(wire.decode, deep) is Refusal.OVERSIZED
    for decode in PLAIN:
        assert refused(decode, deep[:65_000]) in (Refusal.MALFORMED, Refusal.TRUNCATED)
    for decode in PACKED[:2]:
        assert refused(decode, zlib.compress(deep[:250_000])) in (Refusal.MALFORMED, Refusal.TRUNCATED)


@pytest.mark.parametrize("major", [2, 3, 4, 5])
@pytest.mark.parametrize("count", [2**32, HUGE, 2**62, 2**64 - 1])
def test_a_head_that_claims_more_than_there_is(major: int, count: int) -> None:
    """Bytes, texts, lists and maps of a million million items in ten bytes."""
    message = b"\xa2\x00\x01\x03" + trees.head(major, count)
    assert refused(wire.decode, message) in (Refusal.MALFORMED, Refusal.TRUNCATED)
    assert refused(wire.decode, trees.head(major, count)) in (Refusal.MALFORMED, Refusal.TRUNCATED)
    assert refused(batch.decode, zlib.compress(message)) in (Refusal.MALFORMED, Refusal.TRUNCATED)


def of_tables(*tables: list[Any]) -> bytes:
    """Write a batch with these tables as they stand."""
    return wire.deflate(trees.write(trees.Map([[0, 1], [1, 1], [2, b"12345678"], [3, list(tables)]])))


@pytest.mark.parametrize("count", [4097, HUGE, 2**63, 2**64])
def test_a_table_that_claims_a_million_million_rows(count: int) -> None:
    """Its columns say nothing about how many they are, so the count is bounded before they are read."""
    column = pack([0, 0, 0])
    assert refused(batch.decode, of_tables([0, count, column, column, column, [column]])) in (
        Refusal.MALFORMED,
        Refusal.OVERSIZED,
    )


def test_a_hundred_bytes_that_claim_half_a_million_values() -> None:
    """A column that is all alike costs five bytes for any number of rows."""
    rows = 4096
    seqs, flat = pack(range(1, rows + 1)), pack([0] * rows)
    bomb = of_tables([0, rows, seqs, flat, flat, [flat] * 128])
    assert len(bomb) < 200
    assert refused(batch.decode, bomb) is Refusal.OVERSIZED
    assert refused(batch.decode, of_tables([0, rows, seqs, flat, flat, [None] * 128])) is Refusal.OVERSIZED
    several = [
        [table, 256, pack(range(1 + 256 * table, 257 + 256 * table)), pack([0] * 256), pack([0] * 256), [None] * 128]
        for table in range(16)
    ]
    assert refused(batch.decode, of_tables(*several)) is Refusal.OVERSIZED


def test_a_column_of_ones_that_never_end() -> None:
    """Quotients are escaped after twenty ones; a long row of them is many numbers, not a large one."""
    assert refused(lambda data: columns.unpack(data, 4096), b"\xff" * 60_000) is Refusal.MALFORMED


LAUGHS = "a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, r"repeats another value by \*alias"),
        ("a: &a [*a]\n", "alias"),
        ("[" * TEXT_MAX, "nested too deeply"),
        ("{a: " * (TEXT_MAX // 4), "nested too deeply"),
        ("- " * (TEXT_MAX // 2), "nested too deeply"),
        ("a: [" + "1," * (TEXT_MAX // 2 - 3) + "]", "unknown key"),
        ("a: 1:" + "1:" * (TEXT_MAX // 2 - 4) + "1", "too large a number"),
        ("shards: [0x" + "f" * (TEXT_MAX - 20) + "]", "too large a number"),
        ("x" * (TEXT_MAX + 1), "characters are too many"),
        ("a: b\n" * 10**7, "characters are too many"),
    ],
    ids=["laughs", "itself", "lists", "maps", "dashes", "wide", "sexagesimal", "hexadecimal", "long", "50 MB"],
)
def test_a_yaml_bomb(text: str, words: str) -> None:
    """A file that means a thousand million words, or has no end of brackets, is refused in a sentence."""
    with pytest.raises(ConfigError, match=words) as caught:
        load(text, "hub", "hub.yaml")
    assert len(str(caught.value)) < 500


def test_captures_without_end() -> None:
    """JSON as deep and as long as it likes."""
    out: list[str] = []

    class Out(BytesIO):
        def write(self, text: Any) -> int:  # noqa: ANN401  a text, whatever the base takes
            out.append(text)
            return len(text)

    lines = [
        "[" * 10**6,
        '{"a":' * 10**5,
        '{"address": ' + "9" * 10**6 + "}",
        '{"response_hex": "' + "ab" * 10**6 + '"}',
    ]
    inspection.decode(profile_of("epever-tracer"), lines, Out())  # type: ignore[arg-type]  # it only writes
    assert [json.loads(line).keys() for line in out if line.strip()] == [{"line", "refused"}] * 4


def test_a_form_of_50_mb_is_never_held() -> None:
    """The body is read up to its limit, and the application not called."""
    left = [b"x" * 65_536] * 800
    sent: list[Any] = []

    async def never(*_: object) -> None:
        raise AssertionError

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(), "more_body": True}

    async def send(message: Any) -> None:  # noqa: ANN401  as ASGI has it
        sent.append(message)

    scope = {"type": "http", "path": "/", "query_string": b"", "headers": [], "client": ("192.0.2.1", 5)}
    asyncio.run(WebLimits(never, lambda: NOON_MS)(scope, receive, send))
    assert (sent[0]["status"], len(left)) == (413, 798)


def test_a_courier_file_of_a_million_tiny_records() -> None:
    """It is refused whole before any of them is believed."""
    body = b"kayasol-courier 1 ecole-a\n" + b"B\x00\x00\x00\x01x" * 10**6
    file = BytesIO(body + b"E\x00\x00\x00\x04" + zlib.crc32(body).to_bytes(4, "big"))
    assert refused(courier.decode, file.getvalue(), 32 * MIB) is Refusal.OVERSIZED
    with centre.hub() as made:
        outcome = courier_ingest.take(made.ledger, file, NOON_MS, lambda _: None)
    assert outcome.refused is not None
    assert "more than 100000 records" in outcome.refused
    assert outcome.done.messages == 0


def test_a_courier_file_full_of_garbage_is_not_read_to_its_end() -> None:
    """After a thousand refused records it is not what it says it is; what was good in it is taken."""
    body = b"kayasol-courier 1 ecole-a\n" + b"".join(b"B\x00\x00\x00\x04%04d" % number for number in range(5000))
    file = BytesIO(body + b"E\x00\x00\x00\x04" + zlib.crc32(body).to_bytes(4, "big"))
    with centre.hub() as made:
        outcome = courier_ingest.take(made.ledger, file, NOON_MS, lambda _: None)
    assert outcome.refused is not None
    assert "1000 of its records were refused" in outcome.refused
    assert 1000 <= outcome.done.messages < 1100
