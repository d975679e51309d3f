"""The door for tests: the real one over a ledger, with a hash that costs nothing, and a person for every role."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field

from fastapi.testclient import TestClient

from hub.access.roles import Grant, Level, Role, Scope
from hub.access.secrets import form_key
from hub.context import Context
from hub.io.access import SqlAccess
from hub.io.ledger import SqlLedger
from hub.people import inviting, signing, tokens
from hub.people.caller import Caller
from hub.people.inviting import OPERATOR
from hub.people.ports import Door
from hub.ports import SeriesStore

SECRET = "quatre mots sans rapport"  # noqa: S105  of people who are made up for one test
COMMON = frozenset({"password1234", "motdepasse12"})
ADMINISTRATOR = Grant(Role.ADMINISTRATOR, Scope(Level.HUB))


class QuickHasher:
    """A `Hasher` for tests."""

    def hash(self, secret: str) -> str:
        """See `Hasher.hash`."""
        return hashlib.sha256(secret.encode()).hexdigest()

    def matches(self, stored: str | None, secret: str) -> bool:
        """See `Hasher.matches`."""
        return stored == self.hash(secret)


@dataclass
class Keys:
    """Keys that count, so that tests can tell them apart."""

    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self) -> str:
        """Give the next one."""
        return f"key-{next(self.numbers)}"


def door_of(ledger: SqlLedger) -> Door:
    """Give the door of a ledger."""
    return Door(SqlAccess(ledger), QuickHasher(), COMMON.__contains__, Keys())


def context_of(
    ledger: SqlLedger, store: SeriesStore, now_ms: int, why: str | None = None, public_url: str = ""
) -> Context:
    """Give what routes need, at one moment."""
    return Context(ledger, store, lambda: now_ms, lambda: why, door_of(ledger), public_url)


def add_person(door: Door, name: str, grant: Grant, now_ms: int) -> Caller:
    """Invite somebody and let them join; returns them, signed in."""
    link = inviting.invite(door, OPERATOR, [grant], now_ms)
    account, name = inviting.join(door, link, name, SECRET, now_ms)
    return signing.signed_in(door, signing.begin(door, account, name, "test", now_ms), now_ms)


def bearer(door: Door, grant: Grant, now_ms: int) -> dict[str, str]:
    """Give the header of a program that has one role."""
    name = f"{grant.role} {grant.scope.level} {grant.scope.name}".strip()[:40]
    whom = add_person(door, name, grant, now_ms)
    return {"Authorization": f"Bearer {tokens.make(door, whom, 'test', grant, 30, now_ms)}"}


def cookie(whom: Caller) -> dict[str, str]:
    """Give the cookie of somebody who is signed in."""
    assert whom.key is not None
    return {"kayasol": whom.key}


def form(client: TestClient, **fields: str) -> dict[str, str]:
    """Fill a form that the client opened, whoever it is signed in as."""
    key = client.cookies.get("kayasol") or client.cookies["kayasol-form"]
    return {"cle": form_key(key), **fields}
