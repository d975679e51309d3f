"""Captured exchanges, from whatever sniffer: what they say by a profile, or why nothing can be made of them. Pure.

A capture is a mapping with `request_hex` and `response_hex`, or with `address`, `function` and `registers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from edge.decoding import Told, scales_in, tell
from edge.encodings import Number
from edge.errors import EXCEPTIONS
from edge.frames import (
    READ_WORDS,
    READS,
    WRITE_MANY,
    WRITE_ONE,
    Framing,
    Reply,
    Request,
    crc16,
    find_reply,
    parse_reply,
    parse_request,
)
from edge.model_list import ModelList
from edge.profiles import Profile, registers_of
from edge.readplan import Block, Words, without_void
from edge.registers import Scale, Table

_TABLES = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_WRITTEN = {5: Table.COIL, 6: Table.HOLDING, 15: Table.COIL, 16: Table.HOLDING}
_IDENTIFY = 0x2B
_IDENTITY = {0: "maker", 1: "model", 2: "firmware"}
_ANYBODY = 247
"""Units above this are not one device's own: who asks them takes any answer."""
_MBAP_HEAD = 6
_GATEWAY_EXCEPTIONS = {
    10: "the gateway has no way to the device",
    11: "the device behind the gateway does not answer; is its unit number right?",
}
_WORDS, _ADDRESSES, _FUNCTIONS, _UNITS = range(1 << 16), range(1 << 16), range(1 << 7), range(1 << 8)


class DeviceRefusal(ValueError):
    """The device answered with an exception, whose `code` says why."""

    def __init__(self, code: int) -> None:
        self.code = code
        said = _GATEWAY_EXCEPTIONS.get(code, f"the device {EXCEPTIONS.get(code, 'refuses')}")
        super().__init__(f"exception {code}: {said}")


