"""Where a site swaps its one-time token for a device key; the token is its permission."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from hub.access.roles import Permission
from hub.api.examples import KEY, SITE, TOKEN
from hub.api.problems import problem, responses
from hub.context import Ctx
from hub.enrolment import EnrolmentRefused
from hub.enrolment_store import Offer
from hub.guard import Guarded, needs

router = APIRouter(route_class=Guarded, prefix="/api/v1/enrolments", tags=["enrolment"])
_FORBIDDEN = 403


class Enrolment(BaseModel):
    """A site's token and the key that it made."""

    site: str = Field(pattern="^[a-z0-9-]{1,32}$", examples=[SITE["site"]])
    token: str = Field(min_length=16, max_length=128, examples=[TOKEN])
    key: str = Field(pattern="^[0-9a-f]{64}$", examples=[KEY])


class Enrolled(BaseModel):
    """The hub has the key, and keeps it."""

    site: str = Field(examples=[SITE["site"]])
    enrolled: Literal[True] = True


@router.post("", response_model=Enrolled, responses=responses(403, 422, 503))
@needs(Permission.PUBLIC)
def enrol(context: Ctx, request: Request, offered: Enrolment) -> Enrolled | JSONResponse:
    """Take the device key of a site for its one-time token: with this key as often as it comes, with no other."""
    offer = Offer(offered.site, offered.token, bytes.fromhex(offered.key))
    try:
        context.ledger.enrol(offer, context.now_ms())
    except EnrolmentRefused as error:
        return problem(request, _FORBIDDEN, str(error))
    return Enrolled(site=offered.site)
