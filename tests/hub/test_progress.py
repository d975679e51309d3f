"""Progress: a bar for people, a few lines for logs."""

from __future__ import annotations

import io

from hub.progress import Progress


def test_a_bar_grows_in_place_and_leaves_nothing_behind() -> None:
    """Each percent is drawn once over the one before; the end wipes the line."""
    stream = io.StringIO()
    progress = Progress(stream, "a.kayasol", 1000, bar=True)
    for done in (0, 5, 500, 501, 1000):
        progress.at(done)
    progress.close()
    drawn = stream.getvalue().split("\r")
    assert drawn[1:3] == [
        "[###############...............]  50 % a.kayasol", "[##############################] 100 % a.kayasol",
    ]  # fmt: skip
    assert drawn[3].strip() == ""
    assert len(drawn[3]) >= len(drawn[2])
    assert drawn[4] == ""


def test_a_log_gets_a_line_at_each_quarter() -> None:
    """A thousand sites do not fill a log."""
    stream = io.StringIO()
    progress = Progress(stream, "kaya", 200, bar=False)
    for done in range(201):
        progress.at(done)
    progress.close()
    assert stream.getvalue().splitlines() == ["kaya: 25 %", "kaya: 50 %", "kaya: 75 %", "kaya: 100 %"]


def test_nothing_to_do_is_done() -> None:
    """An empty task divides by nothing."""
    stream = io.StringIO()
    Progress(stream, "kaya", 0, bar=False).at(0)
    assert stream.getvalue() == "kaya: 100 %\n"
