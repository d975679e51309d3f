"""Captured exchanges, from whatever sniffer: what they say by a profile, or why nothing can be made of them. Pure.

A capture is a mapping with `request_hex` and `response_hex`, or with `address`, `function` and `registers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edge.decoding import Told, tell
from edge.frames import READS, WRITE_MANY, WRITE_ONE, Framing, Reply, Request, find_reply, parse_reply, parse_request
from edge.profiles import Profile, registers_of
from edge.readplan import Block
from edge.registers import Table
from edge.sunspec import END, HEADER, MARKER

_TABLES = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_WRITTEN = {5: Table.COIL, 6: Table.HOLDING, 15: Table.COIL, 16: Table.HOLDING}
_IDENTIFY = 0x2B
_IDENTITY = {0: "maker", 1: "model", 2: "firmware"}
_ANYBODY = 247
"""Units above this are not one device's own: who asks them takes any answer."""
_MBAP_HEAD = 6
_EXCEPTIONS = {
    1: "the device does not know this function",
    2: "the device does not know this address",
    3: "the device does not read this many words at once",
    4: "the device reports a fault of its own",
    6: "the device is busy",
}


class DeviceRefusal(ValueError):
    """The device answered with an exception, whose `code` says why."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}: {_EXCEPTIONS.get(code, 'the device refuses')}")


class Captures:
    """Decodes captures one after the other; remembers where a SunSpec device has its models."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._lists: dict[int, _List] = {}
        self._plain = [one for one in registers_of(profile.all) if not one.models]

    def told(self, capture: Mapping[str, Any]) -> list[Told]:
        """Say what a capture says; raises `ValueError` with a sentence when it says nothing that can be relied on."""
        if capture.get("response_hex"):
            said = list(self._exchange(capture))
        elif capture.get("registers"):
            unit = _number(capture, "slave", 0)
            runs = _runs(capture)
            said = [told for block, words in runs for told in self._registers(unit, block, words)]
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
            yield from self._registers(request.unit, block, reply.values, note)
        elif request.function in WRITE_ONE + WRITE_MANY:
            words = _written(request)
            block = Block(_WRITTEN[request.function], request.address, len(words), self._profile.step)
            yield from self._registers(request.unit, block, words, "written, not read")
        elif request.function == _IDENTIFY:
            yield from _identity(bytes(reply.values))
        else:
            raise ValueError(f"function {request.function} is no reading of registers")

    def _registers(self, unit: int, block: Block, words: Sequence[int], note: str = "") -> Iterator[Told]:
        if self._profile.tables_alike and block.table in (Table.HOLDING, Table.INPUT):
            block = replace(block, table=registers_of(self._profile.quantities)[0].table)
        found = self._lists.setdefault(unit, _List(self._profile))
        if self._profile.models and not any(block.holds(register) for register in self._plain):
            yield from found.learn(block, words)
        for told in tell(self._profile, block, words, found.bases):
            yield told.noted(note)


