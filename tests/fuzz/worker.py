"""One process of the fuzzer: feeds its cases, says what broke, and makes a case that broke something small."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import limits
from tests.fuzz.registry import case_of
from tests.fuzz.target import Target

SHRINKS_MAX = 300
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Crash:
    """A case that did what no case may do."""

    seed: int
    target: str
    what: str
    """Kind of exception, and where in our code."""

    trace: str
    data: bytes


def work(seeds: Sequence[int], only: str | None, at: Callable[[int], None], tell: Callable[[Crash], None]) -> None:
    """Feed these cases; `at` is told each seed before it is fed, `tell` what broke."""
    limits.confine()
    logging.disable(logging.CRITICAL)
    gc.freeze()
    known: set[str] = set()
    for seed in seeds:
        at(seed)
        target, data = case_of(seed, only)
        broke = attempt(target, data)
        if broke is not None:
            what, trace = broke
            small = data if what in known else shrunk(target, data, what)
            known.add(what)
            tell(Crash(seed, target.name, what, trace, small))


def attempt(target: Target, data: bytes) -> tuple[str, str] | None:
    """Feed one case within its limits; returns what broke and its trace, None when nothing did."""
    try:
        with limits.limited():
            target.feed(data)
    except (Exception, limits.TooLong) as error:  # noqa: BLE001  whatever comes out is the finding
        return named(error), "".join(traceback.format_exception(error)[-12:])
    return None


def named(error: BaseException) -> str:
    """Name a kind of breakage: the exception, and the innermost place in our code that it came through."""
    ours = [
        f"{Path(frame.filename).relative_to(ROOT)}:{frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(str(ROOT)) and "/tests/" not in frame.filename and "/.venv/" not in frame.filename
    ]
    return f"{type(error).__name__} in {ours[-1] if ours else 'the harness'}"


def shrunk(target: Target, data: bytes, what: str) -> bytes:
    """Leave pieces out as long as the case breaks the same; what it costs is bounded."""
    left, size = SHRINKS_MAX, max(len(data) // 2, 1)
    while size and left:
        start = 0
        while start < len(data) and left:
            left -= 1
            smaller = data[:start] + data[start + size :]
            broke = attempt(target, smaller)
            if broke is not None and broke[0] == what:
                data = smaller
            else:
                start += size
        size //= 2
    return data
