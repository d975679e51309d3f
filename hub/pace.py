"""How fast something may go: a bucket that fills by itself and that use empties. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So much at once, and so much a second in the long run."""

    most: float
    per_s: float


@dataclass(slots=True)
class Bucket:
    """What is left of a rate. It may be overdrawn, and is then in debt until it has filled again."""

    rate: Rate
    left: float
    at_s: float

    @classmethod
    def full(cls, rate: Rate, now_s: float) -> Bucket:
        """Begin with all that may be had at once."""
        return cls(rate, rate.most, now_s)

    def fill(self, now_s: float) -> float:
        """Bring it up to date, and give what is left; a clock that was set back gives nothing and takes nothing."""
        passed_s = max(now_s - self.at_s, 0.0)
        self.left = min(self.rate.most, self.left + passed_s * self.rate.per_s)
        self.at_s = now_s
        return self.left

    def spend(self, amount: float) -> None:
        """Take so much, whether or not it is there."""
        self.left -= amount

    def wait_s(self, wanted: float) -> float:
        """Tell how long it takes until so much is there, as of when it was last filled."""
        return max(wanted - self.left, 0.0) / self.rate.per_s
