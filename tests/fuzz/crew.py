"""The fuzzer's processes: every core has one, each feeds a few hundred cases, and one that dies is a finding."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from tests.fuzz import centre, lines, registry
from tests.fuzz.registry import CORPUS, case_of, target_of
from tests.fuzz.worker import Crash, work

CHUNK = 1000
STALLED_S = 60.0
"""Without a word for so long, a process hangs where no signal reaches it."""

NICE = 10
KEPT_OF_A_KIND = 1
_FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Result:
    """What came of all cases."""

    cases: int = 0
    crashes: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    by_target: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Member:
    """One process and what it works on; `at` is the seed it feeds right now."""

    process: ForkProcess
    pipe: Connection
    seeds: Sequence[int]
    at: Synchronized[int]
    seen: tuple[int, float]


class Crew:
    """Feeds a range of seeds on some processes."""

    def __init__(self, seeds: range, workers: int, only: str | None, say: Callable[[str], None]) -> None:
        self._chunks: Iterator[Sequence[int]] = (seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK))
        self._left_over: list[Sequence[int]] = []
        self._workers = workers
        self._only = only
        self._say = say
        self.result = Result()

    def run(self, progress: Callable[[int], None]) -> Result:
        """Feed them all; `progress` is told how many are done."""
        centre.prepare()
        lines.prepare()
        registry.targets()
        members: list[_Member] = []
        while True:
            while len(members) < self._workers and (seeds := self._next()) is not None:
                members.append(self._start(seeds))
            if not members:
                return self.result
            wait([member.pipe for member in members], timeout=1.0)
            members = [member for member in members if not self._heard(member)]
            progress(self.result.cases + sum(_done(member) for member in members))

    def _next(self) -> Sequence[int] | None:
        return self._left_over.pop() if self._left_over else next(self._chunks, None)

    def _start(self, seeds: Sequence[int]) -> _Member:
        ours, theirs = _FORK.Pipe(duplex=False)
        at = _FORK.Value("q", -1)
        process = _FORK.Process(target=_member, args=(seeds, self._only, at, theirs))
        process.start()
        theirs.close()
        return _Member(process, ours, seeds, at, (-1, time.monotonic()))  # noqa: TID251  see below

    def _heard(self, member: _Member) -> bool:
        """Take what a process has to say; returns whether it is done."""
        try:
            while member.pipe.poll():
                self._crashed(member.pipe.recv())
        except EOFError:
            member.process.join()
            if member.process.exitcode != 0:
                self._died(member, f"the process died with {member.process.exitcode}")
            else:
                self._count(member.seeds)
            return True
        now_s = time.monotonic()  # noqa: TID251  a process that hangs hangs by the clock on the wall
        if member.seen[0] != member.at.value:
            member.seen = (member.at.value, now_s)
        elif now_s - member.seen[1] > STALLED_S:
            member.process.kill()
        return False

    def _died(self, member: _Member, why: str) -> None:
        """Blame the case that was fed, and have the rest of the chunk fed by another process."""
        seed = max(member.at.value, member.seeds[0])
        target, data = case_of(seed, self._only)
        self._crashed(Crash(seed, target.name, f"{why} in {target.name}", why, data))
        done = member.seeds.index(seed) + 1
        self._count(member.seeds[:done])
        if done < len(member.seeds):
            self._left_over.append(member.seeds[done:])

    def _count(self, seeds: Sequence[int]) -> None:
        self.result.cases += len(seeds)
        for seed in seeds:
            name = target_of(seed, self._only).name
            self.result.by_target[name] = self.result.by_target.get(name, 0) + 1

    def _crashed(self, crash: Crash) -> None:
        self.result.crashes += 1
        kind = self.result.kinds[crash.what] = self.result.kinds.get(crash.what, 0) + 1
        if kind > KEPT_OF_A_KIND:
            return
        path, only = keep(crash), f" --target {self._only}" if self._only else ""
        self._say(
            f"{crash.target}: {crash.what}\n{crash.trace}"
            f"  again: python -m tests.fuzz --file {path}\n"
            f"     or: python -m tests.fuzz --cases 1 --first {crash.seed}{only}\n"
        )


def keep(crash: Crash) -> Path:
    """Keep a case in the corpus, where it becomes a test."""
    path = CORPUS / crash.target / f"{hashlib.sha256(crash.data).hexdigest()[:12]}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(crash.data)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _done(member: _Member) -> int:
    at = member.at.value
    return member.seeds.index(at) if at >= 0 else 0


def _member(seeds: Sequence[int], only: str | None, at: Synchronized[int], pipe: Connection) -> None:
    os.nice(NICE)

    def now(seed: int) -> None:
        at.value = seed

    work(seeds, only, now, pipe.send)
    pipe.close()
