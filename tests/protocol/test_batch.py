"""Batches: any one round-trips, and damage never gets through as something else."""

from __future__ import annotations

import contextlib
import tracemalloc
import zlib
from itertools import product
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import batch, control, schema, wire
from protocol.errors import Refusal, WireError
from protocol.events import AlarmRaised, Gap, SlotTaken, UnknownEvent
from protocol.limits import EPOCH_MAX, INFLATED_MAX_BYTES, PAYLOAD_MAX_BYTES, ROWS_MAX, TEXT_MAX
from tests.protocol.examples import EVENTS, ONE_EVENT, Decode, deflated, event
from tests.protocol.strategies import batches

DECODERS: list[Decode] = [batch.decode, schema.decode, control.decode_ack, control.decode_state]


@given(batches())
def test_any_batch_round_trips(sent: batch.Batch) -> None:
    """Decoding what was encoded gives the same batch."""
    assert batch.decode(batch.encode(sent)) == sent


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


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    """Noise raises the one error of the wire, with or without a valid check sum."""
    for decode, payload in product(DECODERS, (data, zlib.compress(data))):
        with pytest.raises(WireError):
            decode(payload)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.binary() | st.text(), st.lists))
def test_any_message_of_this_version_is_refused_or_valid(message: Any) -> None:  # noqa: ANN401
    """Right envelope, wrong contents: never a crash."""
    plain = cbor2.dumps({0: 1, 1: message, 2: message, 3: message, 4: message, 5: message})
    for decode, payload in product(DECODERS, (plain, zlib.compress(plain))):
        with contextlib.suppress(WireError):
            decode(payload)


def test_an_unknown_version_is_named() -> None:
    """The reason says which version came and which is spoken here."""
    with pytest.raises(WireError, match="version 2, this side speaks 1") as refused:
        batch.decode(deflated({0: 2, 1: 1}))
    assert refused.value.refusal is Refusal.UNKNOWN_VERSION


@pytest.mark.parametrize("version", [True, 1.0, "1", None])
def test_what_only_equals_the_version_is_refused(version: object) -> None:
    """Key 0 is the integer 1; true and 1.0 are not."""
    with pytest.raises(WireError, match="this side speaks 1") as refused:
        batch.decode(deflated({**EVENTS, 0: version}))
    assert refused.value.refusal is Refusal.UNKNOWN_VERSION


@pytest.mark.parametrize("key", ["5", -1, 5.0, None, b"5", (5,)])
def test_a_key_that_is_no_number_from_0_up_is_refused(key: Any) -> None:  # noqa: ANN401
    """No later release will use such a key, so it is damage."""
    with pytest.raises(WireError, match="keys"):
        batch.decode(deflated({**EVENTS, key: 1}))


def test_unknown_keys_and_fields_are_ignored() -> None:
    """A later minor version may add; this one reads on."""
    message = cbor2.loads(wire.inflate(batch.encode(ONE_EVENT)))
    message[99] = "new"
    message[4][0].append("new field of a known event")
    assert batch.decode(deflated(message)) == ONE_EVENT


def test_an_event_of_a_later_version_is_kept() -> None:
    """What is not understood is carried, not dropped."""
    row = batch.EventRow(7, 1, 2, UnknownEvent(150, ("x", 3)))
    assert batch.decode(batch.encode(batch.Batch(1, events=(row,)))).events == (row,)


def test_a_gap_with_an_unknown_cause_does_not_cost_the_batch() -> None:
    """Money rows that travel with an event of a later release arrive, and the event is kept beside them."""
    message = {**EVENTS, 4: [[1, 1, 0, SlotTaken.kind, 3, 0], [2, 1, 0, Gap.kind, 5, 9, 77]]}
    taken, gap = batch.decode(deflated(message)).events
    assert taken.event == SlotTaken(3)
    assert gap.event == UnknownEvent(Gap.kind, (5, 9, 77))


