"""Sites and their newest values."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.access.roles import Permission
from hub.answers import clock, sites
from hub.answers.clock import ClockAnswer
from hub.answers.sites import SiteAnswer, Value
from hub.api import examples
from hub.api.csv import FormatQuery, csv_response, wants_csv
from hub.api.examples import answer
from hub.api.parameters import SiteName
from hub.api.problems import responses
from hub.context import Ctx
from hub.guard import Guarded, Who, needs

router = APIRouter(route_class=Guarded, prefix="/api/v1/sites", tags=["sites"])
_ANSWERS = responses(404, 422, 503)


@router.get("", response_model=list[SiteAnswer], responses={**responses(422, 503), **answer(examples.SITES)})
@needs(Permission.SITE)
def list_sites(context: Ctx, caller: Who, request: Request, format: FormatQuery = None) -> list[SiteAnswer] | Response:  # noqa: A002
    """List the sites that the caller may see, and how each is doing right now."""
    answers = [one for one in sites.list_sites(context.ledger, context.now_ms()) if caller.sees(one.site)]
    if not wants_csv(request, format):
        return answers
    header = ("site", "name", "kind", "commune", "freshness", "newest_at", "battery_voltage_v", "soc_pct",
              "panel_power_w", "load_power_w", "slots", "slots_occupied")  # fmt: skip
    rows = (
        (a.site, a.name, a.kind, a.commune, a.freshness, a.newest_at, a.battery_voltage_v, a.soc_pct,
         a.panel_power_w, a.load_power_w, len(a.slots),
         None if a.slots_occupied is None else len(a.slots_occupied))
        for a in answers
    )  # fmt: skip
    return csv_response("sites", header, rows)


@router.get("/{site}", response_model=SiteAnswer, responses={**_ANSWERS, **answer(examples.SITE, csv=False)})
@needs(Permission.SITE)
def one_site(context: Ctx, site: SiteName) -> SiteAnswer:
    """Describe one site."""
    return sites.one_site(context.ledger, site, context.now_ms())


@router.get("/{site}/latest", response_model=list[Value], responses={**_ANSWERS, **answer(examples.LATEST)})
@needs(Permission.SITE)
def latest(context: Ctx, request: Request, site: SiteName, format: FormatQuery = None) -> list[Value] | Response:  # noqa: A002
    """List the newest value of every column, each with its moment."""
    values = sites.latest(context.ledger, site)
    if not wants_csv(request, format):
        return values
    header = ("column", "metric", "unit", "value", "at")
    return csv_response(f"{site}-latest", header, ((v.column, v.metric, v.unit, v.value, v.at) for v in values))


@router.get("/{site}/clock", response_model=ClockAnswer, responses={**_ANSWERS, **answer(examples.CLOCK, csv=False)})
@needs(Permission.TECHNICAL)
def clock_of(context: Ctx, site: SiteName) -> ClockAnswer:
    """Say whether a site's clock agrees with the daylight on its panels, and count what is dated how."""
    return clock.clock(context.ledger, context.store, site=site, now_ms=context.now_ms())
