"""What messages cost: the specification's figures, and sums that lose no byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.traffic import SEGMENT_BYTES, TCP_IP_BYTES, Counts, Kind, Tariff, share
from protocol.events import Lane

UP = len("kayasol/1/0/bench-school/up")
AT_LEAST_ONCE, AT_MOST_ONCE = Tariff(tls=True, topic_bytes=UP, qos=1), Tariff(tls=True, topic_bytes=UP, qos=0)


@pytest.mark.parametrize(
    ("what", "cost", "specified"),
    [
        (
            "a batch of 300 bytes at QoS 1, its ack of 33",
            AT_LEAST_ONCE.published(300) + AT_LEAST_ONCE.received(33),
            730,
        ),
        ("the same at QoS 0", AT_MOST_ONCE.published(300) + AT_MOST_ONCE.received(33), 650),
        ("at QoS 0, its ack waits", AT_MOST_ONCE.published(300), 460),
        ("an ack of 33 bytes", AT_LEAST_ONCE.received(33), 190),
        ("a ping", AT_LEAST_ONCE.pinged(), 204),
        ("a new connection", AT_LEAST_ONCE.connected(), 2800),
    ],
)
def test_messages_cost_what_the_specification_says(what: str, cost: int, specified: int) -> None:
    """Section 14 of the specification and the estimate are one."""
    assert cost == pytest.approx(specified, rel=0.02), what


def test_a_long_message_pays_for_every_segment() -> None:
    """What does not fit one packet has several headers."""
    one, three = AT_MOST_ONCE.published(1000), AT_MOST_ONCE.published(1000 + 2 * SEGMENT_BYTES)
    assert three - one == 2 * (SEGMENT_BYTES + TCP_IP_BYTES)


def test_a_link_without_tls_is_cheaper() -> None:
    """Records and handshakes are TLS's."""
    plain = Tariff(tls=False, topic_bytes=UP, qos=1)
    assert plain.connected() < AT_LEAST_ONCE.connected()
    assert AT_LEAST_ONCE.published(10) - plain.published(10) == 2 * 22


def test_live_values_go_without_a_receipt() -> None:
    """A message may ask for less than the link's own QoS."""
    assert AT_LEAST_ONCE.published(10, qos=0) == AT_MOST_ONCE.published(10)


def test_every_lane_has_its_kind() -> None:
    """The counters by kind begin with the lanes, in their order."""
    assert [Kind(lane).value for lane in Lane] == [0, 1, 2, 3, 4]
    assert len(Counts().by_kind) == len(Kind)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**4), min_size=1, max_size=8))
def test_a_shared_cost_is_whole(total: int, weights: list[int]) -> None:
    """The parts are what there was, none is negative, and what weighs nothing pays nothing."""
    parts = share(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 0
    if any(weights):
        assert not any(part for part, weight in zip(parts, weights, strict=True) if weight == 0)
