"""SPEC.md says what the code does: its examples, tables, limits and reasons."""

from __future__ import annotations

import zlib
from dataclasses import MISSING, Field, fields
from enum import IntEnum
from typing import Any, get_args

import cbor2
import pytest

from protocol import batch, columns, control, courier, events, limits, schema, seal, tally, wire
from protocol.errors import Refusal, WireError
from tests.protocol.documents import SPEC, block, table
from tests.protocol.examples import (
    ACK,
    BATCH,
    EVENT,
    EVENTS,
    ONE_EVENT,
    ONLINE,
    SAMPLES,
    SCHEMA,
    SCHEMA_ID,
    SETTLED,
    STATE,
    TABLE,
    Decode,
    deflated,
)


def _values(text: str) -> list[int]:
    """Read `5*3 7` as 5 5 5 7."""
    parts = (word.partition("*") for word in text.split())
    return [value for first, _, times in parts for value in [int(first)] * int(times or 1)]


def _packed(bits: str) -> bytes:
    """Pad bits to whole bytes."""
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_the_worked_column_is_what_the_code_writes() -> None:
    """The bits of the example, line by line, are the packed column."""
    title, bits = block("bits")
    packed = _packed(bits)
    assert columns.pack(_values(title)) == packed
    assert columns.unpack(packed, len(_values(title))) == _values(title)
    assert f"packed `{packed.hex()}`" in SPEC


@pytest.mark.parametrize(("text", "packed"), [row[:2] for row in table("values", "bytes", "note")])
def test_every_column_of_the_table_is_read_as_it_says(text: str, packed: str) -> None:
    """An encoder may choose otherwise, a decoder reads these bytes as these values."""
    assert columns.unpack(bytes.fromhex(packed), len(_values(text))) == _values(text)


def test_the_worked_schema_is_what_the_code_writes() -> None:
    """The bytes of the example are this schema in both directions."""
    plain = bytes.fromhex(block("hex schema")[1])
    assert wire.inflate(schema.encode(SCHEMA)) == plain
    assert schema.decode(wire.deflate(plain)) == SCHEMA


def test_the_worked_batch_is_what_the_code_writes() -> None:
    """The bytes of the example are this batch in both directions, under the schema above it."""
    plain = bytes.fromhex(block("hex batch")[1])
    assert wire.inflate(batch.encode(BATCH)) == plain
    assert batch.decode(wire.deflate(plain)) == BATCH


def test_the_worked_courier_file_is_what_the_code_writes() -> None:
    """The bytes of the example are a whole file, and its batch is one that the code reads."""
    data = bytes.fromhex(block("hex courier")[1])
    carried = courier.decode(data)
    assert courier.encode(carried) == data
    assert (carried.site, carried.schemas) == ("kaya", ())
    assert [batch.decode(payload) for payload in carried.batches] == [ONE_EVENT]


def _declared(field: Field[Any]) -> str:
    default = {MISSING: "", False: " = 0", "": ' = ""'}[field.default]
    return f"{field.name}: {field.type}{default}"


def test_the_events_are_those_of_the_code() -> None:
    """Kind, name, lane and fields in their order stand in the table; all came with version 1."""
    expected = [
        (str(cls.kind), cls.__name__, cls.lane.name.lower(), "1", ", ".join(_declared(field) for field in fields(cls)))
        for cls in sorted(get_args(events.Event), key=lambda cls: int(cls.kind))
    ]
    assert table("kind", "event", "lane", "version", "fields") == expected


def test_the_enumerations_are_those_of_the_code() -> None:
    """Every enumeration that a field refers to is there, and every number has its name."""
    named = {str(field.type) for cls in get_args(events.Event) for field in fields(cls)} - {"int", "bool", "str"}
    rows = table("enumeration", "values")
    assert {row[0] for row in rows} == named
    for name, values in rows:
        enum: type[IntEnum] = getattr(events, name)
        assert values == ", ".join(f"{member.value} {member.name.lower()}" for member in enum)


def test_the_check_of_a_tally_is_worked_out() -> None:
    """The canonical forms in the table are those of the batch of section 6, and their sum is its check."""
    rows = table("seq", "canonical form", "CRC-32")
    assert [int(check) for _, _, check in rows] == [zlib.crc32(bytes.fromhex(form)) for _, form, _ in rows]
    assert [cbor2.loads(bytes.fromhex(form))[0] for _, form, _ in rows] == list(BATCH.seqs())
    sums = tally.of_batch(BATCH, lambda _: True)
    assert sums.check == sum(int(check) for _, _, check in rows) % tally.CHECK_MODULUS
    assert f"Their check is {sums.check}." in SPEC


