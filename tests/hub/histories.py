"""Random histories of a site as the hub lives them: batches late, twice, out of order, over boots and epochs."""

from __future__ import annotations

import random
from collections.abc import Iterator

from protocol.batch import Batch, EventRow, TableRows
from protocol.events import (
    AgentStarted,
    AnchorSource,
    ChargingSession,
    ClockAnchor,
    EndReason,
    Event,
    Gap,
    GapCause,
    SlotTaken,
)
from tests.hub.builders import NOON_MS, event, of, samples

DAY_MS = 86_400_000
START_MS = NOON_MS - 20 * DAY_MS


def batches(chance: random.Random) -> list[Batch]:
    """Make the batches of a few boots in two outbox generations, in the order in which they reach the hub."""
    made = [batch for epoch in (1, 2) for batch in _generation(chance, epoch)]
    for _ in range(len(made) // 3):  # some overtake others, some come again
        at = chance.randrange(len(made))
        made.insert(chance.randrange(len(made)), made.pop(at) if chance.random() < 0.7 else made[at])
    return made


def _generation(chance: random.Random, epoch: int) -> Iterator[Batch]:
    seq, boot, utc_ms = chance.randrange(1, 50), 0, START_MS + epoch * 5 * DAY_MS
    for _ in range(chance.randrange(1, 5)):
        boot += chance.randrange(1, 9)
        knows_time = chance.random() < 0.6
        uptime_s = 0
        for _ in range(chance.randrange(1, 5)):
            rows: list[EventRow | TableRows] = []
            for _ in range(chance.randrange(1, 6)):
                if chance.random() < 0.4:
                    count = chance.randrange(1, 8)
                    watts = [chance.choice([None, *range(500)]) for _ in range(count)]
                    rows.append(samples(seq, [uptime_s + 60 * row for row in range(count)], watts, boot=boot))
                    seq += count
                    uptime_s += 60 * count
                else:
                    now_ms = utc_ms + uptime_s * 1000 if knows_time else None
                    rows.append(event(seq, _event(chance, seq, boot, uptime_s, now_ms), uptime_s=uptime_s, boot=boot))
                    seq += chance.choice([1, 1, 1, 4])  # what lies between never comes
                    uptime_s += chance.randrange(20_000)
            yield of(*_joined(rows), epoch=epoch)
        utc_ms += uptime_s * 1000 + chance.randrange(DAY_MS)


def _joined(rows: list[EventRow | TableRows]) -> list[EventRow | TableRows]:
    """Keep one table of samples in a batch, as a site does."""
    tables = [row for row in rows if isinstance(row, TableRows)]
    return [row for row in rows if isinstance(row, EventRow) or row is tables[0]]


def _event(chance: random.Random, seq: int, boot: int, uptime_s: int, now_ms: int | None) -> Event:
    kind = chance.randrange(6)
    if kind == 0 and now_ms is not None:
        return ClockAnchor(now_ms + chance.randrange(-50, 50), 100, chance.choice([AnchorSource.NTP, AnchorSource.HUB]))
    if kind == 1:
        return SlotTaken(chance.randrange(1, 4))
    if kind == 2:
        taken = max(1, seq - chance.randrange(1, 9))
        return ChargingSession(2, taken, boot, max(0, uptime_s - 600), boot, uptime_s, EndReason.UNPLUGGED)
    if kind == 3:
        first = chance.randrange(max(1, seq - 20), seq + 1)
        return Gap(first, first + chance.randrange(8), chance.choice(list(GapCause)))
    return AgentStarted("1", f"boot-{boot}")
