"""Feed broken and hostile input to every decoder that takes bytes from outside: `make fuzz CASES=… FIRST=…`.

A case passes when its decoder returns, or refuses with the error that it documents, within 2 s of CPU time and 64 MiB.
The same seed gives the same case. What breaks is printed with the command that shows it again, and kept.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hub.progress import Progress
from tests.fuzz import limits, registry
from tests.fuzz.crew import Crew, Result
from tests.fuzz.worker import attempt


def main(argv: Sequence[str] | None = None) -> int:
    """Feed the cases asked for; returns 1 when one of them broke something."""
    arguments = _parser().parse_args(argv)
    if arguments.file is not None:
        return _again(arguments.file, arguments.target or arguments.file.resolve().parent.name)
    seeds = range(arguments.first, arguments.first + arguments.cases)
    bar = Progress(sys.stderr, f"{len(seeds)} cases", len(seeds), bar=sys.stderr.isatty())
    began_s = time.monotonic()  # noqa: TID251  the person's own patience is measured

    def say(text: str) -> None:
        bar.close()
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    result = Crew(seeds, arguments.workers, arguments.target, say).run(bar.at)
    bar.close()
    say(_table(result, time.monotonic() - began_s))  # noqa: TID251
    say(f"fuzz: {result.cases} cases, {result.crashes} crashes")
    return 1 if result.crashes else 0


def _again(path: Path, name: str) -> int:
    """Feed one file again and show what comes of it."""
    limits.confine()
    broke = attempt(registry.targets()[name], path.read_bytes())
    sys.stdout.write(f"{broke[1] if broke else ''}fuzz: 1 cases, {int(broke is not None)} crashes\n")
    return int(broke is not None)


def _table(result: Result, took_s: float) -> str:
    lines = [f"{name:<12}{count:>12,}" for name, count in sorted(result.by_target.items())]
    kinds = [f"{count:>8}  {what}" for what, count in sorted(result.kinds.items())]
    return "\n".join([*lines, *kinds, f"in {took_s:.0f} s"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="how many cases (default %(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed (default %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--target", choices=sorted(registry.targets()), help="only this decoder")
    parser.add_argument("--file", type=Path, help="feed this file again; its folder names the target")
    return parser


if __name__ == "__main__":
    sys.exit(main())
