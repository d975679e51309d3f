"""The live view at the site: begins at once, sends what is new, ends by time, budget, command or link."""

from __future__ import annotations

from collections.abc import Mapping

from edge.live import LiveView, Newest
from protocol.events import CommandCode, CommandDone
from protocol.live import LIVE_EVERY_S, Command, Live, LiveCommand, UnknownCommand

SCHEMA_ID = b"12345678"
PLENTY = 10_000


def steps(
    view: LiveView, *commands: Command, now_s: float, newest: Mapping[int, Newest] | None = None, left: int = PLENTY
) -> list[tuple[Live, CommandDone | None]]:
    """Let the view take a step."""
    return list(
        view.step(commands, now_s, newest if newest is not None else {0: Newest(now_s - 3, (1, None))}, left_bytes=left)
    )


def test_a_view_begins_at_once_with_all_that_is_known() -> None:
    """The first message does not wait for a poll; values carry their age."""
    ((message, done),) = steps(LiveView(SCHEMA_ID), LiveCommand(7, 60), now_s=100)
    assert done is None
    assert (message.command_id, message.left_s, message.schema_id) == (7, 60, SCHEMA_ID)
    assert [(table.table, table.age_s, table.values) for table in message.tables] == [(0, 3, (1, None))]


def test_only_what_is_new_is_sent_again() -> None:
    """A device that polls once a minute costs one message a minute; another table goes when it has something."""
    view = LiveView(SCHEMA_ID)
    newest = {0: Newest(97, (1,)), 1: Newest(97, (5,))}
    steps(view, LiveCommand(7, 600), now_s=100, newest=newest)
    assert steps(view, now_s=100 + LIVE_EVERY_S, newest=newest) == []
    newest[1] = Newest(112, (6,))
    ((message, _),) = steps(view, now_s=115, newest=newest)
    assert [(table.table, table.values) for table in message.tables] == [(1, (6,))]
    newest[1] = Newest(117, (7,))
    assert steps(view, now_s=118, newest=newest) == []


def test_nothing_is_sent_unasked() -> None:
    """Without a command there is no live view."""
    assert steps(LiveView(SCHEMA_ID), now_s=100) == []


def test_a_view_ends_when_its_time_is_over() -> None:
    """The end is a last message and a row."""
    view = LiveView(SCHEMA_ID)
    steps(view, LiveCommand(7, 60), now_s=100)
    ((message, done),) = steps(view, now_s=160)
    assert message == Live(7, 0, code=CommandCode.DONE)
    assert done == CommandDone(7, CommandCode.DONE, "the time is over")
    assert steps(view, now_s=200) == []


def test_a_view_is_refused_or_stopped_by_the_budget() -> None:
    """Without bytes it does not begin; when they are used up it ends."""
    view = LiveView(SCHEMA_ID)
    ((refused, _),) = steps(view, LiveCommand(7, 60), now_s=100, left=0)
    assert refused.code is CommandCode.REFUSED
    steps(view, LiveCommand(8, 60), now_s=100)
    ((stopped, done),) = steps(view, now_s=110, left=0)
    assert (stopped.command_id, stopped.code) == (8, CommandCode.STOPPED)
    assert done is not None
    assert "budget" in done.detail


def test_a_newer_command_replaces_the_one_before() -> None:
    """Two people who watch do not double the bytes."""
    view = LiveView(SCHEMA_ID)
    steps(view, LiveCommand(7, 60), now_s=100)
    ((message, _),) = steps(view, LiveCommand(8, 300), now_s=101)
    assert (message.command_id, message.left_s) == (8, 300)


def test_a_view_can_be_ended() -> None:
    """A command of no seconds ends what runs, and is no news when nothing does."""
    view = LiveView(SCHEMA_ID)
    assert steps(view, LiveCommand(6, 0), now_s=99) == []
    steps(view, LiveCommand(7, 60), now_s=100)
    ((message, _),) = steps(view, LiveCommand(8, 0), now_s=101)
    assert message.code is CommandCode.STOPPED


def test_an_unknown_command_is_refused() -> None:
    """A hub of a later version is told that this site is older."""
    ((message, done),) = steps(LiveView(SCHEMA_ID), UnknownCommand(9), now_s=100)
    assert (message.command_id, message.code) == (9, CommandCode.REFUSED)
    assert done is not None


def test_a_lost_connection_ends_a_view_once() -> None:
    """Nobody can be told; the row will tell."""
    view = LiveView(SCHEMA_ID)
    assert view.lost() is None
    steps(view, LiveCommand(7, 60), now_s=100)
    done = view.lost()
    assert done is not None
    assert done.code is CommandCode.STOPPED
    assert view.lost() is None
