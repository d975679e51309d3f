"""Topics and the metric catalogue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import topics
from protocol.errors import WireError
from protocol.metrics import CATALOGUE, metric_of
from tests.protocol.strategies import names


@given(st.integers(0, topics.SHARDS - 1), names, st.sampled_from(topics.Channel))
def test_any_topic_round_trips(shard: int, site: str, channel: topics.Channel) -> None:
    """Parsing what was built gives the same address and channel."""
    address = topics.Address(shard, site)
    assert topics.parse(address.topic(channel)) == (address, channel)


@given(st.text(max_size=60) | st.text(max_size=20).map(lambda text: f"kayasol/1/3/{text}/up"))
def test_any_other_text_is_refused_or_valid(text: str) -> None:
    """A topic parses only if building it again gives the same text."""
    try:
        address, channel = topics.parse(text)
    except WireError:
        return
    assert address.topic(channel) == text


@pytest.mark.parametrize(
    "topic",
    ["kayasol/2/3/a/up", "kayasol/1/16/a/up", "kayasol/1/03/a/up", "kayasol/1/²/a/up", "kayasol/1/3/A/up",
     "kayasol/1/3/a/down", "kayasol/1/3/a/up/x", ""],
)  # fmt: skip
def test_a_wrong_topic_is_refused(topic: str) -> None:
    """Version, shard, site and channel are each checked."""
    with pytest.raises(WireError):
        topics.parse(topic)


@pytest.mark.parametrize("shard", ["9" * 5000, "0" * 5000 + "3", "٣", "+3", " 3", "1_0", "-0"])
def test_a_shard_of_5000_digits_is_refused_in_words(shard: str) -> None:
    """What Python would not, or would too gladly, read as a number raises the one error of the wire."""
    with pytest.raises(WireError, match="no shard"):
        topics.parse(f"kayasol/1/{shard}/a/up")


def test_a_hub_subscribes_only_to_its_shards() -> None:
    """One worker of many names its shards; a single one takes all."""
    assert topics.hub_filters(range(2, 4))[0] == "kayasol/1/2/+/up"
    assert len(topics.hub_filters()) == len(topics.FROM_SITE)


def test_a_column_is_looked_up_by_its_last_part() -> None:
    """The source before the dot does not matter to the unit."""
    assert metric_of("controller.panel_power_w").unit == "W"
    with pytest.raises(KeyError):
        metric_of("controller.unheard_of")


def test_every_metric_is_named_after_its_unit_and_can_be_plausible() -> None:
    """Names end in units; every range has room."""
    suffix = {"V": "_v", "A": "_a", "W": "_w", "°C": "_c", "%": "_pct", "kWh": "_kwh", "MB": "_mb", "B": "_bytes"}
    for metric in CATALOGUE.values():
        assert metric.low < metric.high
        assert metric.name.endswith(suffix.get(metric.unit, ""))
        assert metric.plausible(metric.high)
        assert not metric.plausible(metric.high + 1)
