"""Acks and states: they arrive as sent, and no ack calls a row settled that it does not know."""

from __future__ import annotations

from itertools import accumulate

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import control
from protocol.control import Ack, Refused, SiteState
from protocol.errors import Refusal, WireError
from protocol.limits import BATCHES_MAX, PAYLOAD_MAX_BYTES, RANGES_MAX, TEXT_MAX, VALUE_MAX
from protocol.ranges import Range, holes, runs
from tests.protocol.examples import ONLINE, SETTLED
from tests.protocol.strategies import acks, states


@given(acks, states)
def test_any_control_message_round_trips(ack: Ack, state: SiteState) -> None:
    """Acks and states arrive as they were sent."""
    assert control.decode_ack(control.encode_ack(ack)) == ack
    assert control.decode_state(control.encode_state(state)) == state


def _settled(ack: Ack) -> set[int]:
    return {seq for first, last in holes(ack.missing, ack.upto) for seq in range(first, last + 1)}


@given(st.lists(st.integers(1, 3), max_size=60) | st.lists(st.integers(1, 3), min_size=150, max_size=200))
def test_an_ack_never_settles_a_row_that_is_missing(steps: list[int]) -> None:
    """However many holes there are, what a site reads as settled is what the hub has."""
    received = set(accumulate(steps))
    upto = max(received, default=0)
    sent = Ack(1, upto, 0, tuple(holes(runs(received), upto)))
    arrived = control.decode_ack(control.encode_ack(sent))
    assert _settled(arrived) <= received
    assert _settled(arrived) == {seq for seq in received if seq <= arrived.upto}


def test_an_ack_with_100_holes_reaches_to_the_first_hole_it_cannot_name() -> None:
    """Every second row is missing: 64 are listed, and the ack says nothing of what lies beyond."""
    missing: tuple[Range, ...] = tuple((seq, seq) for seq in range(2, 202, 2))
    arrived = control.decode_ack(control.encode_ack(Ack(1, 201, 0, missing)))
    assert arrived.missing == missing[:RANGES_MAX]
    assert arrived.upto == missing[RANGES_MAX][0] - 1


def test_an_ack_with_as_many_holes_as_it_holds_keeps_its_reach() -> None:
    """Only what has no room lowers `upto`."""
    missing: tuple[Range, ...] = tuple((seq, seq) for seq in range(2, 2 + 2 * RANGES_MAX, 2))
    sent = Ack(1, 1000, 0, missing)
    assert control.decode_ack(control.encode_ack(sent)) == sent


def test_an_ack_that_has_much_to_say_stays_readable() -> None:
    """Batches, schemas and refusals beyond the limits wait for the next ack, and long sentences are cut."""
    refused = Refused(2**32 - 1, "\U0001f50b" * TEXT_MAX)
    missing: tuple[Range, ...] = tuple((VALUE_MAX - seq, VALUE_MAX - seq) for seq in range(400, 0, -2))
    sent = Ack(1, VALUE_MAX, VALUE_MAX, missing, (2**32 - 1,) * 100, (b"12345678",) * 100, (refused,) * 100)
    payload = control.encode_ack(sent)
    assert len(payload) <= PAYLOAD_MAX_BYTES
    arrived = control.decode_ack(payload)
    assert [len(part) for part in (arrived.batches, arrived.schemas_wanted, arrived.refused)] == [BATCHES_MAX] * 3
    assert all(refused.reason.startswith(item.reason) for item in arrived.refused)


@pytest.mark.parametrize(
    "missing",
    [
        [[5, 9], [7, 12]],
        [[5, 9], [9, 12]],
        [[5, 20], [7, 8]],
        [[5, 9], [5, 9]],
        [[7, 12], [5, 6]],
    ],
)
def test_overlapping_or_unordered_missing_ranges_are_refused(missing: list[list[int]]) -> None:
    """A reader that walks them in order would take a missing row for settled."""
    with pytest.raises(WireError, match="out of order or overlap") as refused:
        control.decode_ack(cbor2.dumps({**SETTLED, 2: 100, 4: missing}))
    assert refused.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize("item", [[0, 5], [5, 4], [1], [1, 2, 3], [1, True], [1, 2**53 + 1], "12", None])
def test_what_is_no_range_is_not_missing(item: object) -> None:
    """A range is two seqs, the first not beyond the last."""
    with pytest.raises(WireError, match="a missing range is"):
        control.decode_ack(cbor2.dumps({**SETTLED, 2: 100, 4: [item]}))


def test_a_missing_range_beyond_upto_is_refused() -> None:
    """An ack says nothing of rows beyond `upto`, so it cannot miss them."""
    message = {**SETTLED, 2: 9, 4: [[5, 9]]}
    assert control.decode_ack(cbor2.dumps(message)).missing == ((5, 9),)
    with pytest.raises(WireError, match="beyond 9"):
        control.decode_ack(cbor2.dumps({**message, 4: [[5, 10]]}))


@pytest.mark.parametrize("batch_id", [2**32, -1, True, 1.0, "1"])
def test_a_batch_id_is_a_check_sum_of_32_bits(batch_id: object) -> None:
    """Nothing else can name a batch, done or refused."""
    for message in ({**SETTLED, 5: [batch_id]}, {**SETTLED, 7: [[batch_id, "no"]]}):
        with pytest.raises(WireError, match="a batch id is"):
            control.decode_ack(cbor2.dumps(message))


@pytest.mark.parametrize(
    "part",
    [
        {2: True},
        {3: -1},
        {4: []},
        {5: [1] * (BATCHES_MAX + 1)},
        {6: [b"1234567"]},
        {6: ["12345678"]},
        {7: [[1]]},
        {7: [[1, "x" * (TEXT_MAX + 1)]]},
        {1: 2**63},
    ],
)
def test_an_ack_that_breaks_a_rule_is_refused(part: dict[int, object]) -> None:
    """Each field has a range and a length of its own."""
    with pytest.raises(WireError):
        control.decode_ack(cbor2.dumps({**SETTLED, **part}))


@pytest.mark.parametrize("part", [{1: 1}, {1: None}, {2: True}, {2: 2**63}, {3: 5}, {3: "x" * (TEXT_MAX + 1)}])
def test_a_state_that_breaks_a_rule_is_refused(part: dict[int, object]) -> None:
    """Online is true or false, the epoch a number, the software a short text."""
    with pytest.raises(WireError):
        control.decode_state(cbor2.dumps({**ONLINE, **part}))


def test_a_control_message_is_held_to_the_size_of_a_payload() -> None:
    """Even if all of it but a few bytes is in a key of a later release."""
    fits = cbor2.dumps({**SETTLED, 9: bytes(PAYLOAD_MAX_BYTES - 13)})
    assert len(fits) == PAYLOAD_MAX_BYTES
    assert control.decode_ack(fits) == Ack(1, 1, 1)
    with pytest.raises(WireError) as refused:
        control.decode_ack(cbor2.dumps({**SETTLED, 9: bytes(PAYLOAD_MAX_BYTES - 12)}))
    assert refused.value.refusal is Refusal.OVERSIZED
