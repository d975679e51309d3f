"""The fuzzer itself: it finds what is planted, shows it again, and bounds what a case may cost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import crew, registry, worker
from tests.fuzz.crew import Crew, Result
from tests.fuzz.target import Target
from tests.fuzz.worker import attempt

Feed = Callable[[bytes], None]


def planted(feed: Feed) -> Target:
    """Make a target of ours; every hundredth case or so has a bang in it."""
    return Target("planted", 1, lambda chance: b"some " * 9 + (b"bang" if chance.random() < 0.01 else b""), feed)


def crew_on(feed: Feed, monkeypatch: pytest.MonkeyPatch, corpus: Path, cases: int = 1500) -> tuple[Result, str]:
    """Run the fuzzer on one target; gives what came of it and what it said."""
    target = planted(feed)
    monkeypatch.setattr(registry, "targets", lambda: {target.name: target})
    monkeypatch.setattr(crew, "CORPUS", corpus)
    registry._turns.cache_clear()  # noqa: SLF001  the cache of what was patched
    said: list[str] = []
    try:
        result = Crew(range(cases), 2, None, said.append).run(lambda _: None)
    finally:
        registry._turns.cache_clear()  # noqa: SLF001  likewise
    return result, "\n".join(said)


def raises(data: bytes) -> None:
    """Have a bug."""
    if b"bang" in data:
        raise ZeroDivisionError


def dies(data: bytes) -> None:
    """End the process without a word, as a library in C may."""
    if b"bang" in data:
        os._exit(9)


def test_a_case_is_the_same_for_the_same_seed() -> None:
    """On every machine and in every process: nothing in a case is left to luck."""
    for seed in range(200):
        target, data = registry.case_of(seed)
        assert target.make(random.Random(f"{target.name} {seed}")) == data  # noqa: S311  not a secret


def test_all_targets_have_their_turn() -> None:
    """No decoder is forgotten in a run of usual length."""
    shares = sum(target.share for target in registry.targets().values())
    assert {registry.target_of(seed).name for seed in range(shares)} == set(registry.targets())


def test_what_breaks_is_counted_told_and_kept_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The case that is kept is what is left when all that does not matter is taken away."""
    result, said = crew_on(raises, monkeypatch, tmp_path)
    bangs = sum(b"bang" in planted(raises).make(random.Random(f"planted {seed}")) for seed in range(1500))  # noqa: S311
    assert (result.cases, result.crashes) == (1500, bangs)
    assert result.kinds == {"ZeroDivisionError in the harness": bangs}
    assert "python -m tests.fuzz --file" in said
    assert "--cases 1 --first" in said
    assert {path.read_bytes() for path in tmp_path.glob("planted/*.bin")} == {b"bang"}


def test_a_process_that_dies_is_a_finding_and_the_rest_is_fed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No case is lost with it."""
    result, said = crew_on(dies, monkeypatch, tmp_path)
    assert result.cases == 1500
    assert result.crashes > 1
    assert "the process died with 9" in said


def test_a_case_that_takes_too_long_is_a_finding() -> None:
    """It is stopped after its two seconds of the processor."""

    def loops(_: bytes) -> None:
        while True:
            pass

    broke = attempt(planted(loops), b"")
    assert broke is not None
    assert broke[0].startswith("TooLong")


def test_a_case_that_takes_too_much_memory_is_a_finding() -> None:
    """What a decoder allocates is measured, whether or not it gets away with it."""
    held: list[bytearray] = []

    def swells(_: bytes) -> None:
        held.append(bytearray(b"x") * (400 * 2**20))

    broke = attempt(planted(swells), b"")
    assert broke is not None
    assert broke[0].startswith("TooBig")


def test_a_crash_is_named_for_the_place_in_our_code() -> None:
    """Two cases that break the same are one kind."""

    def feed(_: bytes) -> None:
        registry.targets()["topic"].feed(None)  # type: ignore[arg-type]  # that is the fault

    broke = attempt(planted(feed), b"")
    assert broke is not None
    assert broke[0] == "AttributeError in the harness"
    assert worker.shrunk(planted(raises), b"xxxbangxxx", "ZeroDivisionError in the harness") == b"bang"


def test_the_command_says_how_it_went_in_its_last_line() -> None:
    """So that a build can read it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--cases", "150", "--first", "7", "--workers", "2"],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "fuzz: 150 cases, 0 crashes"), done.stdout
