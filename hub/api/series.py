"""Series and sessions of a site over a period."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.access.roles import Permission
from hub.answers.series import SeriesAnswer, series
from hub.answers.sessions import SessionsAnswer, sessions
from hub.answers.times import Moment
from hub.api import examples
from hub.api.csv import Cell, FormatQuery, csv_response, wants_csv
from hub.api.examples import answer
from hub.api.parameters import End, Metric, SiteName, Start, Step
from hub.api.problems import responses
from hub.context import Ctx
from hub.guard import Guarded, needs

router = APIRouter(route_class=Guarded, prefix="/api/v1/sites/{site}", tags=["series"])
_ANSWERS = responses(400, 404, 422, 503)


@router.get(
    "/series", response_model=SeriesAnswer, responses={**responses(400, 404, 422, 503), **answer(examples.SERIES)}
)
@needs(Permission.TECHNICAL)
def series_of(  # noqa: PLR0913, PLR0917  query parameters
    context: Ctx,
    request: Request,
    site: SiteName,
    metric: Metric,
    start: Start,
    end: End,
    step: Step = "auto",
    format: FormatQuery = None,  # noqa: A002
) -> SeriesAnswer | Response:
    """Give a metric over a period: mean, min, max, count, completeness and quality of every step that has data."""
    found = series(context.ledger, context.store, site=site, metric=metric, start=start, end=end, step=step)
    if not wants_csv(request, format):
        return found
    header = ("at", "mean", "min", "max", "count", "completeness", "quality", "error_s")
    rows = ((p.at, p.mean, p.min, p.max, p.count, p.completeness, p.quality, p.error_s) for p in found.points)
    return csv_response(f"{site}-{found.metric}", header, rows)


@router.get(
    "/sessions", response_model=SessionsAnswer, responses={**responses(400, 404, 422, 503), **answer(examples.SESSIONS)}
)
@needs(Permission.CHARGES)
def sessions_of(
    context: Ctx,
    request: Request,
    site: SiteName,
    start: Start,
    end: End,
    format: FormatQuery = None,  # noqa: A002
) -> SessionsAnswer | Response:
    """List the charging sessions that touch a period, and those whose time is unknown."""
    found = sessions(context.ledger, site=site, start=start, end=end, now_ms=context.now_ms())
    if not wants_csv(request, format):
        return found
    header = ("id", "slot", "start", "start_quality", "start_error_s", "end", "end_quality", "end_error_s",
              "duration_s", "end_reason", "to_check")  # fmt: skip
    rows = (
        (s.id, s.slot, *_moment(s.start), *_moment(s.end), s.duration_s, s.end_reason, " ".join(s.to_check))
        for s in found.sessions
    )
    return csv_response(f"{site}-sessions", header, rows)


def _moment(moment: Moment | None) -> tuple[Cell, Cell, Cell]:
    """Lay a moment out as its time, its quality and how far it may be off."""
    return (None, None, None) if moment is None else (moment.at, moment.quality, moment.error_s)