def test_the_seal_of_a_tally_is_worked_out() -> None:
    """The states in the table are those of the batch of section 6, and the seals are their beginnings."""
    started = seal.begin(bytes(range(seal.KEY_BYTES)), BATCH.epoch, 101)
    states = [("events", "", started.events), ("samples", "", started.samples)]
    for link in sorted(seal.links(BATCH, lambda _: True)):
        started = seal.chain(started, [link])
        chain = "events" if link[1] else "samples"
        states.append((chain, str(link[0]), getattr(started, chain)))
    assert sorted(table("chain", "row", "state")) == sorted((name, row, state.hex()) for name, row, state in states)
    told = seal.sealed(tally.of_batch(BATCH, lambda _: True).tally(101, 104), started.seals())
    assert f"this tally ends with {', '.join(map(str, events.to_wire(told)[-4:]))}." in SPEC


def test_the_limits_are_those_of_the_code() -> None:
    """Every limit stands in the table with its value, and no other."""
    expected = {name: str(value) for name, value in vars(limits).items() if name.isupper()}
    assert {name: value for name, value, _ in table("limit", "value", "of")} == expected


def test_the_reasons_are_those_of_the_code() -> None:
    """A counter of the hub has no label that the specification does not explain."""
    assert [reason for reason, _ in table("reason", "when")] == list(Refusal)


def test_the_byte_costs_are_real() -> None:
    """The sizes in the table are those of real messages, to what another zlib may save or spend."""
    noise = tuple(
        tuple(1000 * column + (97 * row * row + 31 * column * row) % (5 + 3 * column) for row in range(15))
        for column in range(21)
    )
    seqs, uptimes = tuple(range(9001, 9016)), tuple(range(86_400, 87_300, 60))
    quarter = batch.Batch(BATCH.epoch, SCHEMA_ID, (batch.TableRows(0, seqs, (7,) * 15, uptimes, noise),))
    sizes = {
        "the schema of section 6, deflated": len(schema.encode(SCHEMA)),
        "the batch of section 6, deflated": len(batch.encode(BATCH)),
        "a quarter of an hour of 21 columns that jump by 5 to 65 units": len(batch.encode(quarter)),
        "an ack of one batch": len(control.encode_ack(ACK)),
        "a state message": len(control.encode_state(STATE)),
    }
    assert {name: int(size) for name, size in table("message", "bytes")} == pytest.approx(sizes, rel=0.05)


def _one_value(data: bytes) -> list[int]:
    return columns.unpack(data, 1)


def _two_values(data: bytes) -> list[int]:
    return columns.unpack(data, 2)


BEYOND = _packed(f"0{55:06b}{2 * limits.VALUE_MAX:055b}0000110")
"""2^53 as the first value, then a difference of 1."""

LONG = _packed(f"0{59:06b}{10:059b}")
"""A number of 59 bits, though its value is small."""

