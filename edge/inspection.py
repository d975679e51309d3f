"""Commands that look at devices: dump one, decode what a bus sniffer saw. They change nothing."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, TextIO

from edge import wiring
from edge.captures import Captures, DeviceRefusal
from edge.decoding import Told
from edge.errors import Refused, RetryLater
from edge.ports import Poll, RegisterReader
from edge.profiles import Profile
from edge.readplan import Block, Words
from edge.registers import Table
from edge.settings import Device, Settings
from edge.survey import Ask, survey

ANSWER_WITHIN_S = 30.0
_TICK_S = 0.005
_FUNCTIONS = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}


def asking(line: RegisterReader, unit: int, *, any_unit: bool = False) -> Ask:
    """Make a way to read one block at a time over a line, waiting for the answer."""

    def ask(block: Block) -> Words:
        line.start(Poll("survey", unit, (block,), any_unit=any_unit))
        deadline = time.monotonic() + ANSWER_WITHIN_S  # noqa: TID251  a command waits by the real clock
        while time.monotonic() < deadline:  # noqa: TID251
            for result in line.finished():
                if block in result.errors:
                    raise result.errors[block]
                return result.answers[block]
            time.sleep(_TICK_S)
        raise RetryLater(f"no answer within {ANSWER_WITHIN_S:g} s")

    return ask


def dump(settings: Settings, wanted: str | None, out: TextIO) -> None:
    """Read everything that the profile knows of the wanted devices once: JSON lines that make a test case."""
    devices = [device for device in settings.devices if wanted in (None, device.name)]
    if not devices:
        raise Refused(f"no device {wanted!r} in the settings; there are {', '.join(d.name for d in settings.devices)}")
    lines = wiring.open_lines(settings)
    try:
        for device in devices:
            ask = asking(lines[device.name], device.unit, any_unit=device.profile.bus.any_unit)
            for line in _dumped(settings, device, ask):
                _print(line, out)
    finally:
        for opened in set(lines.values()):
            opened.close()


def decode(profile: Profile, lines: Iterable[str], out: TextIO) -> None:
    """Say what captured exchanges say by a profile: one JSON line for each value, or for why there is none."""
    captures = Captures(profile)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        said: dict[str, Any] = {"line": number}
        try:
            capture = _loaded(line)
            if not isinstance(capture, dict):
                raise ValueError("a capture is a JSON object")  # noqa: TRY301, TRY004  told like every other fault of the line
            if isinstance(capture.get("id"), str | int):
                said["id"] = capture["id"]
            told = captures.told(capture)
        except json.JSONDecodeError as error:
            _print({**said, "refused": f"not JSON: {error.msg} at column {error.colno}"}, out)
        except DeviceRefusal as error:
            _print({**said, "exception": error.code, "refused": str(error)}, out)
        except ValueError as error:
            _print({**said, "refused": str(error)}, out)
        else:
            for one in told:
                _print(said | _line(one), out)


def _loaded(line: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _line(told: Told) -> dict[str, Any]:
    """Give one thing told as JSON keys; what says nothing is left out."""
    line = {"metric": told.name, "value": told.value, "unit": told.unit}
    raw = told.raw if told.raw is None or math.isfinite(told.raw) else None
    more = {"raw": raw, "words": told.words, "refused": told.refused, "note": told.note}
    return line | {key: value for key, value in more.items() if value not in (None, "")}


def _print(line: dict[str, Any], out: TextIO) -> None:
    text = json.dumps(line, ensure_ascii=False, allow_nan=False)
    print(text.encode("utf-8", "backslashreplace").decode(), file=out)


def _dumped(settings: Settings, device: Device, ask: Ask) -> Iterator[dict[str, Any]]:
    profile = device.profile
    yield {"source": f"dump at {settings.site}", "kind": "dump", "device": profile.title, "profile": profile.name}
    done = survey(ask, profile, profile.all, profile.nameplate, profile.clock)
    captures = Captures(profile)
    for block, words in done.answers.items():
        line = {**_place(block), "registers": list(words)}
        with suppress(ValueError):  # nothing that the profile knows stands there
            yield line | {"expect": {one.name: one.value for one in captures.told(line)}}
    for block, error in done.errors.items():
        yield {**_place(block), "count": block.count, "error": str(error)}


def _place(block: Block) -> dict[str, Any]:
    return {"function": _FUNCTIONS[block.table], "address": block.address}
