"""A sign-in and a token for every role of the demo; both are made anew at every start."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hub.access.roles import Grant, Level, Role, Scope
from hub.io.door import door_of
from hub.io.ledger import SqlLedger
from hub.people import inviting, tokens
from hub.people.caller import caller_of
from hub.people.inviting import OPERATOR

TOKENS = "tokens.json"
TOKEN_DAYS = 30
_PIN_DIGITS = 8


@dataclass(frozen=True, slots=True)
class SignIn:
    """Name and secret of one role, and what it sees."""

    name: str
    secret: str
    sees: str


def add_people(database: str, directory: Path, site: str, commune: str, now_ms: int) -> list[SignIn]:
    """Add somebody for every role, and leave a token for each in `tokens.json`."""
    with closing(SqlLedger(database)) as ledger:
        door = door_of(ledger)
        programme = door.store.places()[Scope(Level.COMMUNE, commune)].programme
        made, kept = [], {}
        for name, grant, sees in _roles(site, commune, programme):
            secret = (
                _pin() if grant.role in (Role.ASSOCIATION, Role.COMMUNE, Role.PARTNER) else secrets.token_urlsafe(12)
            )
            link = inviting.invite(door, OPERATOR, [grant], now_ms)
            number, _ = inviting.join(door, link, name, secret, now_ms)
            account = door.store.account(number)
            assert account is not None  # noqa: S101  it has just been made
            caller = caller_of(account, account.grants, door.store.places())
            kept[name] = tokens.make(door, caller, "demo", grant, TOKEN_DAYS, now_ms)
            made.append(SignIn(name, secret, sees))
    path = directory / TOKENS
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept, indent=2), "utf-8")
    return made


def administrators_token(directory: Path) -> str:
    """Read the token that sees everything."""
    return str(json.loads((directory / TOKENS).read_text("utf-8"))["administration"])


def _roles(site: str, commune: str, programme: str) -> Sequence[tuple[str, Grant, str]]:
    return (
        ("association", Grant(Role.ASSOCIATION, Scope(Level.SITE, site)), f"its own site, {site}"),
        ("technicien", Grant(Role.TECHNICIAN, Scope(Level.COMMUNE, commune)), "everything technical of the commune"),
        ("commune", Grant(Role.COMMUNE, Scope(Level.COMMUNE, commune)), "its sites and whether they are supplied"),
        ("partenaire", Grant(Role.PARTNER, Scope(Level.PROGRAMME, programme)), "what is published: nothing yet"),
        ("administration", Grant(Role.ADMINISTRATOR, Scope(Level.HUB)), "everything, people and the record included"),
    )


def _pin() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))
