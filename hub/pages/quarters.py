"""The quarter hours of a day as pages and charts count them: which are known, which are not, what the clock says. Pure.

A quarter that is over and without data is unknown; one that has not passed yet is neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from hub.answers.day import STEP_MS, DayAnswer, Track
from hub.answers.times import to_ms, utc
from hub.pages import french
from hub.series import Bucket

EVENING_FROM_H = 18
MARKS_H = (0, 6, 12, EVENING_FROM_H, 24)
"""The hours that a day's axis names."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A local day cut into quarter hours, numbered from its first midnight."""

    start_ms: int
    end_ms: int
    until_ms: int
    zone: ZoneInfo
    marks: tuple[int, ...]
    """The quarters at which the hours of `MARKS_H` begin."""
    today: bool
    running: bool
    """The day is today, and its site sends: the last quarters are on their way rather than unknown."""

    @property
    def count(self) -> int:
        """Count the quarters of the day; a change of the clocks makes it longer or shorter."""
        return self.quarter(self.end_ms)

    @property
    def elapsed(self) -> int:
        """Count the quarters that are over."""
        return self.quarter(self.until_ms)

    def quarter(self, utc_ms: int) -> int:
        """Tell into which quarter a moment falls."""
        return (utc_ms - self.start_ms) // STEP_MS

    def start_of(self, quarter: int) -> int:
        """Give the moment at which a quarter begins."""
        return self.start_ms + quarter * STEP_MS

    def known(self, track: Track | None) -> dict[int, Bucket]:
        """Map quarters to the buckets of a track."""
        return {self.quarter(bucket.start_ms): bucket for bucket in (track.buckets if track is not None else [])}

    def unknown(self, *tracks: Track | None) -> list[range]:
        """List the stretches that are over and in which one of the tracks has no data."""
        over = range(self.elapsed)
        return runs({quarter for track in tracks for quarter in over if quarter not in self.known(track)})

    def holes(self, *tracks: Track | None) -> list[range]:
        """List the unknown stretches worth a word: all but the one that the next message may fill."""
        return self._settled(self.unknown(*tracks))

    def silent(self, answer: DayAnswer) -> list[range]:
        """List the stretches in which nothing at all was heard of the site."""
        heard = {quarter for track in answer.tracks.values() for quarter in self.known(track)}
        if not answer.tracks and answer.site.newest_at is not None:
            heard = set(range(self.quarter(to_ms(answer.site.newest_at)) + 1))
        return self._settled(runs(set(range(self.elapsed)) - heard))

    def clock(self, quarter: int) -> str:
        """Write when a quarter begins; the end of the day is 24 h."""
        return self.hour(self.start_of(quarter))

    def hour(self, utc_ms: int) -> str:
        """Write the time of day of a moment; the end of the day is 24 h."""
        at = self.local(utc_ms)
        return french.clock(24) if utc_ms >= self.end_ms else french.clock(at.hour, at.minute)

    def local(self, utc_ms: int) -> datetime:
        """Turn UTC milliseconds into local time."""
        return utc(utc_ms).astimezone(self.zone)

    def _settled(self, unknown: list[range]) -> list[range]:
        return unknown[:-1] if unknown and self.running and unknown[-1].stop == self.elapsed else unknown


def grid_of(answer: DayAnswer) -> Grid:
    """Cut the day of an answer."""
    zone = ZoneInfo(answer.site.timezone)
    start_ms, end_ms = to_ms(answer.start_at), to_ms(answer.end_at)
    hours_ms = [to_ms(datetime.combine(answer.day, time(hour), zone)) for hour in MARKS_H[:-1]]
    today = answer.observed_until < answer.end_at
    return Grid(
        start_ms=start_ms,
        end_ms=end_ms,
        until_ms=to_ms(answer.observed_until),
        zone=zone,
        marks=tuple((at_ms - start_ms) // STEP_MS for at_ms in [*hours_ms, end_ms]),
        today=today,
        running=today and answer.site.freshness == "current",
    )


def runs(quarters: Iterable[int]) -> list[range]:
    """Join numbers that follow each other."""
    joined: list[range] = []
    for quarter in sorted(quarters):
        if joined and joined[-1].stop == quarter:
            joined[-1] = range(joined[-1].start, quarter + 1)
        else:
            joined.append(range(quarter, quarter + 1))
    return joined
