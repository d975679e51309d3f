"""A site's tally against what the hub has of the same numbers: do they agree, and if not, in what? Pure.

The verdict on its seal stands beside that; `hub.seals` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hub import seals
from hub.numbers import CAUSES, VAGUE, Numbers
from hub.seals import SealVerdict
from protocol.ranges import Range, size, without
from protocol.tally import Sums

ROWS = "rows"
"""Said to differ when the rows that were given up do not explain how many are not here."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a comparison; `differs` names the sums that cannot be explained, and is empty when both agree."""

    differs: tuple[str, ...]
    here: Sums
    lost: int
    """Rows that the site took and gave up, by their declarations."""

    forgotten: int
    """Rows that the hub has and the site's card no longer knows; neither side counts them."""

    seals: SealVerdict | None = None
    """None for a site that has no device key."""

    @property
    def agrees(self) -> bool:
        """Say whether both sides count the same."""
        return not self.differs


def counted(numbers: Numbers) -> list[Range]:
    """List the numbers whose rows take part in a comparison."""
    return without(numbers.received, numbers.forgotten)


def settled(numbers: Numbers) -> bool:
    """Say whether nothing is awaited any more, so that a verdict can be given."""
    return not numbers.missing


def judge(claimed: Sums, here: Sums, numbers: Numbers) -> Verdict:
    """Compare what a site has counted with what is here, `numbers` being those that the tally speaks of."""
    lost, vague = numbers.lost_rows(CAUSES), numbers.lost_rows(VAGUE)
    lacking = claimed.rows - here.rows
    # A vague declaration may also speak of numbers that never named a row: at least the others, at most all.
    explained = min(max(lacking, lost - vague), lost)
    return Verdict(
        differs=(
            *_differing(claimed, here, complete=lacking == 0 or lost == 0),
            *([ROWS] if lacking != explained else []),
        ),
        here=here,
        lost=explained,
        forgotten=size(numbers.forgotten),
    )


def _differing(claimed: Sums, here: Sums, *, complete: bool) -> tuple[str, ...]:
    """Name what differs; where rows were given up, only what is here and was not claimed can be wrong."""
    ours, theirs = asdict(here), asdict(claimed)
    if complete:
        return tuple(name for name in theirs if ours[name] != theirs[name])
    exact = {"charged_s"} if here.ended == claimed.ended else set()
    return tuple(
        name
        for name in theirs
        if name != "check" and (ours[name] != theirs[name] if name in exact else ours[name] > theirs[name])
    )


def to_plain(verdict: Verdict) -> dict[str, object]:
    """Write a verdict as JSON can hold it."""
    return asdict(verdict)


def from_plain(plain: Mapping[str, Any]) -> Verdict:
    """Read what `to_plain` wrote."""
    sealed = seals.from_plain(plain.get("seals"))
    return Verdict(tuple(plain["differs"]), Sums(**plain["here"]), plain["lost"], plain["forgotten"], sealed)
