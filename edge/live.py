"""The live view at the site: what a command asks for, message by message, until time, budget or link end it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge.ports import Values
from protocol.events import CommandCode, CommandDone
from protocol.live import LIVE_EVERY_S, Command, Live, LiveCommand, LiveTable


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest sample of a table."""

    uptime_s: float
    values: Values


@dataclass(slots=True)
class LiveView:
    """At most one view at a time; `schema_id` names the columns of the tables."""

    schema_id: bytes
    _command_id: int = 0
    _until_s: float | None = None
    _sent_s: float = 0.0

    def step(
        self, commands: Sequence[Command], now_s: float, newest: Mapping[int, Newest], *, left_bytes: int
    ) -> Iterator[tuple[Live, CommandDone | None]]:
        """Take commands and let time pass: each message to send, and what to record when it is the last one."""
        for command in commands:
            yield from self._take(command, now_s, left_bytes)
        if self._until_s is None:
            return
        if now_s >= self._until_s:
            yield self._end(CommandCode.DONE, "the time is over")
        elif left_bytes <= 0:
            yield self._end(CommandCode.STOPPED, "the day's budget for live views is used")
        elif now_s - self._sent_s >= LIVE_EVERY_S:
            tables = tuple(
                LiveTable(table, max(int(now_s - sample.uptime_s), 0), tuple(sample.values))
                for table, sample in sorted(newest.items())
                if sample.uptime_s > self._sent_s
            )
            if tables:
                self._sent_s = now_s
                yield Live(self._command_id, int(self._until_s - now_s), self.schema_id, tables), None

    def lost(self) -> CommandDone | None:
        """End the view because nobody can be reached any more."""
        return None if self._until_s is None else self._end(CommandCode.STOPPED, "the connection was lost")[1]

    def _take(self, command: Command, now_s: float, left_bytes: int) -> Iterator[tuple[Live, CommandDone]]:
        if not isinstance(command, LiveCommand):
            yield _ended(command.command_id, CommandCode.REFUSED, "this version does not know the command")
        elif command.seconds == 0:
            if self._until_s is not None:
                yield self._end(CommandCode.STOPPED, "as asked")
        elif left_bytes <= 0:
            yield _ended(command.command_id, CommandCode.REFUSED, "the day's budget for live views is used")
        else:
            # The first message comes at once and tells all that is known.
            self._command_id, self._until_s = command.command_id, now_s + command.seconds
            self._sent_s = float("-inf")

    def _end(self, code: CommandCode, detail: str) -> tuple[Live, CommandDone]:
        self._until_s = None
        return _ended(self._command_id, code, detail)


def _ended(command_id: int, code: CommandCode, detail: str) -> tuple[Live, CommandDone]:
    return Live(command_id, 0, code=code), CommandDone(command_id, code, detail)
