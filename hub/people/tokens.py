"""Tokens that programs carry in the name of a person: one role in one scope, for a while, shown once."""

from __future__ import annotations

from hub.access.audit import Act
from hub.access.people import DAY_MS, SEEN_EVERY_MS, TOKEN_DAYS_MOST, Token
from hub.access.roles import Grant, narrowed
from hub.access.secrets import NAME_MOST, digest
from hub.errors import BadRequest, NotFound
from hub.people.caller import NOBODY, Caller, caller_of
from hub.people.inviting import Forbidden, text
from hub.people.ports import Door

PREFIX = "kayasol_"
"""How every token begins, so that one that strays into a file is recognised."""

_MOST = 200


def make(door: Door, caller: Caller, name: str, grant: Grant, days: int, now_ms: int) -> str:
    """Make a token; returns it, which is the only time that it can be seen. Raises `Forbidden` or `BadRequest`."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_MOST:
        raise BadRequest(f"a token has a name of 1 to {NAME_MOST} characters, to know it by")
    if not 1 <= days <= TOKEN_DAYS_MOST:
        raise BadRequest(f"a token is valid for 1 to {TOKEN_DAYS_MOST} days")
    if caller.account is None or not narrowed(caller.grants, grant, door.store.places().get(grant.scope)):
        raise Forbidden(f"you do not have the role {text(grant)} yourself")
    key = PREFIX + door.new_key()
    token = Token(0, caller.account, name, grant, now_ms, now_ms + days * DAY_MS)
    told = {"role": text(grant), "days": str(days)}
    door.store.add_token(digest(key), token, Act(now_ms, caller.name, "made a token", name, told))
    return key


def bearer(door: Door, key: str, now_ms: int) -> Caller:
    """Tell in whose name a program asks, with no more than the token gives and the person still has."""
    if not key.startswith(PREFIX) or len(key) > _MOST:
        return NOBODY
    token = door.store.token(digest(key))
    account = None if token is None else door.store.account(token.account)
    if token is None or account is None or not token.holds(now_ms):
        return NOBODY
    places = door.store.places()
    if not narrowed(account.grants, token.grant, places.get(token.grant.scope)):
        return NOBODY
    if token.seen_ms is None or now_ms - token.seen_ms >= SEEN_EVERY_MS:
        door.store.touch_token(token.token, now_ms)
    return caller_of(account, (token.grant,), places)


def end(door: Door, caller: Caller, token: int, now_ms: int) -> None:
    """End one of one's own tokens; raises `NotFound`."""
    act = Act(now_ms, caller.name, "ended a token", str(token))
    if caller.account is None or not door.store.end_token(caller.account, token, act):
        raise NotFound("you have no such token")
