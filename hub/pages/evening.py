"""The evening's light, quarter by quarter: lit, dark or unknown. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hub.answers.day import DayAnswer
from hub.pages.quarters import Grid

_MOSTLY = 0.5


class Light(StrEnum):
    """What is known of a quarter of the evening."""

    LIT = "allumé"
    DARK = "éteint"
    UNKNOWN = "inconnu"


@dataclass(frozen=True, slots=True)
class Evening:
    """From 18 h to midnight, as far as it has gone; the stretches follow each other without holes."""

    first: int
    last: int
    stretches: list[tuple[Light, range]]

    def quarters(self, light: Light) -> int:
        """Count the quarters of one state."""
        return sum(len(stretch) for state, stretch in self.stretches if state is light)


def evening_of(answer: DayAnswer, grid: Grid) -> Evening | None:
    """Read the evening; None where the lights are not watched."""
    track = answer.tracks.get("lit")
    if track is None:
        return None
    first, last = grid.marks[-2:]
    known = grid.known(track)
    waiting = {quarter for stretch in grid.unknown(track) for quarter in stretch}
    waiting -= {quarter for stretch in grid.holes(track) for quarter in stretch}
    stretches: list[tuple[Light, range]] = []
    for quarter in range(first, grid.elapsed):
        if quarter in waiting:
            break
        bucket = known.get(quarter)
        light = Light.UNKNOWN if bucket is None else Light.LIT if bucket.mean >= _MOSTLY else Light.DARK
        if stretches and stretches[-1][0] is light:
            stretches[-1] = (light, range(stretches[-1][1].start, quarter + 1))
        else:
            stretches.append((light, range(quarter, quarter + 1)))
    return Evening(first, last, stretches)