def test_an_over_long_alarm_does_not_cost_the_batch() -> None:
    """What a driver says at length is cut on its way, not refused."""
    row = batch.EventRow(7, 1, 2, AlarmRaised("modbus", "\U0001f50b" * 5000))
    received = batch.decode(batch.encode(batch.Batch(1, events=(row,))))
    assert received.events[0].event == AlarmRaised("modbus", "\U0001f50b" * TEXT_MAX)


def test_a_missing_default_field_is_filled() -> None:
    """An earlier version that did not send `found` is read as not found."""
    assert batch.decode(deflated(event(SlotTaken.kind, 3))).events[0].event == SlotTaken(3)


@pytest.mark.parametrize("epoch", [1, EPOCH_MAX])
def test_an_epoch_fits_a_signed_64_bit_column(epoch: int) -> None:
    """The first and the last epoch arrive as they were sent."""
    assert EPOCH_MAX < 2**63
    assert batch.decode(deflated({**EVENTS, 1: epoch})).epoch == epoch


@pytest.mark.parametrize("epoch", [2**63, 2**64 - 1, -1, 1.0, True, None])
def test_an_epoch_beyond_64_signed_bits_is_refused(epoch: object) -> None:
    """What no database column could hold is refused here, not there."""
    with pytest.raises(WireError, match="epoch"):
        batch.decode(deflated({**EVENTS, 1: epoch}))


def test_epoch_0_is_refused() -> None:
    """Acks use it for what could not be read, so no batch may have it."""
    with pytest.raises(WireError, match="epoch 0"):
        batch.decode(deflated({**EVENTS, 1: 0}))


@pytest.mark.parametrize("beyond", [0, 1, 257])
def test_a_payload_may_inflate_to_the_limit_and_no_further(beyond: int) -> None:
    """The limit is the last size allowed."""
    payload = zlib.compress(bytes(INFLATED_MAX_BYTES + beyond))
    if not beyond:
        assert len(wire.inflate(payload)) == INFLATED_MAX_BYTES
        return
    with pytest.raises(WireError) as refused:
        wire.inflate(payload)
    assert refused.value.refusal is Refusal.OVERSIZED


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
        batch.decode(deflated({0: 1, 1: 1, 2: b"12345678", 3: [table] * 10}))
    assert refused.value.refusal is Refusal.OVERSIZED


@pytest.mark.parametrize(
    "bad",
    [
        {1: 1},
        {1: 1, 4: [[1, 1, 0, 7, "a"], [1, 1, 0, 7, "b"]]},
        {1: 1, 4: [[0, 1, 0, 7, "a"]]},
        {1: 1, 4: [[True, 1, 0, 7, "a"]]},
        {1: 1, 4: [[1, 1]]},
        {1: 1, 4: [[1, 1, 0, 7]]},
        {1: 1, 4: [[1, 1, 0, 7, 5]]},
        {1: 1, 4: [[1, 1, 0, 2, 1, 1, 1, 1, 1, 1, -9]]},
        {1: 1, 2: b"short", 4: [[1, 1, 0, 7, "a"]]},
        {1: 1, 2: b"12345678", 4: [[1, 1, 0, 7, "a"]]},
        {1: 1, 2: b"", 4: [[1, 1, 0, 7, "a"]]},
        {1: 1, 3: [], 4: [[1, 1, 0, 7, "a"]]},
        {1: 1, 4: [[1, 1, 0, 200, 1.5]]},
        {1: 1, 3: [[0]]},
        {1: 1, 3: [[0, 0, b"", b"", b"", []]]},
    ],
)
def test_a_batch_that_breaks_a_rule_is_refused(bad: dict[int, object]) -> None:
    """Each rule of the specification has a payload that breaks it and nothing else."""
    with pytest.raises(WireError):
        batch.decode(deflated({0: 1, **bad}))


def test_tags_are_refused() -> None:
    """The protocol has no CBOR tags, so none is ever interpreted."""
    with pytest.raises(WireError, match="CBOR"):
        batch.decode(zlib.compress(bytes.fromhex("a20001") + bytes.fromhex("01c24105")))