class Captures:
    """Decodes captures one after the other; remembers of each unit its scales and where it has its SunSpec models."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._scales: dict[int, dict[Scale, Number]] = {}
        self._lists: dict[int, ModelList] = {}
        self._plain = [one for one in registers_of(profile.all) if not one.models]

    def told(self, capture: Mapping[str, Any]) -> list[Told]:
        """Say what a capture says; raises `ValueError` with a sentence when it says nothing that can be relied on."""
        if capture.get("response_hex"):
            said = list(self._exchange(capture))
        elif capture.get("registers"):
            unit = _number(capture, "slave", _UNITS, 0)
            said = list(self._registers(unit, dict(_runs(capture, self._profile))))
        else:
            raise ValueError("holds neither a response nor registers")
        if not said:
            raise ValueError(f"{self._profile.name} knows no register here")
        return said

    def _exchange(self, capture: Mapping[str, Any]) -> Iterator[Told]:
        """Decode a request and its response."""
        request, reply, note = _reply(capture, self._profile)
        if reply.exception is not None:
            raise DeviceRefusal(reply.exception)
        if request.function in READS:
            block = Block(_TABLES[request.function], request.address, len(reply.values), self._profile.step)
            yield from self._registers(request.unit, {block: reply.values}, note)
        elif request.function in WRITE_ONE + WRITE_MANY:
            words = _written(request)
            block = Block(_WRITTEN[request.function], request.address, len(words), self._profile.step)
            yield from self._registers(request.unit, {block: words}, "written, not read")
        elif request.function == _IDENTIFY:
            yield from _identity(bytes(reply.values))
        else:
            raise ValueError(f"function {request.function} is no reading of registers")

    def _registers(self, unit: int, words: Mapping[Block, Words], note: str = "") -> Iterator[Told]:
        answers = {self._alike(block): tuple(held) for block, held in words.items()}
        found = self._lists.setdefault(unit, ModelList(self._profile))
        for block, held in answers.items():
            if self._profile.models and not any(block.holds(register) for register in self._plain):
                yield from found.learn(block, held)
        if self._profile.zeros_are_nothing and not without_void(self._plain, answers):
            raise ValueError("nothing but zeros: the device does not have these registers")
        known = self._scales.setdefault(unit, {})
        for told in tell(self._profile, answers, found.bases, known):
            yield told.noted(note)
        # What tells a direction may be another the next time; what tells a unit of measure stays.
        here = scales_in(self._profile, answers, found.bases)
        known |= {scale: number for scale, number in here.items() if min(scale.map.values(), default=0) >= 0}

    def _alike(self, block: Block) -> Block:
        """Put a block where the profile has it, on a device that answers for holding and input registers alike."""
        if not self._profile.tables_alike or block.table not in (Table.HOLDING, Table.INPUT):
            return block
        return replace(block, table=registers_of(self._profile.quantities)[0].table)


def _reply(capture: Mapping[str, Any], profile: Profile) -> tuple[Request, Reply, str]:
    """Take request and response apart; noise around a reply is skipped, and that is noted."""
    response = _bytes(capture, "response_hex")
    framing = _framing(capture, response)
    if capture.get("request_hex"):
        request = parse_request(_bytes(capture, "request_hex"), framing)
    elif "address" in capture and "function" in capture:
        request = _presumed(capture, response, framing)
    else:
        raise ValueError("without its request, or address and function, nobody knows which registers these are")
    any_unit = profile.bus.any_unit or request.unit > _ANYBODY
    if framing is Framing.TCP:
        return _tcp_reply(request, response, any_unit=any_unit)
    try:
        return request, parse_reply(response, framing, request, any_unit=any_unit), ""
    except ValueError:
        heard = find_reply(response, request, any_unit=any_unit)
        if heard.reply is None:
            raise
        return request, heard.reply, "bytes around the reply were skipped"


def _presumed(capture: Mapping[str, Any], response: bytes, framing: Framing) -> Request:
    """Make the request that a response answers, of the address and function that stand beside it."""
    function, address = _number(capture, "function", _FUNCTIONS), _number(capture, "address", _ADDRESSES)
    head = 0 if framing is Framing.RTU else _MBAP_HEAD
    if len(response) <= head + 2:
        raise ValueError("response_hex is too short for any reply")
    unit, length = response[head], response[head + 2]
    count = _number(capture, "count", _WORDS, length // 2 if function in READ_WORDS else 8 * length)
    transaction = 0 if framing is Framing.RTU else int.from_bytes(response[:2], "big")
    return Request(unit, function, address, count, transaction=transaction)


def _tcp_reply(request: Request, response: bytes, *, any_unit: bool) -> tuple[Request, Reply, str]:
    """Take a network reply apart; whoever paired it with its request is believed, whatever its number is."""
    notes = []
    end = _MBAP_HEAD + int.from_bytes(response[4:6], "big")
    if len(response) > end:
        notes.append(f"{len(response) - end} bytes behind the frame were left out")
    transaction = int.from_bytes(response[:2], "big")
    if transaction != request.transaction:
        notes.append(f"answers transaction {transaction}, not {request.transaction}")
    paired = replace(request, transaction=transaction)
    return request, parse_reply(response[:end], Framing.TCP, paired, any_unit=any_unit), "; ".join(notes)


def _framing(capture: Mapping[str, Any], response: bytes) -> Framing:
    said = capture.get("transport", capture.get("framing"))
    if said in tuple(Framing):
        return Framing(said)
    if len(response) > 1 and crc16(response) == 0:
        return Framing.RTU
    tcp = response[2:4] == b"\0\0" and int.from_bytes(response[4:6], "big") == len(response) - _MBAP_HEAD
    return Framing.TCP if tcp else Framing.RTU


def _runs(capture: Mapping[str, Any], profile: Profile) -> list[tuple[Block, Words]]:
    """Lay bare registers out as blocks: a list from `address` on, or a mapping by address."""
    main, step = registers_of(profile.quantities)[0].table, profile.step
    function = _number(capture, "function", _FUNCTIONS, 0)
    table = _TABLES.get(function) if function else main
    if table is None:
        raise ValueError(f"function {function} is no reading of registers")
    runs: list[tuple[int, list[int]]] = []
    for address, word in sorted(_placed(capture, step)):
        if runs and address == runs[-1][0] + len(runs[-1][1]) * step:
            runs[-1][1].append(word)
        else:
            runs.append((address, [word]))
    return [(Block(table, address, len(words), step), tuple(words)) for address, words in runs]


def _placed(capture: Mapping[str, Any], step: int) -> list[tuple[int, int]]:
    """Give each bare register with its address."""
    registers = capture["registers"]
    if isinstance(registers, Mapping):
        return [(_address(at), _checked(f"register {at}", word, _WORDS)) for at, word in registers.items()]
    if not isinstance(registers, list):
        raise ValueError("registers must be a list of words, or a mapping of addresses to words")  # noqa: TRY004
    if "address" not in capture:
        raise ValueError("without an address nobody knows which registers these are")
    first = _number(capture, "address", _ADDRESSES)
    return [(first + i * step, _checked(f"register {i}", word, _WORDS)) for i, word in enumerate(registers)]


def _address(written: str) -> int:
    try:
        return _checked("an address", int(written, 0), _ADDRESSES)
    except ValueError as error:
        raise ValueError(f"{written!r} is no address of a register") from error


def _written(request: Request) -> Words:
    if request.function in WRITE_ONE:
        word = int.from_bytes(request.data, "big")
        return (word if request.function == WRITE_ONE[1] else int(word > 0),)
    if request.function == WRITE_MANY[0]:
        return tuple(request.data[i // 8] >> i % 8 & 1 for i in range(request.count))
    return tuple(int.from_bytes(request.data[i : i + 2], "big") for i in range(0, len(request.data), 2))


def _identity(data: bytes) -> Iterator[Told]:
    """Read the objects of a device identification (function 43, type 14)."""
    rest = data[6:]
    while len(rest) > 1:
        number, length = rest[0], rest[1]
        yield Told(_IDENTITY.get(number, f"object_{number}"), rest[2 : 2 + length].decode("ascii", "replace"))
        rest = rest[2 + length :]


def _bytes(capture: Mapping[str, Any], key: str) -> bytes:
    try:
        return bytes.fromhex(capture[key].removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise ValueError(f"{key} is not hexadecimal") from error


def _number(capture: Mapping[str, Any], key: str, allowed: range, otherwise: int | None = None) -> int:
    return _checked(key, capture.get(key, otherwise), allowed)


def _checked(name: str, value: object, allowed: range) -> int:
    if type(value) is not int or value not in allowed:
        raise ValueError(f"{name} is {value!r}, not a whole number from 0 to {allowed[-1]}")
    return value
