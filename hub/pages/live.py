"""The live page of a site: a plain form asks, a page that comes again by itself shows. No JavaScript."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.answers import live as live_answer
from hub.answers.times import utc
from hub.context import Ctx
from hub.errors import NotFound, RetryLater
from hub.pages import problems
from hub.pages.html import page
from hub.pages.live_view import MINUTES, live_view

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_OURS = (None, "same-origin", "none")


@router.post("/sites/{site}/direct")
def ask(context: Ctx, request: Request, site: str) -> Response:
    """Ask for a live view and lead to it; another site's page cannot ask in a visitor's name."""
    if request.headers.get("Sec-Fetch-Site") not in _OURS:
        return problems.foreign_form(site)
    try:
        live_answer.ask(context.ledger, site, MINUTES, context.now_ms())
    except NotFound:
        return problems.unknown_site(site)
    except RetryLater:
        return problems.later()
    return RedirectResponse(f"/sites/{site}/direct", HTTPStatus.SEE_OTHER)


@router.get("/sites/{site}/direct")
def show(context: Ctx, site: str, fixe: str | None = None) -> HTMLResponse:
    """Show how the live view stands; the page comes again by itself until it has ended, or until told to stay."""
    now_ms = context.now_ms()
    try:
        answer = live_answer.live_of(context.ledger, site, now_ms)
    except NotFound:
        return problems.unknown_site(site)
    except RetryLater:
        return problems.later()
    view = live_view(answer, utc(now_ms))
    response = page("live.html", view=view, fixed=fixe is not None)
    if view.refresh_s is not None and fixe is None:
        response.headers["Refresh"] = str(view.refresh_s)
    return response
