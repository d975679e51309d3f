"""Break each promise on purpose and see the simulation notice: `make mutate`.

Each mutation is one small change to a copy of the source. It is caught when a simulated life breaks a promise under it;
one that survives all its lives says that the simulation is blind there.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("protocol", "edge", "hub", "firmware_config", "dashboards", "demo", "tests")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way of being careless: `old` stands once in `file` and becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    also: tuple[tuple[str, str, str], ...] = ()
    """More of the same, where one defence stands behind another."""


MUTATIONS = (
    Mutation(
        "the outbox does not wait for the disk (synchronous=NORMAL)",
        "edge/io/outbox_file.py",
        'db.pragma("synchronous", "FULL")',
        'db.pragma("synchronous", "NORMAL")',
    ),
    Mutation(
        "rows are deleted when the broker has them",
        "edge/delivery.py",
        "        self._link.publish(Channel.UP, payload)\n",
        "        self._link.publish(Channel.UP, payload)\n"
        "        self._outbox.settle(0, (), [row.seq for row in rows], 0)\n",
    ),
    Mutation(
        "the hub does not look whether it has a row (unique key dropped)",
        "hub/ingest/project.py",
        "    fresh = new_rows(batch, known)\n",
        "    fresh = batch\n",
    ),
    Mutation(
        "the hub acknowledges before it commits",
        "hub/ingest/consumer.py",
        "                outgoing = turn.acks(now_ms)\n",
        "                outgoing = turn.acks(now_ms)\n"
        "                for address, ack in outgoing:\n"
        "                    self._inbox.publish_ack(address, ack)\n"
        "                outgoing = []\n"
        "                transaction.receipts('', 0)\n",
    ),
    Mutation(
        "rows are dated by the edge's wall clock, trusted or not",
        "edge/clock.py",
        "        if now.synced and not self._contradicted:\n",
        "        if True:\n",
    ),
    Mutation(
        "a start goes on with the next number (a card that forgot gives one twice)",
        "edge/io/outbox.py",
        "SEQ_JUMP_MAX = 2**32\nBOOT_JUMP_MAX = 2**24\n",
        "SEQ_JUMP_MAX = 1\nBOOT_JUMP_MAX = 1\n",
    ),
    Mutation(
        "acknowledged rows are not kept (a restored hub has lost them)",
        "edge/io/outbox_custody.py",
        "    return _move(db, ranges, ACKED, utc_ms)\n",
        "    return delete(db, ranges)\n",
    ),
    Mutation(
        "money is given up before samples on a full disk",
        "edge/io/outbox.py",
        "WHERE lane >= ? ORDER BY lane DESC, seq LIMIT ?",
        "WHERE lane >= ? - 3 ORDER BY lane, seq LIMIT ?",
    ),
    Mutation(
        "what an ack calls missing is let go all the same",
        "edge/io/outbox.py",
        "union([*holes(union(missing), upto), *runs(seqs)])",
        "union([*holes([], upto), *runs(seqs)])",
        (
            (
                "edge/io/outbox_custody.py",
                "    return _move(db, ranges, ACKED, utc_ms)\n",
                "    return delete(db, ranges)\n",
            ),
        ),
    ),
    Mutation(
        "a session that a power cut interrupted is forgotten",
        "edge/sessions.py",
        "                ended.append(_end(session, EndReason.POWER_LOSS))\n",
        "                pass\n",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Try every mutation; returns how many survived."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="lives before a mutation counts as survived")
    seeds = parser.parse_args(argv).seeds
    survived = 0
    for mutation in MUTATIONS:
        caught = _caught(mutation, seeds)
        survived += caught is None
        verdict = "SURVIVED" if caught is None else f"caught:  {caught}"
        print(f"{mutation.name}\n    {verdict}", flush=True)
    print(f"\nmutate: {len(MUTATIONS) - survived} of {len(MUTATIONS)} mutations caught")
    return survived


def _caught(mutation: Mutation, seeds: int) -> str | None:
    """Run lives under a mutation; returns the first complaint, None when there is none."""
    with tempfile.TemporaryDirectory(prefix="kayasol-mutate-") as folder:
        copy = Path(folder)
        for name in FOLDERS:
            shutil.copytree(name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        path = copy / mutation.file
        text = path.read_text("utf-8")
        if text.count(mutation.old) != 1:
            raise SystemExit(
                f"{mutation.file} has {text.count(mutation.old)} places for «{mutation.name}»: mend it here"
            )
        path.write_text(text.replace(mutation.old, mutation.new), "utf-8")
        command = [sys.executable, "-m", "tests.simulation", "--seeds", str(seeds), "--until-broken"]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    seed = re.search(r"^seed (\d+) .*\n +(.*)$", done.stdout, re.MULTILINE)
    return f"seed {seed[1]}: {seed[2][:150]}" if seed is not None else done.stderr.strip().splitlines()[-1][:150]


if __name__ == "__main__":
    sys.exit(main())
