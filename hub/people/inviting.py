"""Inviting people, letting them join, and looking after their accounts; each act inside the own scope only."""

from __future__ import annotations

from collections.abc import Sequence

from hub.access.audit import Act
from hub.access.people import INVITATION_MS, Account, Invitation
from hub.access.roles import Grant, Level, Role, Scope, may_grant
from hub.access.secrets import NAME_LEAST, NAME_MOST, digest, name_key, needs_passphrase
from hub.errors import BadRequest, HubError, NotFound
from hub.people.caller import Caller
from hub.people.ports import Door
from hub.people.signing import hashed_secret

OPERATOR = Caller("kayasol-hub", 0, (Grant(Role.ADMINISTRATOR, Scope(Level.HUB)),))
"""Whoever may run commands on the hub's own machine may do everything there."""


class Forbidden(HubError):
    """The caller is known, and may not do this."""


class NameTaken(HubError):
    """Somebody else has this name."""


def may_look_after(door: Door, caller: Caller, grant: Grant) -> bool:
    """Say whether a caller may give or take a grant."""
    places = door.store.places()
    return may_grant(caller.grants, grant, places.get(grant.scope))


def invite(door: Door, caller: Caller, grants: Sequence[Grant], now_ms: int) -> str:
    """Make a link that lets somebody join with these grants; returns its key. Raises `Forbidden` or `BadRequest`."""
    if not grants:
        raise BadRequest("an invitation needs at least one role")
    for grant in grants:
        _check(door, caller, grant)
    key = door.new_key()
    invitation = Invitation(tuple(grants), None, caller.name, now_ms + INVITATION_MS)
    told = {f"role {number}": text(grant) for number, grant in enumerate(grants, 1)}
    door.store.add_invitation(digest(key), invitation, Act(now_ms, caller.name, "invited", "somebody new", told))
    return key


def reset(door: Door, caller: Caller, account: int, now_ms: int) -> str:
    """Make a link that lets a person choose a new secret; returns its key. Raises `Forbidden` or `NotFound`."""
    whom = _looked_after(door, caller, account)
    key = door.new_key()
    invitation = Invitation(whom.grants, whom.account, caller.name, now_ms + INVITATION_MS)
    door.store.add_invitation(digest(key), invitation, Act(now_ms, caller.name, "made a new link for", whom.name))
    return key


def invitation(door: Door, key: str, now_ms: int) -> tuple[Invitation, Account | None]:
    """Read a link, and whose it is if it is for somebody known; raises `NotFound` when it is used, old or none."""
    found = door.store.invitation(digest(key))
    whom = None if found is None or found.account is None else door.store.account(found.account)
    if found is None or not found.holds(now_ms) or (found.account is not None and whom is None):
        raise NotFound("this link has been used, is too old, or was never made")
    return found, whom


def join(door: Door, key: str, name: str, secret: str, now_ms: int) -> tuple[int, str]:
    """Use a link: choose name and secret; returns the account and its name.

    Raises `NotFound`, `NameTaken`, `WeakSecret` or `BadRequest`.
    """
    found, whom = invitation(door, key, now_ms)
    name = whom.name if whom is not None else " ".join(name.split())
    if not len(name_key(name)) >= NAME_LEAST or len(name) > NAME_MOST:
        raise BadRequest(f"a name has {NAME_LEAST} to {NAME_MOST} letters or digits")
    if whom is None and door.store.account_named(name_key(name)) is not None:
        raise NameTaken(f"there is a {name!r} already")
    hashed = hashed_secret(door, name, secret, passphrase=needs_passphrase(found.grants))
    account = door.store.join(digest(key), name, hashed, now_ms)
    if account is None:
        raise NotFound("this link has just been used")
    return account, name


def grant(door: Door, caller: Caller, account: int, wanted: Grant, now_ms: int) -> None:
    """Give somebody a role; raises `Forbidden` or `NotFound`."""
    _check(door, caller, wanted)
    whom = door.store.account(account)
    if whom is None:
        raise NotFound("there is no such account")
    act = Act(now_ms, caller.name, "gave a role", whom.name, {"role": text(wanted)})
    door.store.set_grants(account, [*whom.grants, wanted], act)


def revoke(door: Door, caller: Caller, account: int, gone: Grant, now_ms: int) -> None:
    """Take a role from somebody; raises `Forbidden` or `NotFound`."""
    _check(door, caller, gone)
    whom = door.store.account(account)
    if whom is None or gone not in whom.grants:
        raise NotFound("there is no such account, or it has no such role")
    act = Act(now_ms, caller.name, "took a role", whom.name, {"role": text(gone)})
    door.store.set_grants(account, [one for one in whom.grants if one != gone], act)


def close(door: Door, caller: Caller, account: int, now_ms: int) -> None:
    """Close an account; raises `Forbidden` or `NotFound`."""
    whom = _looked_after(door, caller, account)
    door.store.close_account(account, Act(now_ms, caller.name, "closed the account of", whom.name))


def people(door: Door, caller: Caller) -> list[Account]:
    """List the accounts that a caller looks after: those with a grant inside the own scope."""
    places = door.store.places()
    return [
        account
        for account in door.store.accounts()
        if any(may_grant(caller.grants, one, places.get(one.scope)) for one in account.grants)
    ]


def text(grant: Grant) -> str:
    """Write a grant as the record has it."""
    return f"{grant.role} of {grant.scope.level} {grant.scope.name}".rstrip()


def _check(door: Door, caller: Caller, wanted: Grant) -> None:
    if not may_look_after(door, caller, wanted):
        raise Forbidden(f"you may not give or take the role {text(wanted)}")


def _looked_after(door: Door, caller: Caller, account: int) -> Account:
    """Look up somebody all of whose roles lie inside the caller's scope: who resets a secret could sign in as them."""
    whom = door.store.account(account)
    if whom is None:
        raise NotFound("there is no such account")
    for one in whom.grants:
        _check(door, caller, one)
    return whom
