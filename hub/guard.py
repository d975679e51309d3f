"""The guard at every route: who asks, whether they may, and whether a form is ours.

A route says what it needs with `needs`; one that does not cannot be made. The guard comes before anything of the
request is read.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from hub.access.roles import Permission
from hub.access.secrets import form_key, same
from hub.context import Context
from hub.errors import HubError, NotFound
from hub.people.caller import NOBODY, Caller
from hub.people.inviting import Forbidden
from hub.people.signing import signed_in
from hub.people.tokens import bearer

_NEEDS = "needs"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM_COOKIE = "kayasol-form"
_BEARER = "Bearer "

FormKey = Annotated[str, Form()]
"""What a form brings back, in the field `cle`."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class SignInNeeded(HubError):
    """Nobody is signed in, or no longer."""


class ForeignForm(HubError):
    """The request was made by a page that is not ours, or by one of ours that is too old."""


def needs(permission: Permission) -> Callable[[Endpoint], Endpoint]:
    """Declare what a route needs; a site in its path is the one that it is needed for."""

    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _NEEDS, permission)
        return endpoint

    return declare


class Guarded(APIRoute):
    """A route that admits only whom it may."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401  FastAPI's own
        declared = getattr(endpoint, _NEEDS, None)
        if declared is None:
            raise TypeError(f"{path}: the route does not say what it needs; see hub/guard.py")
        self.permission: Permission = declared
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute.get_route_handler`."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            await run_in_threadpool(admit, request, self.permission)
            return await handler(request)

        return guarded


def refuse_unguarded(router: APIRouter) -> None:
    """Raise `TypeError` for a router with a route that is not guarded."""
    for route in router.routes:
        if not isinstance(route, Guarded):
            raise TypeError(f"{route}: routers are made with route_class=Guarded; see hub/guard.py")


def admit(request: Request, permission: Permission) -> None:
    """Let a request pass or raise `SignInNeeded`, `Forbidden`, `ForeignForm` or `NotFound`.

    A site that the caller may not know of is not there.
    """
    caller = who(request) if permission is not Permission.PUBLIC else NOBODY
    if request.method not in _READS:
        _check_origin(request)
    site = request.path_params.get("site")
    if caller.may(permission, site):
        return
    if not caller.known:
        raise SignInNeeded("sign in first")
    if site is not None and not caller.sees(site):
        raise NotFound(f"there is no site {site!r} here")
    raise Forbidden("your role does not include this")


def who(request: Request) -> Caller:
    """Tell who asks; a token that means nothing is nobody, whatever cookie came with it."""
    known = getattr(request.state, "caller", None)
    if known is None:
        known = request.state.caller = _look(request)
    return cast("Caller", known)


Who = Annotated[Caller, Depends(who)]


def cookie_name(context: Context) -> str:
    """Name the cookie of a sign-in; browsers keep `__Host-` for those that only this host can have set, over TLS."""
    return "__Host-kayasol" if context.secure else "kayasol"


def set_cookie(context: Context, response: Response, key: str, seconds: int) -> None:
    """Give a browser the key of a sign-in; `seconds` 0 takes it away."""
    response.set_cookie(
        cookie_name(context), key, max_age=seconds, path="/", secure=context.secure, httponly=True, samesite="lax"
    )


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is not signed in, and opens a form; a cookie ties it to the browser that opened it."""

    cookie: str
    secure: bool

    @property
    def form_key(self) -> str:
        """Give what the form must bring back."""
        return form_key(self.cookie)

    def mark(self, response: Response) -> None:
        """Give the browser the cookie along with the form."""
        response.set_cookie(_FORM_COOKIE, self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")


def anonymous(request: Request) -> Visit:
    """Begin or go on with a visit."""
    context = cast("Context", request.app.state.context)
    return Visit(request.cookies.get(_FORM_COOKIE) or token_urlsafe(), context.secure)


def check_form(request: Request, brought: str, *, anonymous_only: bool = False) -> None:
    """Raise `ForeignForm` unless the form brings back what it was given; at the door that is the visit's key."""
    caller = NOBODY if anonymous_only else who(request)
    known = caller.key if caller.key is not None else request.cookies.get(_FORM_COOKIE)
    if known is None or not same(brought, form_key(known)):
        raise ForeignForm("the form is not one of ours, or was opened before you signed in: open it again")


def _look(request: Request) -> Caller:
    context = cast("Context", request.app.state.context)
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        if not authorization.startswith(_BEARER):
            return NOBODY
        return bearer(context.door, authorization.removeprefix(_BEARER).strip(), context.now_ms())
    key = request.cookies.get(cookie_name(context))
    return NOBODY if key is None else signed_in(context.door, key, context.now_ms())


def _check_origin(request: Request) -> None:
    """Refuse what another site's page sends with the cookies of a visitor; a program with a token has none."""
    if "Authorization" in request.headers:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    elif origin is not None:
        ours = _place_of(origin) == request.headers.get("Host")
    else:
        # A browser too old for either; its forms carry a key, and what has none comes with a type that needs asking.
        ours = not request.headers.get("Content-Type", "").startswith("text/plain")
    if not ours:
        raise ForeignForm("the request comes from a page that is not ours; nothing was done")


def _place_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
