"""How a benchmark says its figures."""

from __future__ import annotations


def figure(name: str, value: float, unit: str, target: float) -> str:
    """Lay out one closing line: name, value, unit and the target it is held against."""
    shown = f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004  enough digits to compare
    return f"{name}: {shown} {unit} (target {target:g})"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Align columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells))
    return "\n".join(lines)
