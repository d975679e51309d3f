"""Which column answers for a metric when several devices of a site tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from protocol.metrics import metric_of


def primary(columns: Iterable[str], metrics: Collection[str]) -> dict[str, str]:
    """Choose one column for each metric, the first by name, so that every answer chooses the same."""
    chosen: dict[str, str] = {}
    for column in sorted(columns):
        metric = metric_of(column).name
        if metric in metrics:
            chosen.setdefault(metric, column)
    return chosen
