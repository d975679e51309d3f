"""What is kept for good and any site can bring more of: schemas, and epochs of its outbox. Few are new in a day. Pure.

A site has a new schema when its settings change, and a new epoch with each new or damaged card. What is over is not
taken and not acknowledged: the rows stay on the card and come again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hub.pace import Bucket, Rate

_DAY_S = 86_400


class Kind(StrEnum):
    """What is new."""

    SCHEMA = "schema"
    EPOCH = "epoch"


RATES = {Kind.SCHEMA: Rate(32, 16 / _DAY_S), Kind.EPOCH: Rate(32, 16 / _DAY_S)}

News = Mapping[tuple[str, Kind], int]
"""How many of a kind a site has brought."""


class Novelty:
    """Remembers what each site has brought lately."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, Kind], Bucket] = {}

    def left(self, site: str, kind: Kind, now_ms: int) -> int:
        """Say how many new ones are taken from a site right now."""
        bucket = self._buckets.get((site, kind))
        return int(RATES[kind].most if bucket is None else bucket.fill(now_ms / 1000))

    def brought(self, news: News, now_ms: int) -> None:
        """Note what was taken, once it is committed."""
        for (site, kind), count in news.items():
            bucket = self._buckets.setdefault((site, kind), Bucket.full(RATES[kind], now_ms / 1000))
            bucket.fill(now_ms / 1000)
            bucket.spend(count)
