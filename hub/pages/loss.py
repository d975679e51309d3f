"""The technician's page of missing data."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hub.access.roles import Permission
from hub.answers import sites as sites_answer
from hub.answers.loss import loss
from hub.answers.times import utc
from hub.context import Ctx
from hub.errors import NotFound, RetryLater
from hub.guard import Guarded, Who, needs
from hub.pages import problems
from hub.pages.html import page
from hub.pages.loss_view import loss_view
from hub.pages.views import site_view

router = APIRouter(route_class=Guarded, include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/sites/{site}/pertes")
@needs(Permission.TECHNICAL)
def missing(context: Ctx, caller: Who, site: str) -> HTMLResponse:
    """Show what is missing of a site's data, why, and what to do."""
    now_ms = context.now_ms()
    try:
        described = sites_answer.one_site(context.ledger, site, now_ms)
        answer = loss(context.ledger, site)
    except NotFound:
        return problems.unknown_site(site)
    except RetryLater:
        return problems.later()
    view = loss_view(answer, described, utc(now_ms))
    return page("loss.html", caller=caller, site=site_view(described, utc(now_ms)), view=view)
