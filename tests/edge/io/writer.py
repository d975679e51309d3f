"""A process that commits rows to an outbox as fast as it can, and says so after each commit; made to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from edge.io.outbox import SqliteOutbox
from edge.io.outbox_space import Space
from protocol.events import SlotTaken


def main(path: str, settled: str) -> None:
    """Write money and telemetry, settle what an earlier run left, and print what is safe, without end."""
    outbox = SqliteOutbox(Space(Path(path), 10**6, 10**9))
    outbox.use_schema(b"schema-1", b"")
    boot = outbox.boot_number("boot")
    outbox.settle(int(settled), (), (), 1)
    while True:
        seqs = [outbox.add_event(boot, 1, SlotTaken(1)), *(outbox.add_sample(0, boot, 1, [7]) for _ in range(9))]
        outbox.commit([])
        print(*seqs, flush=True)  # noqa: T201  the test reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
