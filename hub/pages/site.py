"""The first two pages: the sites, and one day of one site."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hub.access.roles import Permission
from hub.answers import clock as clock_answer
from hub.answers import day as day_answer
from hub.answers import sites as sites_answer
from hub.answers.live import cost
from hub.answers.times import utc
from hub.context import Context, Ctx
from hub.errors import NotFound, RetryLater
from hub.guard import Guarded, Who, needs
from hub.pages import problems
from hub.pages.clock_words import clock_words
from hub.pages.day_view import day_view
from hub.pages.html import page
from hub.pages.live_view import button
from hub.pages.views import site_view, sites_view
from hub.people.caller import Caller

router = APIRouter(route_class=Guarded, include_in_schema=False, default_response_class=HTMLResponse)


_DAYS = (date(2000, 1, 2), date(2099, 12, 30))
"""What anybody may mean by a day."""


@router.get("/")
@needs(Permission.SIGNED_IN)
def sites(context: Ctx, caller: Who) -> HTMLResponse:
    """Show every site that the reader may see, and how it is now."""
    now_ms = context.now_ms()
    try:
        answers = sites_answer.list_sites(context.ledger, now_ms)
    except RetryLater:
        return problems.later()
    if not caller.may(Permission.SITE):
        return problems.nothing_published(caller)
    mine = [answer for answer in answers if caller.sees(answer.site)]
    return page("sites.html", caller=caller, view=sites_view(mine, utc(now_ms)))


@router.get("/sites/{site}")
@needs(Permission.DAY)
def site(context: Ctx, caller: Who, site: str, jour: str | None = None) -> HTMLResponse:
    """Show one day of a site, today when none is named."""
    try:
        day = _read(jour) if jour else None
    except ValueError:
        return problems.unreadable_day(site)
    try:
        return _day(context, caller, site, day)
    except NotFound:
        return problems.unknown_site(site)
    except RetryLater:
        return problems.later()


def _read(jour: str) -> date:
    """Read a day as addresses carry it; raises `ValueError`."""
    day = date.fromisoformat(jour)
    if not _DAYS[0] <= day <= _DAYS[1]:
        raise ValueError(jour)
    return day


def _live(context: Context, site: str) -> str:
    return button(cost(len(context.ledger.presence(site).latest or {})))


def _day(context: Context, caller: Caller, site: str, day: date | None) -> HTMLResponse:
    now_ms = context.now_ms()
    answer = day_answer.day_of(context.ledger, context.store, site=site, day=day, now_ms=now_ms)
    if answer.start_at > utc(now_ms):
        return problems.future_day(site, answer.day)
    clock = clock_words(clock_answer.clock(context.ledger, context.store, site=site, now_ms=now_ms))
    shown = site_view(answer.site, utc(now_ms))
    live = _live(context, site) if caller.may(Permission.LIVE, site) else None
    technical = caller.may(Permission.TECHNICAL, site)
    return page(
        "site.html", caller=caller, site=shown, view=day_view(answer), clock=clock, live=live, technical=technical
    )
