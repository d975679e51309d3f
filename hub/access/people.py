"""People with an account, and what they carry: a sign-in, a link that invites, a token for a program. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.access.roles import Grant
from hub.access.secrets import needs_passphrase

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SEEN_EVERY_MS = 300_000
"""How exactly it is noted when a sign-in was last used: not every page is worth a write."""

INVITATION_MS = 14 * DAY_MS
TOKEN_DAYS_MOST = 366


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a sign-in holds without being used, and in whole."""

    idle_ms: int
    whole_ms: int


_SHORT = Limits(12 * HOUR_MS, 7 * DAY_MS)
_LONG = Limits(30 * DAY_MS, 180 * DAY_MS)


@dataclass(frozen=True, slots=True)
class Account:
    """A person; `hash` is that of their secret, None until they chose one."""

    account: int
    name: str
    hash: str | None
    grants: tuple[Grant, ...]
    made_ms: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person on one phone or computer."""

    account: int
    made_ms: int
    seen_ms: int
    device: str

    def holds(self, limits: Limits, now_ms: int) -> bool:
        """Say whether it still counts."""
        return now_ms - self.seen_ms < limits.idle_ms and now_ms - self.made_ms < limits.whole_ms


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that makes an account with these grants, or lets one choose a new secret."""

    grants: tuple[Grant, ...]
    account: int | None
    made_by: str
    expires_ms: int
    used_ms: int | None = None

    def holds(self, now_ms: int) -> bool:
        """Say whether it may still be used, which is once."""
        return self.used_ms is None and now_ms < self.expires_ms


@dataclass(frozen=True, slots=True)
class Token:
    """What a program carries in the name of a person: one grant, for a while."""

    token: int
    account: int
    name: str
    grant: Grant
    made_ms: int
    expires_ms: int
    seen_ms: int | None = None

    def holds(self, now_ms: int) -> bool:
        """Say whether it has not expired."""
        return now_ms < self.expires_ms


def limits(grants: Iterable[Grant]) -> Limits:
    """Give the limits of a sign-in: whoever may do much signs in again every day."""
    return _SHORT if needs_passphrase(grants) else _LONG
