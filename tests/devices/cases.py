"""Cases from devices: exchanges captured on real lines, dumps, and what documents and users report.

A case is a file of JSON lines in the folder of its profile. Each line is a capture as `kayasol-edge decode` takes it,
with what it must say under `expect`; a first line without `expect` says where those after it come from. What
`kayasol-edge dump` prints is such a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from edge import profiles
from edge.captures import Captures, DeviceRefusal
from edge.decoding import Told
from edge.profiles import Profile
from firmware_config import load, profile_text

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.jsonl"))
LEFT_OUT = HERE / "left-out.jsonl"
MEASURED = {
    "real_test_data",
    "field_capture",
    "field_capture_repaired",
    "probable_field_data",
    "register_dump",
    "dump",
}
"""Kinds of line that show what a device said, as against what a document or a forum says it says."""

Line = dict[str, Any]


@cache
def profile_of(name: str) -> Profile:
    """Read a profile."""
    return profiles.parse(load(profile_text(name), "device", name))


def lines_of(case: Path) -> list[Line]:
    """Read the lines of a case that expect something, each with what the first line says of all."""
    lines = [json.loads(line) for line in case.read_text("utf-8").splitlines()]
    head = {} if "expect" in lines[0] else lines.pop(0)
    return [head | line for line in lines if "error" not in line]


def decoded(case: Path) -> Iterator[tuple[Line, dict[str, Told], int | None]]:
    """Decode the lines of a case in their order; give each with what it says, or the exception it holds."""
    captures = Captures(profile_of(case.parent.name))
    for line in lines_of(case):
        try:
            yield line, {told.name: told for told in captures.told(line)}, None
        except DeviceRefusal as refusal:
            yield line, {}, refusal.code


def left_out() -> list[Line]:
    """List the captures that no profile can decode, each with the reason."""
    return [json.loads(line) for line in LEFT_OUT.read_text("utf-8").splitlines()]
