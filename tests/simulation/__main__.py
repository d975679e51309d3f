"""Live through many simulated weeks, each from a seed of its own, and judge them: `make simulate SEEDS=… FIRST=…`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.disk import PowerCut
from tests.simulation.life import Life
from tests.simulation.network import HubKilled
from tests.simulation.verdict import Verdict

BAR = 40
SHOWN = 10


@dataclass(slots=True)
class Outcome:
    """What one life, or many of them, came to."""

    lives: int = 0
    days: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    least_faults: int = 10**9
    complaints: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        """Add what other lives came to."""
        self.lives += other.lives
        self.days += other.days
        self.faults += other.faults
        self.checked += other.checked
        self.least_faults = min(self.least_faults, other.least_faults)
        self.complaints |= other.complaints


def live(seed: int) -> Outcome:
    """Live one life in memory and judge it."""
    logging.disable(logging.CRITICAL)
    gc.disable()  # lives are short, and what they leave in circles is collected between them
    try:
        return _live(seed)
    except (Exception, PowerCut, HubKilled):  # noqa: BLE001  a bug in what ran is shown with its seed, too
        return Outcome(1, complaints={seed: traceback.format_exc().splitlines()[-8:]})


def _live(seed: int) -> Outcome:
    gc.collect()
    with tempfile.TemporaryDirectory(prefix="kayasol-life-", dir=_memory()) as folder:
        life = Life(seed, Path(folder))
        life.run()
        verdict = Verdict(life)
    faults = sum(life.truth.faults.values())
    complaints = {seed: verdict.complaints} if verdict.complaints else {}
    return Outcome(1, life.now_s / 86_400, life.truth.faults, verdict.checked, faults, complaints)


def live_many(
    seeds: Sequence[int], workers: int, progress: Callable[[Outcome], None], *, until_broken: bool = False
) -> Outcome:
    """Live many lives on all cores, or until one breaks a promise; `progress` is told the sum now and then."""
    whole = Outcome()
    with ProcessPoolExecutor(workers) as pool:
        for future in as_completed([pool.submit(live, seed) for seed in seeds]):
            whole.add(future.result())
            progress(whole)
            if until_broken and whole.complaints:
                pool.shutdown(cancel_futures=True)
                break
    return whole


def table(outcome: Outcome) -> str:
    """Lay out what was done and what was checked."""
    lines = [
        f"{outcome.lives} lives, {outcome.days:.0f} simulated days; at least {outcome.least_faults} faults in each",
        "",
    ]
    lines += [f"{'faults injected':<44}{sum(outcome.faults.values()):>12,}"]
    lines += [f"  {kind:<42}{count:>12,}" for kind, count in sorted(outcome.faults.items())]
    lines += ["", f"{'checked against the truth':<44}{sum(outcome.checked.values()):>12,}"]
    lines += [f"  {what:<42}{count:>12,}" for what, count in sorted(outcome.checked.items())]
    lines += ["", f"lives in which a promise was broken: {len(outcome.complaints)}"]
    return "\n".join(lines)


def failures(outcome: Outcome) -> str:
    """Say what broke, and how to see it again."""
    return "\n".join(failure(seed, told) for seed, told in sorted(outcome.complaints.items())[:SHOWN])


def failure(seed: int, complaints: Sequence[str]) -> str:
    """Name one life in which a promise was broken, and what was."""
    lines = [f"seed {seed} (make simulate SEEDS=1 FIRST={seed}):", *(f"  {text[:400]}" for text in complaints[:8])]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds asked for; returns 1 when a promise was broken in any of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many lives (default %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--until-broken", action="store_true", help="stop at the first broken promise")
    arguments = parser.parse_args(argv)
    began = time.monotonic()  # noqa: TID251  the person's own patience is measured
    seeds = range(arguments.first, arguments.first + arguments.seeds)

    told: set[int] = set()

    def draw(outcome: Outcome) -> None:
        for seed in outcome.complaints.keys() - told:
            told.add(seed)
            sys.stderr.write(f"\n{failure(seed, outcome.complaints[seed][:1])}\n")
        if not sys.stderr.isatty() and outcome.lives % max(len(seeds) // 20, 1):
            return
        share = outcome.lives / len(seeds)
        bar = f"[{'#' * round(share * BAR):.<{BAR}}]"
        left_s = (time.monotonic() - began) * (1 - share) / share  # noqa: TID251
        text = (
            f"{bar} {outcome.lives} of {len(seeds)} lives, {len(outcome.complaints)} broken, {left_s / 60:.0f} min left"
        )
        sys.stderr.write(f"\r{text}" if sys.stderr.isatty() else f"{text}\n")
        sys.stderr.flush()

    outcome = live_many(seeds, arguments.workers, draw, until_broken=arguments.until_broken)
    took_s = time.monotonic() - began  # noqa: TID251
    last_line = f"simulate: seeds {seeds.start} to {seeds.stop - 1} in {took_s:.0f} s"
    sys.stdout.write(f"\n{table(outcome)}\n{failures(outcome)}\n\n{last_line}\n")
    return 1 if outcome.complaints else 0


def _memory() -> str | None:
    """Name a folder in memory, where there is one: nothing here needs to outlive a life."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  random names, private folders


if __name__ == "__main__":
    sys.exit(main())
