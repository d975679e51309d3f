"""Courier files: what is carried arrives, and no file can make a reader swell."""

from __future__ import annotations

import contextlib
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import batch, courier, schema
from protocol.courier import Courier
from protocol.errors import Refusal, WireError
from protocol.limits import PAYLOAD_MAX_BYTES
from tests.protocol.strategies import batches, names, schemas

_payloads = st.lists(st.binary(max_size=60), max_size=5).map(tuple)
couriers = st.builds(Courier, names, _payloads, _payloads)
HEAD = b"kayasol-courier 1 kaya\n"


def _record(kind: bytes, length: int, payload: bytes = b"") -> bytes:
    return kind + length.to_bytes(4, "big") + payload


def _closed(body: bytes) -> bytes:
    return body + _record(b"E", 4, zlib.crc32(body).to_bytes(4, "big"))


@given(couriers)
def test_any_courier_round_trips(sent: Courier) -> None:
    """Reading what was written gives the same payloads in the same order."""
    assert courier.decode(courier.encode(sent)) == sent


@given(names, st.lists(schemas, max_size=2), st.lists(batches(), max_size=3))
def test_a_courier_carries_the_bytes_of_the_wire(
    site: str, sent_schemas: list[schema.Schema], sent_batches: list[batch.Batch]
) -> None:
    """Batches and schemas are read from a file as they are read from a topic."""
    payloads = Courier(site, tuple(map(schema.encode, sent_schemas)), tuple(map(batch.encode, sent_batches)))
    received = courier.decode(courier.encode(payloads))
    assert [schema.decode(payload) for payload in received.schemas] == sent_schemas
    assert [batch.decode(payload) for payload in received.batches] == sent_batches


@given(couriers, st.data())
def test_a_file_cut_off_anywhere_is_refused(sent: Courier, data: st.DataObject) -> None:
    """A stick pulled too early is noticed, between two records as within one."""
    whole = courier.encode(sent)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(WireError) as refused:
        courier.decode(whole[:cut])
    assert refused.value.refusal is (Refusal.TRUNCATED if cut > whole.index(b"\n") else Refusal.MALFORMED)


def test_a_file_cut_between_two_records_is_refused() -> None:
    """What is left reads well to its end; only the closing record is missing."""
    whole = courier.encode(Courier("kaya", (b"schema",), (b"one", b"two")))
    with pytest.raises(WireError, match="no closing record") as refused:
        courier.decode(whole[: whole.index(b"B\x00\x00\x00\x03two")])
    assert refused.value.refusal is Refusal.TRUNCATED


@given(couriers, st.data())
def test_a_changed_byte_is_refused_wherever_it_lies(sent: Courier, data: st.DataObject) -> None:
    """First line, kinds, lengths, payloads and the check sum itself are all covered."""
    damaged = bytearray(courier.encode(sent))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        courier.decode(bytes(damaged))


def test_a_file_is_not_taken_for_that_of_another_site() -> None:
    """A name that changed into another valid name is damage like any other."""
    whole = courier.encode(Courier("kaya-3", (), (b"batch",)))
    with pytest.raises(WireError, match="damaged") as refused:
        courier.decode(whole.replace(b"kaya-3", b"kaya-7"))
    assert refused.value.refusal is Refusal.MALFORMED


@given(couriers, st.binary(min_size=1, max_size=20))
def test_nothing_follows_the_closing_record(sent: Courier, more: bytes) -> None:
    """Two files glued together, or a block of zeros after the end, are not one file."""
    with pytest.raises(WireError, match="goes on after its end"):
        courier.decode(courier.encode(sent) + more)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(HEAD.__add__))
