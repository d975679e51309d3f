"""Batches, schemas and control messages: any one round-trips, and damage never gets through as something else."""

from __future__ import annotations

import contextlib
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import batch, control, schema, wire
from protocol.errors import Refusal, WireError
from protocol.events import AlarmCleared, SlotTaken, UnknownEvent
from protocol.limits import INFLATED_MAX_BYTES, PAYLOAD_MAX_BYTES, ROWS_MAX
from tests.protocol.strategies import acks, batches, schemas, states

Decode = Callable[[bytes], object]
DECODERS: list[Decode] = [batch.decode, schema.decode, control.decode_ack, control.decode_state]
ONE_EVENT = batch.Batch(1, events=(batch.EventRow(1, 1, 0, AlarmCleared("a")),))


@given(batches())
def test_any_batch_round_trips(sent: batch.Batch) -> None:
    """Decoding what was encoded gives the same batch."""
    assert batch.decode(batch.encode(sent)) == sent


@given(schemas)
def test_any_schema_round_trips_under_one_id(sent: schema.Schema) -> None:
    """Equal schemas have equal bytes, so their id names them."""
    payload = schema.encode(sent)
    assert schema.decode(payload) == sent
    assert schema.schema_id(payload) == schema.schema_id(schema.encode(schema.decode(payload)))


@given(acks, states)
def test_any_control_message_round_trips(ack: control.Ack, state: control.SiteState) -> None:
    """Acks and states arrive as they were sent."""
    assert control.decode_ack(control.encode_ack(ack)) == ack
    assert control.decode_state(control.encode_state(state)) == state


@given(batches(), st.data())
def test_a_truncated_batch_is_refused(sent: batch.Batch, data: st.DataObject) -> None:
    """No prefix of a payload passes for a whole one."""
    payload = batch.encode(sent)
    with pytest.raises(WireError):
        batch.decode(payload[: data.draw(st.integers(0, len(payload) - 1))])


@given(batches(), st.data())
def test_a_flipped_bit_is_refused_or_harmless(sent: batch.Batch, data: st.DataObject) -> None:
    """A damaged payload is refused, or its damage lay where nothing was said."""
    payload = bytearray(batch.encode(sent))
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(WireError):
        assert batch.decode(bytes(payload)) == sent


