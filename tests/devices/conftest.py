"""Says at the end of a run how many captures of real devices were decoded, and which were left out and why."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.devices.cases import CASES, left_out, lines_of


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of captures."""
    decoded = Counter(case.parent.name for case in CASES for _ in lines_of(case))
    terminalreporter.section("captures of real devices and documents")
    for name, count in sorted(decoded.items()):
        terminalreporter.write_line(f"{name:<20} {count:4} decode to their stated meaning")
    terminalreporter.write_line(f"{'left out':<20} {len(left_out()):4}")
    for line in left_out():
        terminalreporter.write_line(f"    {line['id']}: {line['why']}")
