"""How long somebody must wait who gives wrong secrets: so long that guessing is useless, and never for ever. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FREE = 4
"""Wrong secrets without a wait: people mistype."""

FIRST_WAIT_MS = 30_000
LONGEST_WAIT_MS = 86_400_000
FORGOTTEN_MS = 7 * 86_400_000
"""After so long without any, wrong secrets are forgotten."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Wrong secrets in a row under one name, and when the last was given."""

    failures: int = 0
    last_ms: int = 0

    def open_at_ms(self) -> int:
        """Tell when the next secret will be looked at: the wait doubles with each wrong one, up to a day.

        Six digits would take a guesser a thousand years.
        """
        if self.failures <= FREE:
            return self.last_ms
        doublings = min(self.failures - FREE - 1, 20)
        return self.last_ms + min(FIRST_WAIT_MS << doublings, LONGEST_WAIT_MS)

    def failed(self, now_ms: int) -> Attempts:
        """Count another wrong secret."""
        known = self.failures if now_ms - self.last_ms < FORGOTTEN_MS else 0
        return Attempts(known + 1, now_ms)
