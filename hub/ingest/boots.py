"""When a boot without anchors began: after the boot before it, and before the boots after it. Pure.

It began when all was over that is known of the boots before it, back to one that anchors date; it ended before any
boot after it began, and before its rows arrived. As long as the anchors are true, so are these bounds, and every row
that comes can only draw them closer. Which boot was before is told by the card, never by the order of numbers: after
a card forgot a boot, or an old image was put back, two boots follow the same one, and the later may have the smaller
number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hub.ingest.dating import DRIFT_PPM, Anchor, Bounds, Dater, drift_ms, shortest_ms
from protocol.ranges import Range

UPTIME_MAX_S = 10 * 366 * 86_400
"""A boot that claims to have lasted longer tells nothing about its neighbours."""

CHIP_SET_MS = 366 * 86_400_000
"""How long ago a clock chip is taken to have been set, when no boot before it has a date."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What is known of one boot: the uptimes seen, the latest moment at which it can have begun, the boot before it.

    `previous` is 0 when that is not told, and always a smaller number. `zero` are the bounds that its rows are dated
    by: None when there are none, or when its own anchors date it.
    """

    boot: int
    first_s: int
    last_s: int
    latest_ms: int
    previous: int = 0
    anchored: bool = False
    zero: Bounds | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Edges:
    """A boot that anchors date, as its neighbours see it: it has begun by then, and not ended before then."""

    begun_ms: int
    ended_ms: int


def seen(known: Boot | None, boot: int, uptimes_s: Range, received_at_ms: int, rows: int = 0) -> Boot:
    """Add to what is known of a boot that rows of these uptimes arrived, so many of its own."""
    first_s, last_s = uptimes_s if uptimes_s[1] <= UPTIME_MAX_S else (0, 0)
    latest_ms = received_at_ms - shortest_ms(last_s)
    if known is None:
        return Boot(boot, first_s, last_s, latest_ms, rows=rows)
    return replace(
        known,
        first_s=min(first_s, known.first_s),
        last_s=max(last_s, known.last_s),
        latest_ms=min(latest_ms, known.latest_ms),
        rows=known.rows + rows,
    )


def edges(boot: Boot, dater: Dater) -> Edges | None:
    """Tell when a boot with anchors began and ended; None when its anchors date nothing."""
    begun, ended = dater.date(boot.boot, 0), dater.date(boot.boot, boot.last_s)
    if begun.utc_ms is None or begun.error_ms is None or ended.utc_ms is None or ended.error_ms is None:
        return None
    return Edges(begun.utc_ms + begun.error_ms, ended.utc_ms - ended.error_ms)


def bounds(
    boots: Sequence[Boot], dated: Mapping[int, Edges], chips: Mapping[int, Anchor] | None = None
) -> dict[int, Bounds]:
    """Bound the zero of every boot, in order, that has no anchors; one that fits nowhere has no bounds.

    `chips` are anchors by the clock chip, which is believed of its own boot, where it fits, and never of another.
    """
    free_ms: dict[int, int] = {}
    lows: dict[int, int] = {}
    for boot in boots:
        if boot.boot in dated:
            free_ms[boot.boot] = dated[boot.boot].ended_ms
        elif boot.previous > 0 and boot.previous in free_ms and not boot.anchored:
            lows[boot.boot] = free_ms[boot.previous]
            free_ms[boot.boot] = lows[boot.boot] + shortest_ms(boot.last_s)
    found: dict[int, Bounds] = {}
    ends_ms: dict[int, int] = {}
    for boot in reversed(boots):
        begun_ms = boot.latest_ms
        if boot.boot in ends_ms:
            begun_ms = min(begun_ms, ends_ms[boot.boot] - shortest_ms(boot.last_s))
        if boot.boot in dated:
            begun_ms = dated[boot.boot].begun_ms
        elif boot.anchored:
            continue
        else:
            zero = _zero(lows.get(boot.boot), begun_ms, (chips or {}).get(boot.boot))
            found |= {} if zero is None else {boot.boot: zero}
        ends_ms[boot.previous] = min(ends_ms.get(boot.previous, begun_ms), begun_ms)
    return found


def _zero(low_ms: int | None, high_ms: int, chip: Anchor | None) -> Bounds | None:
    """Bound one boot by its neighbours, and by its clock chip if that fits: it may have run away since it was set."""
    if chip is not None:
        middle_ms = chip.utc_ms - chip.uptime_s * 1000
        age_ms = max(middle_ms - low_ms, 0) if low_ms is not None else CHIP_SET_MS
        error_ms = chip.error_ms + drift_ms(chip.uptime_s) + age_ms * DRIFT_PPM // 1_000_000
        earliest_ms = middle_ms - error_ms if low_ms is None else max(middle_ms - error_ms, low_ms)
        latest_ms = min(middle_ms + error_ms, high_ms)
        if earliest_ms <= latest_ms:
            return Bounds(earliest_ms, latest_ms)
    return Bounds(low_ms, high_ms) if low_ms is not None and low_ms <= high_ms else None


def borders(boots: Mapping[int, Boot]) -> list[Boot]:
    """Pick the boots with anchors that are before or after one without."""
    pairs = [(boots.get(boot.previous), boot) for boot in boots.values()]
    mixed = [(a, b) for a, b in pairs if a is not None and a.anchored != b.anchored]
    return [before if before.anchored else after for before, after in mixed]


def moved(boots: Sequence[Boot], found: Mapping[int, Bounds], *, anchored: bool = False) -> list[Boot]:
    """List the boots whose rows deserve other dates, with their new bounds; `anchored` when an anchor came.

    To date rows anew costs more than to take them in, and while an outbox empties every batch draws the bounds a
    little closer. So without a new anchor, bounds that stay true are kept until one has lost a tenth of its width; then
    all are renewed together, for boots must keep their order.
    """
    new = [replace(boot, zero=None if boot.anchored else found.get(boot.boot)) for boot in boots]
    pairs = list(zip(boots, new, strict=True))
    if not anchored and not any(_worthwhile(before.zero, now.zero) for before, now in pairs):
        return []
    return [now for before, now in pairs if before.zero != now.zero]


def _worthwhile(before: Bounds | None, now: Bounds | None) -> bool:
    if before is None or now is None:
        return before is not now
    inside = before.low_ms <= now.low_ms and now.high_ms <= before.high_ms
    return not inside or now.width_ms * 10 < before.width_ms * 9
