"""batch.cddl allows what the code writes, and all that the code reads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import batch, control, limits, live, schema, wire
from protocol.errors import WireError
from protocol.events import CommandCode, UnknownEvent
from tests.protocol.documents import conforms, faults
from tests.protocol.examples import (
    BATCH,
    COLUMN,
    COMMAND,
    DECODERS,
    EVENT,
    EVENTS,
    LIVE,
    ONLINE,
    SAMPLES,
    SCHEMA,
    SETTLED,
    TABLE,
    TABLES,
    Cbor,
    event,
)
from tests.protocol.strategies import acks, batches, commands, lives, schemas, states


@given(batches())
def test_the_cddl_allows_every_batch(sent: batch.Batch) -> None:
    """What the code writes on `up` is what the CDDL describes."""
    assert faults("batch", wire.inflate(batch.encode(sent))) == []


@given(schemas)
def test_the_cddl_allows_every_schema(sent: schema.Schema) -> None:
    """What the code writes on `schema` is what the CDDL describes."""
    assert faults("schema", wire.inflate(schema.encode(sent))) == []


@given(acks, states)
def test_the_cddl_allows_every_control_message(ack: control.Ack, state: control.SiteState) -> None:
    """What the code writes on `ack` and `state` is what the CDDL describes."""
    assert faults("ack", control.encode_ack(ack)) == []
    assert faults("state", control.encode_state(state)) == []


@given(commands, lives)
def test_the_cddl_allows_every_command_and_all_live_values(command: live.LiveCommand, values: live.Live) -> None:
    """What the code writes on `cmd` and `live` is what the CDDL describes."""
    assert faults("command", live.encode_command(command)) == []
    assert faults("live", live.encode_live(values)) == []


EVERY_EVENT: Cbor = {
    **EVENTS,
    4: [
        [1, 1, 0, 1, 3, 0],
        [2, 1, 0, 2, 3, 1, 1, 60, 1, 120, 0, 0],
        [3, 1, 0, 3, 1_763_887_200_000, 50, 1],
        [4, 1, 0, 4, "0.1.0", "boot"],
        [5, 1, 0, 5, 1, 2, 3],
        [6, 1, 0, 6, "door", "open"],
        [7, 1, 0, 7, "door"],
        [8, 1, 0, 8, 1, 7, 5, 0, 0, 0, 2, 4_000_000_000],
        [9, 1, 0, 9, 20_600, 82_000, 13_000, *range(8), 4],
        [10, 1, 0, 10, 7, 2, "why"],
        [11, 1, 0, 200, 1, "x", -4],
        [12, 1, 0, 8, 1, 7, 5, 0, 0, 0, 2, 4_000_000_000, 1, 2, 3, 4_294_967_295],
    ],
}
EVERY_LIST: Cbor = {**SETTLED, 2: 100, 4: [[3, 4], [9, 20]], 5: [1, 2], 6: [b"12345678"], 7: [[3, "no"]]}
_starts: list[tuple[str, bytes]] = [
    ("batch", wire.inflate(batch.encode(BATCH))),
    ("batch", cbor2.dumps(SAMPLES)),
    ("batch", cbor2.dumps(EVERY_EVENT)),
    ("schema", wire.inflate(schema.encode(SCHEMA))),
    ("ack", cbor2.dumps(EVERY_LIST)),
    ("state", cbor2.dumps({**ONLINE, 3: "0.1.0"})),
    ("command", live.encode_command(COMMAND)),
    ("live", live.encode_live(LIVE)),
    ("live", live.encode_live(live.Live(7, 0, code=CommandCode.STOPPED))),
]
_integers = (-5, *range(-1, 10), 200, 2**32, 2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 2**63 - 1, 2**63, 2**64 - 1)
_others: tuple[object, ...] = (
    None,
    True,
    False,
    0.0,
    1.0,
    b"",
    b"\x05\x00",
    b"12345678",
    "",
    "a",
    "x" * 513,
    [],
    [1],
    [1, 2],
    {},
    {1: 2},
)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield node, key
        yield from _places(value)


@settings(max_examples=300)
@given(st.sampled_from(_starts), st.data())
def test_the_cddl_allows_whatever_the_code_reads(start: tuple[str, bytes], data: st.DataObject) -> None:
    """A message with something wrong or new in one place is refused by the code, or laid out as the CDDL says."""
    rule, plain = start
    message = cbor2.loads(plain)
    node, key = data.draw(st.sampled_from(list(_places(message))))
    change = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "remove":
        del node[key]
    elif change == "add" and isinstance(node, list):
        node.append(data.draw(st.sampled_from(_integers + _others)))
    elif change == "add":
        node[data.draw(st.sampled_from([*range(-1, 10), "a"]))] = data.draw(st.sampled_from(_integers + _others))
    else:
        node[key] = data.draw(st.sampled_from(_integers + _others))
    with contextlib.suppress(WireError):
        DECODERS[rule](cbor2.dumps(message))
        assert conforms(rule, message), message


def _table_of(rows: int, column: object, count: int = 1) -> Cbor:
    return {**SAMPLES, 3: [[0, rows, b"\x05\x00", b"\x05\x00", b"\x05\x00", [column] * count]]}


WRONG: list[tuple[str, Any]] = [
    ("batch", {0: 1, 1: 1}),
    ("batch", {**EVENTS, 0: 2}),
    ("batch", {**EVENTS, 0: True}),
    ("batch", {**EVENTS, 0: 1.0}),
    ("batch", {**EVENTS, 1: -1}),
    ("batch", {**EVENTS, 1: 0}),
    ("batch", {**EVENTS, 1: True}),
    ("batch", {**EVENTS, "5": 1}),
    ("batch", {**EVENTS, -1: 1}),
    ("batch", {**EVENTS, 2: b"12345678"}),
    ("batch", {**EVENTS, 2: b""}),
    ("batch", {**EVENTS, 3: []}),
    ("batch", {**SAMPLES, 4: []}),
    ("batch", {0: 1, 1: 1, 3: [TABLE]}),
    ("batch", {**SAMPLES, 2: b"1234567"}),
    ("batch", {**SAMPLES, 3: [TABLE[:5]]}),
    ("batch", {**SAMPLES, 3: [[16, *TABLE[1:]]]}),
    ("batch", _table_of(0, None)),
    ("batch", _table_of(1, 5)),
    ("batch", _table_of(1, b"")),
    ("batch", _table_of(1, [b"\x05\x00"])),
    ("batch", _table_of(1, [b"\x05\x00", 5])),
    ("batch", {**EVENTS, 4: [[0, *EVENT[1:]]]}),
    ("batch", {**EVENTS, 4: [[1, -1, *EVENT[2:]]]}),
    ("batch", {**EVENTS, 4: [EVENT[:4]]}),
    ("batch", event(1, 3, 2)),
    ("batch", {**EVENTS, 4: [[1, 1, 0, 1, 3, True]]}),
    ("batch", {**EVENTS, 4: [[1, 1, 0, 1, True]]}),
    ("batch", event(2, 1, 1, 1, 1, 1, 1, -1, 0)),
    ("batch", event(3, 0, 0, "ntp")),
    ("batch", event(5, 1, "2", 5)),
    ("batch", event(5, 1, 2, 7, 1.5)),
    ("batch", event(6, "code", 5)),
    ("batch", event(8, 1, 7, 5, 0, 0, 0, 2)),
    ("batch", event(8, 1, 7, 5, 0, 0, 0, 2, -1)),
    ("batch", event(200, 1.5)),
    ("batch", event(200, [1])),
    ("batch", {**EVENTS, 4: [[1, 1, 0, 200, True]]}),
    ("schema", {0: 1, 1: []}),
    ("schema", {0: 1, 1: [["Mppt", 60, [COLUMN]]]}),
    ("schema", {0: 1, 1: [["a" * 33, 60, [COLUMN]]]}),
    ("schema", {0: 1, 1: [["mppt", 0, [COLUMN]]]}),
    ("schema", {0: 1, 1: [["mppt", True, [COLUMN]]]}),
    ("schema", {0: 1, 1: [["mppt", 60, []]]}),
    ("schema", {0: 1, 1: [["mppt", 60, [["soc_pct", 0]]]]}),
    ("schema", {0: 1, 1: [["mppt", 60, [["mppt.soc_pct", 7]]]]}),
    ("schema", {0: 1, 1: [["mppt", 60, [["mppt.soc_pct", True]]]]}),
    ("ack", {0: 1, 1: 1, 2: 1}),
    ("ack", {**SETTLED, 2: -1}),
    ("ack", {**SETTLED, 2: True}),
    ("ack", {**SETTLED, 4: []}),
    ("ack", {**SETTLED, 4: [[0, 1]]}),
    ("ack", {**SETTLED, 4: [[1]]}),
    ("ack", {**SETTLED, 4: [[True, 1]]}),
    ("ack", {**SETTLED, 5: [True]}),
    ("ack", {**SETTLED, 6: [b"short"]}),
    ("ack", {**SETTLED, 7: [[1, 1]]}),
    ("ack", {**SETTLED, 7: [[2**32, "no"]]}),
    ("state", {0: 1, 1: 1, 2: 1}),
    ("state", {0: 1, 1: True}),
    ("state", {**ONLINE, 2: True}),
    ("state", {**ONLINE, 3: 5}),
    ("batch", {**EVENTS, 5: 1}),
    ("batch", event(9, *range(11))),
    ("batch", event(10, 1)),
    ("command", {0: 1, 1: 1, 2: 1}),
    ("command", {0: 1, 1: 1, 2: 1, 3: 601}),
    ("command", {0: 1, 1: -1, 2: 1, 3: 1}),
    ("live", {0: 1, 1: 1}),
    ("live", {0: 1, 1: 1, 2: 601}),
    ("live", {0: 1, 1: 1, 2: 1, 4: [[0, 1, []]]}),
    ("live", {0: 1, 1: 1, 2: 1, 3: b"12345678"}),
    ("live", {0: 1, 1: 1, 2: 1, 3: b"12345678", 4: [[0, 1]]}),
    ("live", {0: 1, 1: 1, 2: 1, 3: b"12345678", 4: [[16, 1, []]]}),
    ("live", {0: 1, 1: 1, 2: 1, 3: b"12345678", 4: [[0, 1, [1.5]]]}),
    ("live", {0: 1, 1: 1, 2: 1, 5: 3}),
    ("live", {0: 1, 1: 1, 2: 1, 5: True}),
]


@pytest.mark.parametrize(("rule", "message"), WRONG)
def test_the_cddl_and_the_code_refuse_the_same(rule: str, message: Cbor) -> None:
    """Each message breaks one rule of the CDDL, and the code refuses it too."""
    assert not conforms(rule, message)
    with pytest.raises(WireError):
        DECODERS[rule](cbor2.dumps(message))


@pytest.mark.parametrize(
    "message",
    [
        event(0),
        event(100, 1, "x"),
        event(2, 1, 1, 1, 1, 1, 1, 3, 0),
        event(3, 0, 0, 4),
        event(5, 1, 2, 7),
        event(5, 1, 2, limits.VALUE_MAX, -1, "x"),
        event(10, 1, 3, "x"),
    ],
)
def test_the_cddl_and_the_code_keep_the_same(message: Cbor) -> None:
    """A kind, or a value of an enumeration, that a later release defined is neither refused nor interpreted."""
    assert conforms("batch", message)
    kept = batch.decode(wire.deflate(cbor2.dumps(message))).events[0].event
    assert kept == UnknownEvent(message[4][0][3], tuple(message[4][0][4:]))


@pytest.mark.parametrize(
    ("rule", "make", "most"),
    [
        ("batch", lambda n: {**EVENTS, 1: n}, limits.EPOCH_MAX),
        ("batch", lambda n: _table_of(n, None), limits.ROWS_MAX),
        ("batch", lambda n: {**SAMPLES, 3: [TABLE] * n}, limits.TABLES_MAX),
        ("batch", lambda n: _table_of(1, None, n), limits.COLUMNS_MAX),
        ("batch", lambda n: _table_of(1, bytes(n)), limits.INFLATED_MAX_BYTES),
        ("batch", lambda n: {**EVENTS, 4: [[1, 1, 0, 1, 3, 0]] * n}, limits.EVENTS_MAX),
        ("batch", lambda n: event(7, "é" * n), limits.TEXT_MAX),
        ("batch", lambda n: event(200, n), limits.VALUE_MAX),
        ("batch", lambda n: event(200, -n), limits.VALUE_MAX),
        ("batch", lambda n: event(5, 1, 2, n), limits.VALUE_MAX),
        ("batch", lambda n: event(200, *range(n)), 60),
        ("batch", lambda n: event(5, 1, 2, *range(5, 5 + n)), 58),
        ("schema", lambda n: {0: 1, 1: [[f"mppt-{i}", 60, [COLUMN]] for i in range(n)]}, limits.TABLES_MAX),
        ("schema", lambda n: {0: 1, 1: [["mppt", 60, [COLUMN] * n]]}, limits.COLUMNS_MAX),
        ("schema", lambda n: {0: 1, 1: [["mppt", n, [COLUMN]]]}, 86_400),
        ("ack", lambda n: {**SETTLED, 1: n}, limits.EPOCH_MAX),
        ("ack", lambda n: {**SETTLED, 4: [[1, 2]] * n}, limits.RANGES_MAX),
        ("ack", lambda n: {**SETTLED, 5: [1] * n}, limits.BATCHES_MAX),
        ("ack", lambda n: {**SETTLED, 5: [n]}, 2**32 - 1),
        ("ack", lambda n: {**SETTLED, 6: [b"12345678"] * n}, limits.BATCHES_MAX),
        ("ack", lambda n: {**SETTLED, 7: [[1, "no"]] * n}, limits.BATCHES_MAX),
        ("ack", lambda n: {**SETTLED, 2: n}, limits.VALUE_MAX),
        ("state", lambda n: {**ONLINE, 2: n}, limits.EPOCH_MAX),
    ],
)
def test_the_cddl_has_the_limits_of_the_code(rule: str, make: Callable[[int], Cbor], most: int) -> None:
    """As much as the limit conforms, one more does not."""
    assert conforms(rule, make(most))
    assert not conforms(rule, make(most + 1))


@pytest.mark.parametrize(
    ("rule", "message"),
    [("batch", SAMPLES), ("batch", EVENTS), ("schema", TABLES), ("ack", SETTLED), ("state", ONLINE)],
)
def test_the_cddl_leaves_room_for_later_keys(rule: str, message: Cbor) -> None:
    """A later release may add keys; those of version 1 mean what they mean."""
    assert conforms(rule, {**message, 99: [{"new": 1.5}]})
