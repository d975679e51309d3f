"""How far a long command has come: a bar on a terminal, else one line at each quarter. Pure; the stream is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TextIO

WIDTH = 30
_WHOLE = 100
_PLAIN_STEP = 25


@dataclass(slots=True)
class Progress:
    """Shows `done` of `total` under a label; what is shown never goes back and is never shown twice."""

    stream: TextIO
    label: str
    total: int
    bar: bool
    _shown: int = field(default=0, init=False)

    def at(self, done: int) -> None:
        """Show that so much is done."""
        percent = min(_WHOLE, _WHOLE * done // self.total) if self.total > 0 else _WHOLE
        step = 1 if self.bar else _PLAIN_STEP
        if percent // step <= self._shown // step:
            return
        self._shown = percent
        if self.bar:
            filled = WIDTH * percent // _WHOLE
            self.stream.write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {percent:3d} % {self.label}")
        else:
            self.stream.write(f"{self.label}: {percent} %\n")
        self.stream.flush()

    def close(self) -> None:
        """Wipe the bar away, so that the next line begins clean."""
        if self.bar and self._shown > 0:
            self.stream.write("\r" + " " * (WIDTH + 10 + len(self.label)) + "\r")
            self.stream.flush()
