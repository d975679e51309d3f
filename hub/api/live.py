"""The live view of a site: asking for it costs the site bytes, reading it does not."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.access.roles import Permission
from hub.answers import live
from hub.answers.live import LiveAnswer
from hub.api import examples
from hub.api.examples import answer
from hub.api.parameters import SiteName
from hub.api.problems import responses
from hub.context import Ctx
from hub.guard import Guarded, needs

router = APIRouter(route_class=Guarded, prefix="/api/v1/sites", tags=["live"])
_ANSWERS = responses(404, 422, 503)
_EXAMPLE = answer(examples.LIVE, csv=False)


class LiveRequest(BaseModel):
    """For how long live values are wanted."""

    minutes: int = Field(5, ge=1, le=live.MINUTES_MAX, examples=[5])


@router.post(
    "/{site}/live",
    status_code=HTTPStatus.ACCEPTED,
    response_model=LiveAnswer,
    responses={**_ANSWERS, HTTPStatus.ACCEPTED.value: _EXAMPLE[200]},
)
@needs(Permission.LIVE)
def ask_live(context: Ctx, site: SiteName, wanted: LiveRequest) -> LiveAnswer:
    """Ask a site for live values; it answers within seconds if it is connected and its budget allows.

    The site spends bytes on it, at most half a day's budget a day.
    """
    return live.ask(context.ledger, site, wanted.minutes, context.now_ms())


@router.get("/{site}/live", response_model=LiveAnswer, responses={**_ANSWERS, **_EXAMPLE})
@needs(Permission.LIVE)
def live_of(context: Ctx, site: SiteName) -> LiveAnswer:
    """Tell how the live view of a site stands, with its newest values."""
    return live.live_of(context.ledger, site, context.now_ms())
