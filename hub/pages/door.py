"""The pages at the door: signing in and out, and the link that invites. All work without JavaScript."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.access.people import Invitation, limits
from hub.access.roles import Permission
from hub.access.secrets import needs_passphrase
from hub.answers.times import utc
from hub.context import Context, Ctx
from hub.errors import BadRequest, NotFound
from hub.guard import FormKey, Guarded, Who, anonymous, check_form, needs, set_cookie
from hub.pages import door_words, problems
from hub.pages.html import page
from hub.people import inviting, signing
from hub.people.inviting import NameTaken
from hub.people.signing import MustWait, WeakSecret, WrongSecret

router = APIRouter(route_class=Guarded, include_in_schema=False, default_response_class=HTMLResponse)
ZONE = ZoneInfo("Africa/Ouagadougou")
"""Whose clock the pages show that belong to no site."""

Text = Annotated[str, Form(max_length=300)]


@router.get("/connexion")
@needs(Permission.PUBLIC)
def door(request: Request, vers: str = "/") -> HTMLResponse:
    """Show the door."""
    return _door(request, vers)


@router.post("/connexion")
@needs(Permission.PUBLIC)
def enter(context: Ctx, request: Request, nom: Text, code: Text, vers: Text = "/", cle: FormKey = "") -> Response:
    """Sign in, and go on to where somebody wanted to go."""
    check_form(request, cle, anonymous_only=True)
    now_ms = context.now_ms()
    device = request.headers.get("User-Agent", "")
    try:
        key = signing.sign_in(context.door, nom, code, device, now_ms)
    except WrongSecret:
        return _door(request, vers, name=nom, said=door_words.wrong(), status=HTTPStatus.FORBIDDEN)
    except MustWait as wait:
        said = door_words.wait(utc(wait.until_ms).astimezone(ZONE), utc(now_ms))
        return _door(request, vers, name=nom, said=said, status=HTTPStatus.TOO_MANY_REQUESTS)
    return _let_in(context, key, vers)


@router.post("/deconnexion")
@needs(Permission.SIGNED_IN)
def leave(context: Ctx, request: Request, caller: Who, cle: FormKey = "") -> Response:
    """Sign out, and have the browser forget what it kept."""
    check_form(request, cle)
    signing.sign_out(context.door, caller, context.now_ms())
    response = RedirectResponse("/connexion", HTTPStatus.SEE_OTHER)
    set_cookie(context, response, "", 0)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/invitation/{key}")
@needs(Permission.PUBLIC)
def invited(context: Ctx, request: Request, key: str) -> HTMLResponse:
    """Welcome somebody who was invited."""
    return _invited(context, request, key)


@router.post("/invitation/{key}")
@needs(Permission.PUBLIC)
def join(context: Ctx, request: Request, key: str, nom: Text, code: Text, encore: Text, cle: FormKey = "") -> Response:  # noqa: PLR0913, PLR0917
    """Let somebody join who was invited."""
    check_form(request, cle, anonymous_only=True)
    said = "Les deux codes ne sont pas les mêmes." if code != encore else None
    try:
        if said is None:
            account, name = inviting.join(context.door, key, nom, code, context.now_ms())
            device = request.headers.get("User-Agent", "")
            return _let_in(context, signing.begin(context.door, account, name, device, context.now_ms()), "/")
    except WeakSecret as weak:
        said = door_words.weak(weak.weakness)
    except NameTaken:
        said = "Quelqu'un porte déjà ce nom ici. Ajoutez une initiale ou le nom du village."
    except BadRequest:
        said = "Un nom a de 2 à 40 lettres."
    except NotFound:
        return problems.used_link()
    return _invited(context, request, key, name=nom, said=said)


def _door(
    request: Request, goal: str, *, name: str = "", said: str = "", status: HTTPStatus = HTTPStatus.OK
) -> HTMLResponse:
    visit = anonymous(request)
    response = page("signin.html", status=status, key=visit.form_key, goal=local(goal), name=name, said=said)
    visit.mark(response)
    return response


def _invited(context: Context, request: Request, key: str, *, name: str = "", said: str = "") -> HTMLResponse:
    try:
        found, whom = inviting.invitation(context.door, key, context.now_ms())
    except NotFound:
        return problems.used_link()
    visit = anonymous(request)
    response = page(
        "invitation.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if said else HTTPStatus.OK,
        key=visit.form_key,
        invited_by=found.made_by,
        roles=_roles(context, found),
        known=None if whom is None else whom.name,
        name=name,
        asked=door_words.asked(passphrase=needs_passphrase(found.grants)),
        said=said,
    )
    visit.mark(response)
    return response


def _roles(context: Context, found: Invitation) -> list[str]:
    names = context.door.store.names()
    return [door_words.role(grant, names) for grant in found.grants]


def _let_in(context: Context, key: str, goal: str) -> Response:
    caller = signing.signed_in(context.door, key, context.now_ms())
    response = RedirectResponse(local(goal), HTTPStatus.SEE_OTHER)
    set_cookie(context, response, key, limits(caller.grants).whole_ms // 1000)
    return response


def local(goal: str) -> str:
    """Give a way inside this site; what leads elsewhere, or nowhere, leads home."""
    plain = goal.isascii() and goal.isprintable() and "\\" not in goal
    return goal if plain and goal.startswith("/") and not goal.startswith("//") else "/"
