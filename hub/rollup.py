"""A day of hourly summaries as bytes: integer columns like those of a batch. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.series import HOUR_MS, Bucket
from protocol import wire
from protocol.columns import pack, unpack

Day = Mapping[str, Sequence[Bucket]]


def encode(day: Day, decimals: Mapping[str, int]) -> bytes:
    """Write the summaries of a day; `decimals` says how fine each column's integers are."""
    columns = {
        name: [decimals[name], len(buckets), [pack(field) for field in _fields(buckets, 10 ** decimals[name])]]
        for name, buckets in day.items()
        if buckets
    }
    return wire.deflate(wire.encode({1: columns}))


def decode(payload: bytes) -> dict[str, list[Bucket]]:
    """Read what `encode` wrote."""
    columns = wire.decode(wire.inflate(payload))[1]
    day = {}
    for name, (decimals, count, packed) in columns.items():
        scale = 10**decimals
        fields = zip(*(unpack(field, count) for field in packed), strict=True)
        day[name] = [
            Bucket(hour * HOUR_MS, total / scale, least / scale, most / scale, n, observed_s * 1000, error_ms)
            for hour, total, least, most, n, observed_s, error_ms in fields
        ]
    return day


def _fields(buckets: Sequence[Bucket], scale: int) -> list[list[int]]:
    return [
        [bucket.start_ms // HOUR_MS for bucket in buckets],
        [round(bucket.total * scale) for bucket in buckets],
        [round(bucket.least * scale) for bucket in buckets],
        [round(bucket.most * scale) for bucket in buckets],
        [bucket.count for bucket in buckets],
        [bucket.observed_ms // 1000 for bucket in buckets],
        [bucket.error_ms for bucket in buckets],
    ]