class _List:
    """Where one SunSpec device has its models, as far as captures have told."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._ends: dict[int, int] = {}
        self.bases: dict[int, int] = {}

    def learn(self, block: Block, words: Sequence[int]) -> Iterator[Told]:
        """Learn from the list itself, or from a body as long as only one kind is; say what the list says."""
        address = block.address
        if tuple(words[:HEADER]) == MARKER:
            self.bases.clear()
            yield Told("sunspec_marker", address)
            address, words = address + HEADER, words[HEADER:]
        alike = [model for model in self._profile.models if model.length == len(words)]
        within = [self._ends[model] for model, base in self.bases.items() if base < address < self._ends[model]]
        if within and (len(alike) != 1 or address + len(words) <= within[0]):
            return
        if self._is_header(words):
            if words[0] == END:
                yield Told("sunspec_end", address)
                return
            self._put(words[0], address, words[1])
            yield Told(f"sunspec_model_{words[0]}", address)
            return
        if len(alike) == 1:
            if within:
                self.bases.clear()  # it overruns what stood here: another device's list
            for model in alike[0].ids:
                self._put(model, address - HEADER, len(words))

    def _put(self, model: int, address: int, length: int) -> None:
        self.bases[model] = address
        self._ends[model] = address + HEADER + length

    def _is_header(self, words: Sequence[int]) -> bool:
        """Tell whether a model begins here: its id and length alone, or with the body of a model we know."""
        if len(words) <= HEADER:
            return len(words) == HEADER and words[0] > 0
        lengths = {length for model in self._profile.models if words[0] in model.ids for length in _near(model.length)}
        return words[1] in lengths and len(words) >= HEADER + words[1]


def _near(length: int) -> range:
    """List the lengths that one model has on different devices: some makers leave the last word out."""
    return range(length - 1, length + 2)


def _reply(capture: Mapping[str, Any], profile: Profile) -> tuple[Request, Reply, str]:
    """Take request and response apart; noise around a reply is skipped, and that is noted."""
    response = _bytes(capture, "response_hex")
    framing = _framing(capture, response)
    if capture.get("request_hex"):
        request = parse_request(_bytes(capture, "request_hex"), framing)
    elif "address" in capture and "function" in capture:
        count = _number(capture, "count", len(capture.get("registers") or ()))
        unit = response[0 if framing is Framing.RTU else _MBAP_HEAD]
        transaction = 0 if framing is Framing.RTU else int.from_bytes(response[:2], "big")
        request = Request(unit, capture["function"], capture["address"], count, transaction=transaction)
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
    tcp = response[2:4] == b"\0\0" and int.from_bytes(response[4:6], "big") == len(response) - _MBAP_HEAD
    return Framing.TCP if tcp else Framing.RTU


def _runs(capture: Mapping[str, Any]) -> list[tuple[Block, list[int]]]:
    """Lay bare registers out as blocks: a list from `address` on, or a mapping by address."""
    table = _TABLES.get(_number(capture, "function", 3))
    registers = capture["registers"]
    if table is None:
        raise ValueError(f"function {capture['function']} is no reading of registers")
    if isinstance(registers, Sequence):
        if "address" not in capture:
            raise ValueError("without an address nobody knows which registers these are")
        registers = {capture["address"] + i: word for i, word in enumerate(registers)}
    runs: list[tuple[int, list[int]]] = []
    for address, word in sorted((int(at), int(word)) for at, word in registers.items()):
        if runs and address == runs[-1][0] + len(runs[-1][1]):
            runs[-1][1].append(word)
        else:
            runs.append((address, [word]))
    return [(Block(table, address, len(words)), words) for address, words in runs]


def _written(request: Request) -> list[int]:
    if request.function in WRITE_ONE:
        word = int.from_bytes(request.data, "big")
        return [word if request.function == WRITE_ONE[1] else int(word > 0)]
    if request.function == WRITE_MANY[0]:
        return [request.data[i // 8] >> i % 8 & 1 for i in range(request.count)]
    return [int.from_bytes(request.data[i : i + 2], "big") for i in range(0, len(request.data), 2)]


def _identity(data: bytes) -> Iterator[Told]:
    """Read the objects of a device identification (function 43, type 14)."""
    rest = data[6:]
    while len(rest) > 1:
        number, length = rest[0], rest[1]
        yield Told(_IDENTITY.get(number, f"object_{number}"), rest[2 : 2 + length].decode("ascii", "replace"))
        rest = rest[2 + length :]


def _bytes(capture: Mapping[str, Any], key: str) -> bytes:
    try:
        return bytes.fromhex(capture[key])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{key} is not hexadecimal") from error


def _number(capture: Mapping[str, Any], key: str, otherwise: int) -> int:
    value = capture.get(key, otherwise)
    if type(value) is not int:
        raise ValueError(f"{key} is {value!r}, not a whole number")
    return value
