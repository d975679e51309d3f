"""One's own account: where one is signed in, the secret, tokens for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.access.people import SignIn, Token
from hub.access.roles import Permission, Scope
from hub.access.secrets import needs_passphrase
from hub.answers.times import utc
from hub.context import Context, Ctx
from hub.errors import BadRequest, NotFound
from hub.guard import FormKey, Guarded, Who, check_form, needs, set_cookie
from hub.pages import door_words, french
from hub.pages.door import ZONE, Text
from hub.pages.html import page
from hub.people import signing, tokens
from hub.people.caller import Caller
from hub.people.signing import WeakSecret, WrongSecret

router = APIRouter(route_class=Guarded, include_in_schema=False, default_response_class=HTMLResponse)

Days = Annotated[int, Form(ge=1, le=366)]


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list to choose from, or of what somebody has."""

    value: str
    words: str


@router.get("/compte")
@needs(Permission.SIGNED_IN)
def account(context: Ctx, caller: Who) -> HTMLResponse:
    """Show one's own account."""
    return _account(context, caller)


@router.post("/compte/partout")
@needs(Permission.SIGNED_IN)
def leave_everywhere(context: Ctx, request: Request, caller: Who, cle: FormKey = "") -> Response:
    """Sign out on every phone."""
    check_form(request, cle)
    signing.sign_out(context.door, caller, context.now_ms(), everywhere=True)
    return _out(context)


@router.post("/compte/code")
@needs(Permission.SIGNED_IN)
def change(  # noqa: PLR0913, PLR0917  the fields of a form
    context: Ctx, request: Request, caller: Who, ancien: Text, code: Text, encore: Text, cle: FormKey = ""
) -> Response:
    """Change one's own secret, which signs out everywhere."""
    check_form(request, cle)
    if code != encore:
        return _account(context, caller, said="Les deux nouveaux codes ne sont pas les mêmes.")
    try:
        signing.change_secret(context.door, caller, ancien, code, context.now_ms())
    except WrongSecret:
        return _account(context, caller, said="Le code actuel n'est pas celui-là.")
    except WeakSecret as weak:
        return _account(context, caller, said=door_words.weak(weak.weakness))
    return _out(context)


@router.post("/compte/jetons")
@needs(Permission.SIGNED_IN)
def make_token(  # noqa: PLR0913, PLR0917  likewise
    context: Ctx, request: Request, caller: Who, titre: Text, role: Text, jours: Days, cle: FormKey = ""
) -> HTMLResponse:
    """Make a token and show it, this once."""
    check_form(request, cle)
    try:
        token = tokens.make(context.door, caller, titre, door_words.chosen(role), jours, context.now_ms())
    except (ValueError, BadRequest):
        return _account(context, caller, said="Un jeton a un titre court, un de vos rôles, et 1 à 366 jours.")
    return _account(context, caller, token=token)


@router.post("/compte/jetons/{number}/fin")
@needs(Permission.SIGNED_IN)
def end_token(context: Ctx, request: Request, caller: Who, number: int, cle: FormKey = "") -> Response:
    """End a token."""
    check_form(request, cle)
    try:
        tokens.end(context.door, caller, number, context.now_ms())
    except NotFound:
        return _account(context, caller, said="Vous n'avez pas ou plus ce jeton.")
    return RedirectResponse("/compte", HTTPStatus.SEE_OTHER)


def _account(context: Context, caller: Caller, *, said: str = "", token: str = "") -> HTMLResponse:
    now, number, store = utc(context.now_ms()), caller.account or 0, context.door.store
    names = store.names()
    return page(
        "account.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if said else HTTPStatus.OK,
        caller=caller,
        said=french.typeset(said),
        token=token,
        roles=[door_words.role(grant, names) for grant in caller.grants],
        asked=door_words.asked(passphrase=needs_passphrase(caller.grants)),
        devices=[_device(one, now) for one in store.sign_ins(number)],
        tokens=[Choice(str(one.token), _token(one, names, now)) for one in store.tokens(number)],
        choices=[Choice(door_words.choice(grant), door_words.role(grant, names)) for grant in caller.grants],
    )


def _device(one: SignIn, now: datetime) -> str:
    since = french.moment(utc(one.made_ms).astimezone(ZONE), now)
    return french.typeset(f"{door_words.device(one.device)}, depuis le {since}, vu {french.age(utc(one.seen_ms), now)}")


def _token(one: Token, names: Mapping[Scope, str], now: datetime) -> str:
    until = french.moment(utc(one.expires_ms).astimezone(ZONE), now)
    used = "jamais utilisé" if one.seen_ms is None else f"utilisé {french.age(utc(one.seen_ms), now)}"
    return french.typeset(f"{one.name} : {door_words.role(one.grant, names)}, jusqu'au {until}, {used}")


def _out(context: Context) -> Response:
    response = RedirectResponse("/connexion", HTTPStatus.SEE_OTHER)
    set_cookie(context, response, "", 0)
    return response
