"""The live page of a site: a plain form asks, a page that comes again by itself shows. No JavaScript."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.access.roles import Permission
from hub.answers import live as live_answer
from hub.answers.times import utc
from hub.context import Ctx
from hub.errors import NotFound, RetryLater
from hub.guard import FormKey, Guarded, Who, check_form, needs
from hub.pages import problems
from hub.pages.html import page
from hub.pages.live_view import MINUTES, live_view

router = APIRouter(route_class=Guarded, include_in_schema=False, default_response_class=HTMLResponse)


@router.post("/sites/{site}/direct")
@needs(Permission.LIVE)
def ask(context: Ctx, request: Request, site: str, cle: FormKey = "") -> Response:
    """Ask for a live view and lead to it; another site's page cannot ask in a visitor's name."""
    check_form(request, cle)
    try:
        live_answer.ask(context.ledger, site, MINUTES, context.now_ms())
    except NotFound:
        return problems.unknown_site(site)
    except RetryLater:
        return problems.later()
    return RedirectResponse(f"/sites/{site}/direct", HTTPStatus.SEE_OTHER)


@router.get("/sites/{site}/direct")
@needs(Permission.LIVE)
def show(context: Ctx, caller: Who, site: str, fixe: str | None = None) -> HTMLResponse:
    """Show how the live view stands; the page comes again by itself until it has ended, or until told to stay."""
    now_ms = context.now_ms()
    try:
        answer = live_answer.live_of(context.ledger, site, now_ms)
    except NotFound:
        return problems.unknown_site(site)
    except RetryLater:
        return problems.later()
    view = live_view(answer, utc(now_ms))
    response = page("live.html", caller=caller, view=view, fixed=fixe is not None)
    if view.refresh_s is not None and fixe is None:
        response.headers["Refresh"] = str(view.refresh_s)
    return response
