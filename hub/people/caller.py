"""Who asks: a person on a phone, a program with a token, or nobody; and which places they see. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.access.people import Account
from hub.access.roles import Grant, Level, Permission, Place, Scope, may, may_anywhere


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request. `key` is that of the cookie, None for a program or nobody."""

    name: str = ""
    account: int | None = None
    grants: tuple[Grant, ...] = ()
    key: str | None = None
    places: Mapping[Scope, Place] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Say whether somebody is signed in."""
        return self.account is not None

    def may(self, permission: Permission, site: str | None = None) -> bool:
        """Say whether the caller may do this at a site, or at all when none is named."""
        if permission is Permission.PUBLIC:
            return True
        if permission is Permission.SIGNED_IN:
            return self.known
        if site is None:
            return may_anywhere(self.grants, permission)
        place = self.places.get(Scope(Level.SITE, site))
        return place is not None and may(self.grants, permission, place)

    def sees(self, site: str) -> bool:
        """Say whether the caller may know that there is such a site."""
        return self.may(Permission.SITE, site)


NOBODY = Caller()


def caller_of(
    account: Account, grants: tuple[Grant, ...], places: Mapping[Scope, Place], key: str | None = None
) -> Caller:
    """Describe a person, or a program in their name."""
    return Caller(account.name, account.account, grants, key, places)
