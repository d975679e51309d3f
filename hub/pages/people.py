"""The people of a scope: inviting them, giving and taking roles, a new link, closing an account."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from hub.access.people import Account
from hub.access.roles import LEVELS, Grant, Level, Permission, Role, Scope, may_grant
from hub.context import Context, Ctx
from hub.errors import NotFound
from hub.guard import FormKey, Guarded, Who, check_form, needs
from hub.pages import door_words, problems
from hub.pages.account import Choice
from hub.pages.french import typeset
from hub.pages.html import page
from hub.people import inviting
from hub.people.caller import Caller

router = APIRouter(route_class=Guarded, include_in_schema=False, default_response_class=HTMLResponse)

RoleField = Annotated[str, Form(max_length=80)]


@router.get("/personnes")
@needs(Permission.PEOPLE)
def people(context: Ctx, caller: Who) -> HTMLResponse:
    """List the people whom the reader looks after."""
    names = context.door.store.names()
    listed = [
        {"number": one.account, "name": one.name, "roles": door_words.roles(one, names)}
        for one in inviting.people(context.door, caller)
    ]
    return page("people.html", caller=caller, people=listed, choices=_choices(context, caller))


@router.post("/personnes/inviter")
@needs(Permission.PEOPLE)
def invite(context: Ctx, request: Request, caller: Who, role: RoleField, cle: FormKey = "") -> HTMLResponse:
    """Make a link that invites, and show it, this once."""
    check_form(request, cle)
    try:
        grant = door_words.chosen(role)
    except ValueError:
        return problems.not_yours()
    key = inviting.invite(context.door, caller, [grant], context.now_ms())
    sentence = f"Il invite quelqu'un : {door_words.role(grant, context.door.store.names())}."
    return _link(context, request, caller, key, sentence)


@router.get("/personnes/{number}")
@needs(Permission.PEOPLE)
def person(context: Ctx, caller: Who, number: int) -> HTMLResponse:
    """Show one person and what may be changed."""
    whom = _whom(context, caller, number)
    if whom is None:
        return problems.unknown_person()
    names, places = context.door.store.names(), context.door.store.places()
    mine = {grant: may_grant(caller.grants, grant, places.get(grant.scope)) for grant in whom.grants}
    held = [Choice(door_words.choice(g) if m else "", door_words.role(g, names)) for g, m in mine.items()]
    return page(
        "person.html",
        caller=caller,
        person=whom,
        href=f"/personnes/{number}",
        held=held,
        whole=all(mine.values()),
        choices=_choices(context, caller),
    )


@router.post("/personnes/{number}/donner")
@needs(Permission.PEOPLE)
def give(context: Ctx, request: Request, caller: Who, number: int, role: RoleField, cle: FormKey = "") -> Response:
    """Give a role."""
    return _change(context, request, caller, number, role, cle, give=True)


@router.post("/personnes/{number}/retirer")
@needs(Permission.PEOPLE)
def take(context: Ctx, request: Request, caller: Who, number: int, role: RoleField, cle: FormKey = "") -> Response:
    """Take a role."""
    return _change(context, request, caller, number, role, cle, give=False)


@router.post("/personnes/{number}/lien")
@needs(Permission.PEOPLE)
def reset(context: Ctx, request: Request, caller: Who, number: int, cle: FormKey = "") -> HTMLResponse:
    """Make a link to choose a new secret with, and show it, this once."""
    check_form(request, cle)
    whom = _whom(context, caller, number)
    if whom is None:
        return problems.unknown_person()
    key = inviting.reset(context.door, caller, number, context.now_ms())
    return _link(context, request, caller, key, f"Il laisse {whom.name} choisir un nouveau code.")


@router.post("/personnes/{number}/fermer")
@needs(Permission.PEOPLE)
def close(context: Ctx, request: Request, caller: Who, number: int, cle: FormKey = "") -> Response:
    """Close an account."""
    check_form(request, cle)
    if _whom(context, caller, number) is None:
        return problems.unknown_person()
    inviting.close(context.door, caller, number, context.now_ms())
    return RedirectResponse("/personnes", HTTPStatus.SEE_OTHER)


def _change(  # noqa: PLR0913  the fields of a form
    context: Context, request: Request, caller: Caller, number: int, role: str, cle: str, *, give: bool
) -> Response:
    check_form(request, cle)
    if _whom(context, caller, number) is None:
        return problems.unknown_person()
    try:
        wanted = door_words.chosen(role)
        act = inviting.grant if give else inviting.revoke
        act(context.door, caller, number, wanted, context.now_ms())
    except (ValueError, NotFound):
        return problems.unknown_person()
    gone = _whom(context, caller, number) is None
    return RedirectResponse("/personnes" if gone else f"/personnes/{number}", HTTPStatus.SEE_OTHER)


def _whom(context: Context, caller: Caller, number: int) -> Account | None:
    """Look up one of the people whom the caller looks after."""
    return next((one for one in inviting.people(context.door, caller) if one.account == number), None)


def _choices(context: Context, caller: Caller) -> list[Choice]:
    """List every role in every place that the caller may give."""
    names, places = context.door.store.names(), context.door.store.places()
    scopes = [Scope(Level.HUB), *sorted(places, key=lambda scope: (scope.level, names.get(scope, "")))]
    grants = [Grant(role, scope) for scope in scopes for role in Role if scope.level in LEVELS[role]]
    return [
        Choice(door_words.choice(grant), door_words.role(grant, names))
        for grant in grants
        if may_grant(caller.grants, grant, places.get(grant.scope))
    ]


def _link(context: Context, request: Request, caller: Caller, key: str, sentence: str) -> HTMLResponse:
    base = context.public_url or str(request.base_url).rstrip("/")
    link = f"{base}/invitation/{key}"
    qr = segno.make(link, error="m").svg_inline(scale=5, border=2, omitsize=True)
    drawn = Markup(qr)  # noqa: S704  segno draws squares, nothing else
    return page("link.html", caller=caller, sentence=typeset(sentence), link=link, qr=drawn)