@given(batches(), st.data())
def test_damage_inside_the_check_sum_never_crashes(sent: batch.Batch, data: st.DataObject) -> None:
    """A hostile sender computes its own check sum: whatever is inside is refused or valid."""
    plain = bytearray(wire.inflate(batch.encode(sent)))
    for _ in range(data.draw(st.integers(1, 4))):
        plain[data.draw(st.integers(0, len(plain) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        batch.encode(batch.decode(wire.deflate(bytes(plain))))


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(decode: Decode, data: bytes) -> None:
    """Noise raises the one error of the wire, with or without a valid check sum."""
    for payload in (data, zlib.compress(data)):
        with pytest.raises(WireError):
            decode(payload)


@pytest.mark.parametrize("decode", DECODERS)
@given(message=st.recursive(st.none() | st.booleans() | st.integers() | st.binary() | st.text(), st.lists))
def test_any_message_of_this_version_is_refused_or_valid(decode: Decode, message: Any) -> None:  # noqa: ANN401
    """Right envelope, wrong contents: never a crash."""
    plain = cbor2.dumps({0: 1, 1: message, 2: message, 3: message, 4: message, 5: message})
    for payload in (plain, zlib.compress(plain)):
        with contextlib.suppress(WireError):
            decode(payload)


def test_an_unknown_version_is_named() -> None:
    """The reason says which version came and which is spoken here."""
    with pytest.raises(WireError, match="version 2, this side speaks 1") as refused:
        batch.decode(zlib.compress(cbor2.dumps({0: 2, 1: 1})))
    assert refused.value.refusal is Refusal.UNKNOWN_VERSION


def test_unknown_keys_and_fields_are_ignored() -> None:
    """A later minor version may add; this one reads on."""
    message = cbor2.loads(wire.inflate(batch.encode(ONE_EVENT)))
    message[99] = "new"
    message[4][0].append("new field of a known event")
    assert batch.decode(zlib.compress(cbor2.dumps(message))) == ONE_EVENT


def test_an_event_of_a_later_version_is_kept() -> None:
    """What is not understood is carried, not dropped."""
    event = batch.EventRow(7, 1, 2, UnknownEvent(150, ("x", 3)))
    assert batch.decode(batch.encode(batch.Batch(1, events=(event,)))).events == (event,)


def test_a_missing_default_field_is_filled() -> None:
    """An earlier version that did not send `found` is read as not found."""
    plain = cbor2.dumps({0: 1, 1: 1, 4: [[1, 1, 0, SlotTaken.kind, 3]]})
    assert batch.decode(zlib.compress(plain)).events[0].event == SlotTaken(3)


@pytest.mark.parametrize("size", [10 * INFLATED_MAX_BYTES, 500 * INFLATED_MAX_BYTES])
def test_a_deflate_bomb_costs_no_more_than_the_limit(size: int) -> None:
    """What would inflate without bound is refused before it does."""
    bomb = zlib.compress(bytes(size), 9)[:PAYLOAD_MAX_BYTES]
    tracemalloc.start()
    with pytest.raises(WireError):
        batch.decode(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * INFLATED_MAX_BYTES


def test_a_table_bomb_is_refused_before_it_is_unpacked() -> None:
    """Cheap constant columns cannot be multiplied into millions of values."""
    nothing = b"\x00" * 2
    table = [0, ROWS_MAX, nothing, nothing, nothing, [nothing] * 100]
    with pytest.raises(WireError) as refused:
        batch.decode(zlib.compress(cbor2.dumps({0: 1, 1: 1, 2: b"12345678", 3: [table] * 10})))
    assert refused.value.refusal is Refusal.OVERSIZED


@pytest.mark.parametrize(
    "bad",
    [
        {1: 1},
        {1: -1, 4: [[1, 1, 0, 7, "a"]]},
        {1: 1, 4: [[1, 1, 0, 7, "a"], [1, 1, 0, 7, "b"]]},
        {1: 1, 4: [[0, 1, 0, 7, "a"]]},
        {1: 1, 4: [[1, 1]]},
        {1: 1, 4: [[1, 1, 0, 7]]},
        {1: 1, 4: [[1, 1, 0, 7, 5]]},
        {1: 1, 4: [[1, 1, 0, 2, 1, 1, 1, 1, 1, 1, 9]]},
        {1: 1, 2: b"short", 4: [[1, 1, 0, 7, "a"]]},
        {1: 1, 2: b"12345678", 4: [[1, 1, 0, 7, "a"]]},
        {1: 1, 4: [[1, 1, 0, 200, 1.5]]},
        {1: 1, 3: [[0]]},
        {1: 1, 3: [[0, 0, b"", b"", b"", []]]},
    ],
)
def test_a_batch_that_breaks_a_rule_is_refused(bad: dict[int, object]) -> None:
    """Each rule of the specification has a payload that breaks it and nothing else."""
    with pytest.raises(WireError):
        batch.decode(zlib.compress(cbor2.dumps({0: 1, **bad})))


@pytest.mark.parametrize(
    "tables",
    [
        [["Controller", 60, [["a.soc_pct", 0]]]],
        [["controller", 0, [["a.soc_pct", 0]]]],
        [["controller", 60, [["a.soc_pct", 7]]]],
        [["controller", 60, [["a.unheard_of", 0]]]],
        [["controller", 60, [["soc_pct", 0]]]],
        [["controller", 60, [["a.soc_pct", 0], ["a.soc_pct", 1]]]],
        [["controller", 60, ["a.soc_pct"]]],
        [["controller", 60, []]],
        [],
    ],
)
def test_a_schema_that_breaks_a_rule_is_refused(tables: list[object]) -> None:
    """An unknown metric, a bad name or a doubled column is named and refused."""
    with pytest.raises(WireError):
        schema.decode(zlib.compress(cbor2.dumps({0: 1, 1: tables})))


def test_tags_are_refused() -> None:
    """The protocol has no CBOR tags, so none is ever interpreted."""
    with pytest.raises(WireError, match="CBOR"):
        batch.decode(zlib.compress(bytes.fromhex("a20001") + bytes.fromhex("01c24105")))


@given(st.lists(st.integers(0, 4095), min_size=1, max_size=20))
def test_an_ack_lists_no_more_than_its_limits(batches_done: list[int]) -> None:
    """However much there is to say, an ack stays decodable."""
    ack = control.Ack(1, 0, 0, missing=((1, 2),) * 500, batches=tuple(batches_done) * 100)
    assert len(control.decode_ack(control.encode_ack(ack)).missing) == 64