REFUSED: list[tuple[Decode, bytes, Refusal]] = [
    (batch.decode, deflated(EVENTS)[:-1], Refusal.TRUNCATED),
    (batch.decode, wire.deflate(cbor2.dumps(EVENTS)[:-1]), Refusal.TRUNCATED),
    (batch.decode, deflated({**SAMPLES, 3: [[*TABLE[:5], [b"\x05"]]]}), Refusal.TRUNCATED),
    (control.decode_ack, cbor2.dumps(SETTLED)[:-1], Refusal.TRUNCATED),
    (courier.decode, b"kayasol-courier 1 kaya\n", Refusal.TRUNCATED),
    (batch.decode, bytes(limits.PAYLOAD_MAX_BYTES + 1), Refusal.OVERSIZED),
    (batch.decode, wire.deflate(bytes(limits.INFLATED_MAX_BYTES + 1)), Refusal.OVERSIZED),
    (wire.decode, bytes(limits.INFLATED_MAX_BYTES + 1), Refusal.OVERSIZED),
    (control.decode_ack, bytes(limits.PAYLOAD_MAX_BYTES + 1), Refusal.OVERSIZED),
    (control.decode_state, bytes(limits.PAYLOAD_MAX_BYTES + 1), Refusal.OVERSIZED),
    (batch.decode, deflated({**SAMPLES, 3: [TABLE] * 17}), Refusal.OVERSIZED),
    (batch.decode, deflated({**SAMPLES, 3: [[*TABLE, *range(11)]]}), Refusal.OVERSIZED),
    (batch.decode, deflated({**SAMPLES, 3: [[*TABLE[:5], [None] * 129]]}), Refusal.OVERSIZED),
    (batch.decode, deflated({**EVENTS, 4: [EVENT] * 2049}), Refusal.OVERSIZED),
    (batch.decode, deflated({**EVENTS, 4: [[*EVENT, *range(60)]]}), Refusal.OVERSIZED),
    (batch.decode, deflated({**EVENTS, 0: 2}), Refusal.UNKNOWN_VERSION),
    (batch.decode, deflated({**EVENTS, 0: True}), Refusal.UNKNOWN_VERSION),
    (control.decode_state, cbor2.dumps({**ONLINE, 0: 2}), Refusal.UNKNOWN_VERSION),
    (courier.decode, b"kayasol-courier 2 kaya\n", Refusal.UNKNOWN_VERSION),
    (batch.decode, b"no zlib stream", Refusal.MALFORMED),
    (batch.decode, deflated(EVENTS) + b"\x00", Refusal.MALFORMED),
    (batch.decode, wire.deflate(cbor2.dumps(EVENTS) + b"\x00"), Refusal.MALFORMED),
    (batch.decode, wire.deflate(cbor2.dumps([1])), Refusal.MALFORMED),
    (batch.decode, wire.deflate(bytes.fromhex("bf0001ff")), Refusal.MALFORMED),
    (batch.decode, deflated({**EVENTS, -1: 5}), Refusal.MALFORMED),
    (batch.decode, deflated({**EVENTS, 9: [[[[[[[[1]]]]]]]]}), Refusal.MALFORMED),
    (batch.decode, deflated({**EVENTS, 4: 5}), Refusal.MALFORMED),
    (batch.decode, deflated({**SAMPLES, 3: [[0, 1, 5, *TABLE[3:]]]}), Refusal.MALFORMED),
    (batch.decode, deflated({**SAMPLES, 3: [[0, 1, b"\x01\x00", *TABLE[3:]]]}), Refusal.MALFORMED),
    (batch.decode, deflated({**SAMPLES, 3: [[0, 1, columns.pack([0]), *TABLE[3:]]]}), Refusal.MALFORMED),
    (batch.decode, deflated({**SAMPLES, 3: [[0, 1, columns.pack([-1]), *TABLE[3:]]]}), Refusal.MALFORMED),
    (batch.decode, deflated({**SAMPLES, 3: [[*TABLE[:5], [[columns.pack([0]), b""]]]]}), Refusal.MALFORMED),
    (batch.decode, deflated({**SAMPLES, 3: [[*TABLE[:5], [[columns.pack([2]), b"\x05\x00"]]]]}), Refusal.MALFORMED),
    (control.decode_ack, cbor2.dumps({0: 1, 1: 1, 2: 1}), Refusal.MALFORMED),
    (control.decode_ack, cbor2.dumps({**SETTLED, 4: 5}), Refusal.MALFORMED),
    (control.decode_ack, cbor2.dumps({**SETTLED, 5: ["x"]}), Refusal.MALFORMED),
    (control.decode_state, cbor2.dumps({0: 1, 1: 1, 2: 1}), Refusal.MALFORMED),
    (_one_value, bytes.fromhex("05004000"), Refusal.MALFORMED),
    (_one_value, bytes.fromhex("05ff"), Refusal.MALFORMED),
    (_one_value, columns.pack([100, 160, 220, 280]), Refusal.MALFORMED),
    (_one_value, LONG, Refusal.MALFORMED),
    (_two_values, BEYOND, Refusal.MALFORMED),
]


@pytest.mark.parametrize(("decode", "payload", "reason"), REFUSED)
def test_a_refusal_has_the_reason_that_the_specification_gives(decode: Decode, payload: bytes, reason: Refusal) -> None:
    """Each line of the table of reasons has payloads that are refused for it."""
    with pytest.raises(WireError) as refused:
        decode(payload)
    assert refused.value.refusal is reason


def test_what_a_later_release_adds_is_ignored() -> None:
    """Unknown keys, and items after the known ones, do not disturb a reader of version 1."""
    plain = cbor2.loads(wire.inflate(batch.encode(BATCH)))
    plain[3][0].append("new")
    plain[4][0].append("new")
    assert batch.decode(deflated({**plain, 6: ["new"]})) == BATCH
    named = cbor2.loads(wire.inflate(schema.encode(SCHEMA)))
    named[1][0].append("new")
    named[1][0][2][0].append("new")
    assert schema.decode(deflated({**named, 2: "new"})) == SCHEMA
    assert control.decode_ack(cbor2.dumps({**cbor2.loads(control.encode_ack(ACK)), 9: "new"})) == ACK


def test_an_event_field_with_a_default_may_be_left_out() -> None:
    """Rows of a site that knew fewer fields are read with the default; a field without one is required."""
    for cls in get_args(events.Event):
        required = [field for field in fields(cls) if field.default is MISSING]
        values: list[object] = ["" if field.type == "str" else 0 for field in required]
        assert isinstance(events.from_wire(cls.kind, values), cls)
        with pytest.raises(WireError):
            events.from_wire(cls.kind, values[:-1])
