"""What comes over serial lines, and what others captured there."""

from __future__ import annotations

import json
import random
from functools import cache
from io import StringIO
from typing import Any

from edge import inspection
from edge.frames import (
    READS,
    Framing,
    Request,
    find_reply,
    mbap_unwrap,
    mbap_wrap,
    parse_reply,
    parse_request,
    rtu_wrap,
)
from tests.devices.cases import CASES, profile_of
from tests.fuzz import blind
from tests.fuzz.target import NUMBERS, WORDS, Target, whole

_KEYS = (
    "request_hex",
    "response_hex",
    "address",
    "function",
    "registers",
    "slave",
    "count",
    "transport",
    "framing",
    "id",
)


def targets() -> list[Target]:
    """List the readers of lines."""
    return [Target("captures", 8, _captures, _fed_captures), Target("frames", 12, _frames, _fed_frames)]


def prepare() -> None:
    """Read the profiles once, before processes part."""
    for name, _ in _known():
        profile_of(name)


def _captures(chance: random.Random) -> bytes:
    """Draw a profile's name, then some captures in the form of JSON lines, changed here and there."""
    profile, known = chance.choice(_known())
    start = chance.randrange(len(known))
    said = [dict(line) for line in known[start : start + chance.choice((1, 2, 5))]]
    for line in said:
        line.pop("expect", None)
        for _ in range(chance.randrange(3)):
            _change(line, chance)
    text = "\n".join([profile, *(json.dumps(line) for line in said)]).encode()
    return blind.changed(text, chance) if chance.random() < 0.2 else text


def _change(line: dict[str, Any], chance: random.Random) -> None:
    key = chance.choice((*line, *_KEYS))
    value = line.get(key)
    match chance.randrange(6):
        case 0 if isinstance(value, str):
            data = blind.changed(value.encode(), chance)
            line[key] = data.decode("utf-8", "replace")
        case 0 | 1 if isinstance(value, list) and value:
            value[chance.randrange(len(value))] = chance.choice((whole(chance), chance.randrange(65_536), None, "x"))
        case 2 if key.endswith("_hex") and isinstance(value, str):
            raw = (
                bytes.fromhex(value.removeprefix("0x"))
                if all(sign in "0123456789abcdefABCDEF" for sign in value) and len(value) % 2 == 0
                else b""
            )
            body = blind.changed(raw[:-2], chance)[:300]
            line[key] = rtu_wrap(body[0], body[1:]).hex() if body else ""
        case 3:
            line.pop(key, None)
        case 4:
            line[key] = {str(chance.choice((*NUMBERS, "0x10", "x", ""))): whole(chance) for _ in range(3)}
        case _:
            line[key] = chance.choice(
                (whole(chance), chance.choice(WORDS), None, True, [], {}, 1.5, float("nan"), [1, 2, 3])
            )


@cache
def _known() -> list[tuple[str, list[dict[str, Any]]]]:
    read = [(case.parent.name, [json.loads(line) for line in case.read_text("utf-8").splitlines()]) for case in CASES]
    return [(name, [line for line in lines if "registers" in line or "response_hex" in line]) for name, lines in read]


def _fed_captures(data: bytes) -> None:
    name, _, text = data.decode("utf-8", "replace").partition("\n")
    if name in {known for known, _ in _known()}:
        out = StringIO()
        inspection.decode(profile_of(name), text.split("\n"), out)
        out.getvalue().encode()
        for line in out.getvalue().splitlines():
            json.loads(line)


def _frames(chance: random.Random) -> bytes:
    """Draw a request in six bytes, and what is heard after it."""
    unit, function, count = (
        chance.choice((1, 1, 247, 0)),
        chance.choice((1, 2, 3, 4, 4, 4, 6, 16, 43)),
        chance.choice((0, 1, 2, 10, 125, 2000)),
    )
    request = Request(
        unit, function, chance.choice((0, 10, 65_535)), count, data=chance.choice((b"", b"\0\1", b"\xff\0"))
    )
    reply = bytes((function, request.reply_bytes % 256)) + chance.randbytes(request.reply_bytes % 256)
    pieces = [
        request.encode(),
        request.encode(Framing.TCP),
        rtu_wrap(unit, reply),
        rtu_wrap(unit, bytes((function | 128, 2))),
        rtu_wrap(3, reply),
        mbap_wrap(1, unit, reply),
        chance.randbytes(5),
    ]
    heard = b"".join(chance.choice(pieces) for _ in range(chance.randrange(4)))
    head = bytes((unit, function)) + request.address.to_bytes(2, "big") + count.to_bytes(2, "big")
    return head + (blind.changed(heard, chance) if chance.random() < 0.8 else heard)[:4096]


def _fed_frames(data: bytes) -> None:
    head, heard = data[:6].ljust(6, b"\0"), data[6:]
    request = Request(head[0], head[1], int.from_bytes(head[2:4], "big"), int.from_bytes(head[4:], "big"))
    if request.function in READS:
        find_reply(heard, request)
        find_reply(heard, request, any_unit=True)
    for framing in Framing:
        try:
            parse_reply(heard, framing, request)
        except ValueError as error:
            str(error)
        try:
            asked = parse_request(heard, framing)
        except ValueError as error:
            str(error)
        else:
            assert asked.encode(framing) == heard, "a request is written otherwise than it was read"
    try:
        mbap_unwrap(heard)
    except ValueError as error:
        str(error)
