"""All targets, and which of them a case is for: one number says everything about a case."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from tests.fuzz import card, centre, config, lines, web, wire
from tests.fuzz.target import Target

CORPUS = Path(__file__).parent / "corpus"
"""Cases that once broke something, each a file in the folder of its target; `test_corpus.py` feeds them for ever."""


@cache
def targets() -> dict[str, Target]:
    """List the targets by name."""
    found = [*wire.targets(), *config.targets(), *lines.targets(), *card.targets(), *centre.targets(), *web.targets()]
    return {target.name: target for target in found}


@cache
def _turns(only: str | None) -> tuple[Target, ...]:
    """Give every target its share of the turns, well mixed."""
    turns = [target for target in targets().values() if only in (None, target.name) for _ in range(target.share)]
    random.Random(0).shuffle(turns)  # noqa: S311  the same mixture everywhere
    return tuple(turns)


def target_of(seed: int, only: str | None = None) -> Target:
    """Say for which target a case is."""
    turns = _turns(only)
    return turns[seed % len(turns)]


def case_of(seed: int, only: str | None = None) -> tuple[Target, bytes]:
    """Make a case: the same for the same seed, on every machine."""
    target = target_of(seed, only)
    return target, target.make(random.Random(f"{target.name} {seed}"))  # noqa: S311  likewise
