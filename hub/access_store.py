"""The part of the ledger that knows places and people. What changes something is recorded in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from hub.access.audit import Act, Entry
from hub.access.lockout import Attempts
from hub.access.people import Account, Invitation, SignIn, Token
from hub.access.roles import Grant, Place, Scope


class PlaceStore(Protocol):
    """Where sites stand."""

    def places(self) -> Mapping[Scope, Place]:
        """Name every programme, commune and site, and where it stands."""

    def names(self) -> Mapping[Scope, str]:
        """Give what people call them."""

    def add_programme(self, name: str, act: Act) -> str:
        """Add a programme, or give it this name; returns its slug."""


class PeopleStore(Protocol):
    """Accounts and their grants."""

    def account(self, account: int) -> Account | None:
        """Look an account up; a closed one is none."""

    def account_named(self, name_key: str) -> Account | None:
        """Look an account up by the key of its name; a closed one is none."""

    def accounts(self) -> list[Account]:
        """List the accounts that are not closed, by name."""

    def set_hash(self, account: int, hash: str, act: Act) -> None:  # noqa: A002  what it is
        """Give an account another secret; every sign-in ends, and wrong secrets are forgotten."""

    def set_grants(self, account: int, grants: Sequence[Grant], act: Act) -> None:
        """Give an account these grants and no others."""

    def close_account(self, account: int, act: Act) -> None:
        """Close an account with all that it carries; its name is free again."""

    def attempt(self, name_key: str, now_ms: int) -> Attempts:
        """Count an attempt as failed if one is allowed now; returns what was known before.

        All at once: many guesses at one moment do not count as one. What is older than a week is forgotten.
        """


class CarriedStore(Protocol):
    """What people carry."""

    def add_sign_in(self, digest: bytes, sign_in: SignIn, act: Act) -> None:
        """Note a sign-in, and forget the wrong secrets before it."""

    def sign_in(self, digest: bytes) -> SignIn | None:
        """Look a sign-in up."""

    def touch_sign_in(self, digest: bytes, now_ms: int) -> None:
        """Note that it was used."""

    def end_sign_ins(self, account: int, digest: bytes | None, act: Act) -> None:
        """End one sign-in of an account, or all."""

    def sign_ins(self, account: int) -> list[SignIn]:
        """List the sign-ins of an account, the latest first."""

    def add_invitation(self, digest: bytes, invitation: Invitation, act: Act) -> None:
        """Note a link."""

    def invitation(self, digest: bytes) -> Invitation | None:
        """Look a link up."""

    def join(self, digest: bytes, name: str, hash: str, now_ms: int) -> int | None:  # noqa: A002  what it is
        """Use a link, once: make its account, or give its account this secret; None when it was used meanwhile."""

    def add_token(self, digest: bytes, token: Token, act: Act) -> None:
        """Note a token; its number is given here."""

    def token(self, digest: bytes) -> Token | None:
        """Look a token up."""

    def touch_token(self, token: int, now_ms: int) -> None:
        """Note that it was used."""

    def tokens(self, account: int) -> list[Token]:
        """List the tokens of an account."""

    def end_token(self, account: int, token: int, act: Act) -> bool:
        """End a token of an account; False when it has none of this number."""


class AuditStore(Protocol):
    """The record of who did what."""

    def record(self, act: Act) -> None:
        """Add a line."""

    def audit(self, limit: int, before: int | None = None) -> list[Entry]:
        """Read the newest lines, or those before a number, the newest first."""

    def audit_from_the_first(self) -> Iterator[Entry]:
        """Read all lines, the first first."""


class AccessStore(PlaceStore, PeopleStore, CarriedStore, AuditStore, Protocol):
    """All of it."""
