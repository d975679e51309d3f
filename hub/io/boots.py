"""Boots in the ledger: what bounds each, and the dater that reads what is known of an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, func, insert, select, update

from hub.ingest.boots import Boot
from hub.ingest.dating import DATING, Anchor, Bounds, Dater
from hub.io import tables as t
from hub.io.rows import anchor_of, boot_of, bounds_of, in_parts
from hub.ports import ClockReading, Dating
from protocol.events import AnchorSource
from protocol.limits import VALUE_MAX

# Built once, because every batch asks: to build a statement costs more than to run it.
_c = t.boots.c
_mine = (_c.site == bindparam("of_site")) & (_c.epoch == bindparam("of_epoch"))
_earlier = _mine & _c.anchored & (_c.boot < bindparam("first"))
_later = _mine & _c.anchored & (_c.boot > bindparam("last"))
_before = select(_c.boot).where(_earlier).order_by(_c.boot.desc()).limit(1).scalar_subquery()
_after = select(_c.boot).where(_later).order_by(_c.boot).limit(1).scalar_subquery()
_NEAR = (
    select(t.boots)
    .where(_mine, _c.boot >= func.coalesce(_before, 0), _c.boot <= func.coalesce(_after, VALUE_MAX))
    .order_by(_c.boot)
)
_KIN = select(t.boots).where(
    _mine,
    _c.previous_boot.in_(bindparam("of", expanding=True)) | _c.boot.in_(bindparam("parents", expanding=True)),
)
_ZEROS = select(_c.boot, _c.start_low_ms, _c.start_high_ms).where(
    _mine, _c.boot.between(bindparam("first"), bindparam("last")), _c.start_low_ms.is_not(None)
)
_WRITE = (
    update(t.boots)
    .where(_mine, _c.boot == bindparam("of_boot"))
    .values({column.name: bindparam(column.name) for column in _c if not column.primary_key})
)


def near(connection: Connection, site: str, epoch: int, first: int, last: int) -> list[Boot]:
    """See `Transaction.boots`."""
    rows = connection.execute(_NEAR, {"of_site": site, "of_epoch": epoch, "first": first, "last": last})
    return [boot_of(row) for row in rows]


def kin(connection: Connection, site: str, epoch: int, boots: Sequence[Boot]) -> list[Boot]:
    """See `Transaction.kin`."""
    found: dict[int, Boot] = {}
    mine = {"of_site": site, "of_epoch": epoch}
    for some in in_parts(boots):
        named = {"of": [boot.boot for boot in some], "parents": [boot.previous for boot in some]}
        rows = connection.execute(_KIN, mine | named)
        found |= {row.boot: boot_of(row) for row in rows}
    return list(found.values())


def chips(connection: Connection, site: str, epoch: int, boots: Sequence[int]) -> dict[int, Anchor]:
    """See `Transaction.chips`."""
    c = t.anchors.c
    mine = (c.site == site) & (c.epoch == epoch) & (c.source == int(AnchorSource.RTC))
    queries = (select(t.anchors).where(mine, c.boot.in_(some)).order_by(c.seq) for some in in_parts(boots))
    return {row.boot: anchor_of(row) for query in queries for row in connection.execute(query)}


def write(connection: Connection, site: str, epoch: int, boots: Iterable[Boot]) -> None:
    """See `Transaction.write_boots`."""
    for boot in boots:
        values = {
            "first_uptime_s": boot.first_s, "last_uptime_s": boot.last_s, "latest_ms": boot.latest_ms,
            "previous_boot": boot.previous, "anchored": boot.anchored,
            "row_count": boot.rows,
            "start_low_ms": None if boot.zero is None else boot.zero.low_ms,
            "start_high_ms": None if boot.zero is None else boot.zero.high_ms,
        }  # fmt: skip
        mine = {"of_site": site, "of_epoch": epoch, "of_boot": boot.boot}
        if connection.execute(_WRITE, mine | values).rowcount == 0:
            connection.execute(insert(t.boots), {"site": site, "epoch": epoch, "boot": boot.boot, **values})


def zeros(connection: Connection, site: str, epoch: int, first: int = 0, last: int = VALUE_MAX) -> dict[int, Bounds]:
    """See `Transaction.zeros`."""
    rows = connection.execute(_ZEROS, {"of_site": site, "of_epoch": epoch, "first": first, "last": last})
    return {row.boot: bounds_of(row) for row in rows}


def dating(connection: Connection, site: str) -> Dating:
    """See `Ledger.dating`."""
    c, s, a = t.boots.c, t.sessions.c, t.anchors.c
    bounded = c.start_low_ms.is_not(None)
    query = select(c.anchored, bounded, func.count(), func.sum(c.row_count)).where(c.site == site)
    found: dict[str, int] = {}
    for anchored, within, boots, rows in connection.execute(query.group_by(c.anchored, bounded)):
        how = "anchored" if anchored else "bounded" if within else "unknown"
        found |= {f"boots_{how}": int(boots), f"rows_{how}": int(rows)}
    undated = select(func.count()).where(s.site == site, s.start_ms.is_(None))
    sources = select(a.source, func.count()).where(a.site == site).group_by(a.source)
    return Dating(
        **found,
        sessions_unknown=int(connection.execute(undated).scalar_one()),
        anchors={int(source): int(count) for source, count in connection.execute(sources)},
    )


def controller_clock(connection: Connection, site: str) -> ClockReading | None:
    """See `Ledger.controller_clock`."""
    c = t.anchors.c
    told = (c.site == site) & (c.source == int(AnchorSource.CONTROLLER))
    found: list[ClockReading] = []
    for (epoch,) in connection.execute(select(c.epoch).where(told).distinct()).all():
        row = connection.execute(select(t.anchors).where(told, c.epoch == epoch).order_by(c.seq.desc())).first()
        if row is not None:
            found.append(ClockReading(row.utc_ms, read_dater(connection, site, epoch).date(row.boot, row.uptime_s)))
    return max((one for one in found if one.date.utc_ms is not None), key=_when, default=None)


def _when(reading: ClockReading) -> int:
    return reading.date.utc_ms or 0


def read_dater(connection: Connection, site: str, epoch: int) -> Dater:
    """Read all that dates the rows of an epoch."""
    c = t.anchors.c
    mine = (c.site == site) & (c.epoch == epoch) & c.source.in_(DATING)
    found: dict[int, list[Anchor]] = {}
    for row in connection.execute(select(t.anchors).where(mine)):
        found.setdefault(row.boot, []).append(anchor_of(row))
    return Dater(found, zeros(connection, site, epoch))