def test_any_bytes_are_refused_or_valid(data: bytes) -> None:
    """Noise raises the one error of the wire, with or without a valid first line."""
    with contextlib.suppress(WireError):
        courier.decode(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Refusal.MALFORMED),
        (HEAD[:-1], Refusal.MALFORMED),
        (b"kayasol-courier 1 " + b"a" * 80 + b"\n", Refusal.MALFORMED),
        (b"kayasol-courier 1\n", Refusal.MALFORMED),
        (b"kayasol-courier 1 Kaya\n", Refusal.MALFORMED),
        (b"kayasol-courier 1 k\xe9\n", Refusal.MALFORMED),
        (b"kayasol-messenger 1 kaya\n", Refusal.MALFORMED),
        (b"kayasol-courier 2 kaya\n", Refusal.UNKNOWN_VERSION),
        (HEAD, Refusal.TRUNCATED),
        (_closed(HEAD + _record(b"X", 1, b"x")), Refusal.MALFORMED),
        (HEAD + _record(b"B", 2, b"x"), Refusal.TRUNCATED),
        (HEAD + b"B\x00", Refusal.TRUNCATED),
        (HEAD + _record(b"B", 0), Refusal.TRUNCATED),
        (HEAD + _record(b"E", 0), Refusal.MALFORMED),
        (HEAD + _record(b"E", 3, b"abc"), Refusal.MALFORMED),
        (HEAD + _record(b"E", 4, b"abcd"), Refusal.MALFORMED),
        (_closed(_closed(HEAD)), Refusal.MALFORMED),
        (_closed(HEAD + _record(b"B", 0)), None),
        (_closed(HEAD + _record(b"B", PAYLOAD_MAX_BYTES, bytes(PAYLOAD_MAX_BYTES))), None),
        (_closed(HEAD + _record(b"B", PAYLOAD_MAX_BYTES + 1, bytes(PAYLOAD_MAX_BYTES + 1))), Refusal.OVERSIZED),
        (HEAD + _record(b"S", 2**32 - 1), Refusal.OVERSIZED),
    ],
)
def test_each_rule_of_the_format_is_kept(data: bytes, reason: Refusal | None) -> None:
    """First line, version, kind, length and end are each checked, at the limit and beyond."""
    if reason is None:
        assert len(courier.decode(data).batches) == 1
        return
    with pytest.raises(WireError) as refused:
        courier.decode(data)
    assert refused.value.refusal is reason


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (Courier("kaya", (), (bytes(PAYLOAD_MAX_BYTES + 1),)), Refusal.OVERSIZED),
        (Courier("kaya", (bytes(PAYLOAD_MAX_BYTES + 1),), ()), Refusal.OVERSIZED),
        (Courier("", (), ()), Refusal.MALFORMED),
        (Courier("école", (), ()), Refusal.MALFORMED),
        (Courier("kaya 3", (), ()), Refusal.MALFORMED),
        (Courier("kaya\n", (), ()), Refusal.MALFORMED),
        (Courier("k" * 33, (), ()), Refusal.MALFORMED),
    ],
)
def test_what_no_reader_would_take_is_not_written(sent: Courier, reason: Refusal) -> None:
    """A payload or a name beyond the rules is found where it can still be mended."""
    with pytest.raises(WireError) as refused:
        courier.encode(sent)
    assert refused.value.refusal is reason


@pytest.mark.parametrize("length", [PAYLOAD_MAX_BYTES, 2**24, 2**32 - 1])
def test_a_stated_length_reserves_no_memory(length: int) -> None:
    """A few bytes that promise gigabytes cost a few bytes."""
    data = HEAD + _record(b"B", length)
    tracemalloc.start()
    with pytest.raises(WireError):
        courier.decode(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < PAYLOAD_MAX_BYTES


@pytest.mark.parametrize("payload", [b"", b"xy"])
def test_many_small_records_cost_memory_in_proportion_to_the_file(payload: bytes) -> None:
    """The worst file for its size makes objects, but not without bound."""
    data = _closed(HEAD + _record(b"B", len(payload), payload) * 50_000)
    tracemalloc.start()
    received = courier.decode(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(received.batches) == 50_000
    assert peak < 12 * len(data)
