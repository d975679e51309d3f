"""Sites whose summaries and comparisons take long rest between them, so that the ingest stays free for the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

LONG_S = 1.0
"""Work that takes less of the processor needs no rest: a day of a site takes some hundredths."""

SHARE = 50
"""A site rests so many times as long as it took."""


class Rest:
    """Remembers who has to rest, and until when."""

    def __init__(self) -> None:
        self._until_s: dict[str, float] = {}

    def resting(self) -> list[str]:
        """List the sites that rest now."""
        now_s = time.monotonic()  # noqa: TID251  how long something really took is I/O
        self._until_s = {site: until_s for site, until_s in self._until_s.items() if until_s > now_s}
        return list(self._until_s)

    @contextmanager
    def after(self, site: str) -> Iterator[None]:
        """Have the site rest if what is done inside takes long."""
        began_s = time.thread_time()
        try:
            yield
        finally:
            took_s = time.thread_time() - began_s
            if took_s > LONG_S:
                self._until_s[site] = time.monotonic() + SHARE * took_s  # noqa: TID251  likewise


class Patience:
    """Runs out when the thread has worked for so long: a site may have sent any number of batches for one day."""

    def __init__(self, seconds: float) -> None:
        self._until_s = time.thread_time() + seconds

    def over(self) -> bool:
        """Say whether it has run out."""
        return time.thread_time() > self._until_s
