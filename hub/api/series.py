"""Series and sessions of a site over a period."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from hub.answers.series import SeriesAnswer, series
from hub.answers.sessions import SessionsAnswer, sessions
from hub.api.csv import CSV_CONTENT, FormatQuery, csv_response, wants_csv
from hub.api.problems import responses
from hub.context import Ctx

router = APIRouter(prefix="/api/v1/sites/{site}", tags=["series"])

Metric = Annotated[
    str,
    Query(description="a metric, or device.metric where several devices tell it", examples=["panel_power_w"]),
]
Start = Annotated[
    datetime, Query(description="first moment, ISO 8601; without a zone it is UTC", examples=["2026-11-01T00:00:00Z"])
]
End = Annotated[datetime, Query(description="first moment after the period", examples=["2026-11-02T00:00:00Z"])]
Step = Annotated[str, Query(description="auto, raw, 15m, 1h or 1d", pattern="^(auto|raw|15m|1h|1d)$")]


@router.get("/series", response_model=SeriesAnswer, responses={**responses(400, 404, 422, 503), **CSV_CONTENT})
def series_of(  # noqa: PLR0913, PLR0917  query parameters
    context: Ctx,
    request: Request,
    site: str,
    metric: Metric,
    start: Start,
    end: End,
    step: Step = "auto",
    format: FormatQuery = None,  # noqa: A002
) -> SeriesAnswer | Response:
    """Give a metric over a period: mean, min, max, count and completeness of every step that has data."""
    answer = series(context.ledger, context.store, site=site, metric=metric, start=start, end=end, step=step)
    if not wants_csv(request, format):
        return answer
    header = ("at", "mean", "min", "max", "count", "completeness", "quality")
    rows = ((p.at, p.mean, p.min, p.max, p.count, p.completeness, p.quality) for p in answer.points)
    return csv_response(f"{site}-{answer.metric}", header, rows)


@router.get("/sessions", response_model=SessionsAnswer, responses={**responses(400, 404, 422, 503), **CSV_CONTENT})
def sessions_of(
    context: Ctx,
    request: Request,
    site: str,
    start: Start,
    end: End,
    format: FormatQuery = None,  # noqa: A002
) -> SessionsAnswer | Response:
    """List the charging sessions that touch a period, and those whose time is unknown."""
    answer = sessions(context.ledger, site=site, start=start, end=end, now_ms=context.now_ms())
    if not wants_csv(request, format):
        return answer
    header = ("id", "slot", "start", "start_quality", "end", "end_quality", "duration_s", "end_reason", "to_check")
    rows = (
        (s.id, s.slot, s.start.at, s.start.quality, s.end.at if s.end else None, s.end.quality if s.end else None,
         s.duration_s, s.end_reason, " ".join(s.to_check))
        for s in answer.sessions
    )  # fmt: skip
    return csv_response(f"{site}-sessions", header, rows)
