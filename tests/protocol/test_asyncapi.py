"""asyncapi.yaml says what the code does: channels, writers, names and messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol import batch, control, live, schema, topics, wire
from protocol.topics import Address, Channel
from tests.protocol.documents import ASYNCAPI, faults, table
from tests.protocol.examples import ACK, BATCH, COMMAND, LIVE, SCHEMA, STATE
from tests.protocol.strategies import names


def _target(operation: dict[str, Any]) -> str:
    return str(operation["channel"]["$ref"]).rpartition("/")[2]


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_the_channels_of_the_specification_are_those_of_code_and_document() -> None:
    """Writers in the table are writers in the code, and MQTT options are those of the AsyncAPI document."""
    rows = table("channel", "written by", "read by", "QoS", "retain", "payload")
    assert {row[0]: row[1:3] for row in rows} == {
        channel: ("site", "hub") if channel in topics.FROM_SITE else ("hub", "site") for channel in Channel
    }
    bindings = {_target(operation): operation["bindings"]["mqtt"] for operation in ASYNCAPI["operations"].values()}
    assert {row[0]: row[3:5] for row in rows if row[5] != "reserved"} == {
        channel: (str(binding["qos"]), "yes" if binding["retain"] else "no") for channel, binding in bindings.items()
    }
    assert {row[0] for row in rows if row[5] == "reserved"} == {
        name for name, channel in ASYNCAPI["channels"].items() if channel.get("x-reserved")
    }


def test_the_asyncapi_channels_are_those_of_the_code() -> None:
    """Each channel has the address that the code builds, and the writer that the code allows."""
    assert list(ASYNCAPI["channels"]) == list(Channel)
    for name, channel in ASYNCAPI["channels"].items():
        assert channel["address"] == f"{topics.ROOT}/{{shard}}/{{site}}/{name}"
        assert topics.parse(channel["address"].format(shard=3, site="kaya")) == (Address(3, "kaya"), Channel(name))
        assert channel["x-writer"] == ("site" if name in topics.FROM_SITE else "hub")
        assert list(channel["parameters"]) == ["shard", "site"]


def test_the_asyncapi_operations_cover_every_channel_in_use() -> None:
    """A site sends where it writes and receives elsewhere; reserved channels have neither operation nor message."""
    operations = {_target(operation): operation["action"] for operation in ASYNCAPI["operations"].values()}
    assert operations == {
        name: "send" if channel["x-writer"] == "site" else "receive"
        for name, channel in ASYNCAPI["channels"].items()
        if not channel.get("x-reserved")
    }
    assert {name for name, channel in ASYNCAPI["channels"].items() if "messages" in channel} == set(operations)


def test_the_asyncapi_last_will_is_a_state_message() -> None:
    """A site that is gone is reported where it reported itself, in the same way."""
    will = ASYNCAPI["servers"]["broker"]["bindings"]["mqtt"]["lastWill"]
    state = ASYNCAPI["operations"]["sendState"]["bindings"]["mqtt"]
    assert will["topic"] == ASYNCAPI["channels"]["state"]["address"]
    assert (will["qos"], will["retain"]) == (state["qos"], state["retain"])


def test_the_asyncapi_shards_are_those_of_the_code() -> None:
    """As many shards as the code has, and the pattern allows no other."""
    shard = ASYNCAPI["components"]["parameters"]["shard"]
    assert shard["enum"] == [str(number) for number in range(topics.SHARDS)]
    written = [f"{number:0{width}d}" for number in range(1000) for width in (1, 2, 3)]
    assert {text for text in written if re.fullmatch(shard["x-pattern"], text)} == set(shard["enum"])


@given(names | st.text(max_size=40) | st.text("abz09-_A\n", max_size=40))
def test_the_asyncapi_site_names_are_those_of_the_code(text: str) -> None:
    """The pattern allows exactly the names that the code allows."""
    pattern = ASYNCAPI["components"]["parameters"]["site"]["x-pattern"]
    assert (re.fullmatch(pattern, text) is not None) == topics.is_name(text)


def test_the_asyncapi_messages_are_cbor_of_the_cddl() -> None:
    """Each message names the rule of the CDDL that lays it out and whether it is deflated."""
    samples = {
        "batch": batch.encode(BATCH),
        "schema": schema.encode(SCHEMA),
        "state": control.encode_state(STATE),
        "ack": control.encode_ack(ACK),
        "live": live.encode_live(LIVE),
        "command": live.encode_command(COMMAND),
    }
    assert set(ASYNCAPI["components"]["messages"]) == set(samples)
    for name, message in ASYNCAPI["components"]["messages"].items():
        assert message["contentType"] == "application/cbor"
        deflated, rule = message["x-cddl"]["deflated"], message["x-cddl"]["rule"]
        assert faults(rule, wire.inflate(samples[name]) if deflated else samples[name]) == []


def test_every_asyncapi_reference_leads_somewhere() -> None:
    """The document can be resolved without other files."""
    references = list(_references(ASYNCAPI))
    assert references
    for reference in references:
        node = ASYNCAPI
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node
