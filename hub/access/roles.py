"""What each role may do, and where: the one table that every route is held against. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a person is to a programme."""

    ASSOCIATION = "association"
    """Runs the kiosk of its own site: income, counts, slots."""

    TECHNICIAN = "technician"
    """Looks after batteries and panels of its communes: everything technical."""

    COMMUNE = "commune"
    """The local government: whether its sites are supplied and lit, and totals."""

    PARTNER = "partner"
    """Sees what its programme publishes."""

    ADMINISTRATOR = "administrator"
    """Invites people, makes sites, and reads the record of what was done."""


class Level(StrEnum):
    """How wide a scope is."""

    HUB = "hub"
    PROGRAMME = "programme"
    COMMUNE = "commune"
    SITE = "site"


class Permission(StrEnum):
    """What a route needs. `PUBLIC` needs nobody to be signed in, `SIGNED_IN` anybody who is."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"
    SITE = "site"
    """That a site exists, whether it is heard, and how it is now."""

    CHARGES = "charges"
    """The charges of a site's kiosk, one by one."""

    DAY = "day"
    """One day of a site in pictures, charges included."""

    TECHNICAL = "technical"
    """Series, the account of missing rows, clocks."""

    LIVE = "live"
    """Have a site send live values, which costs it bytes."""

    PEOPLE = "people"
    """Invite, grant, reset and remove."""

    AUDIT = "audit"
    OPERATIONS = "operations"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Where a grant holds; the hub's has no name."""

    level: Level
    name: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site, a commune or a programme stands; what is narrower than it is empty."""

    programme: str
    commune: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One role in one scope."""

    role: Role
    scope: Scope


_EVERYBODY = frozenset({Permission.PUBLIC, Permission.SIGNED_IN})
_WATCHES = frozenset({Permission.SITE, Permission.CHARGES, Permission.DAY})

ALLOWED: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ASSOCIATION: _EVERYBODY | _WATCHES,
        Role.TECHNICIAN: _EVERYBODY | _WATCHES | {Permission.TECHNICAL, Permission.LIVE},
        Role.COMMUNE: _EVERYBODY | {Permission.SITE},
        Role.PARTNER: _EVERYBODY,
        Role.ADMINISTRATOR: frozenset(Permission),
    }
)
"""What each role may do inside its scope."""

LEVELS: Mapping[Role, frozenset[Level]] = MappingProxyType(
    {
        Role.ASSOCIATION: frozenset({Level.SITE}),
        Role.TECHNICIAN: frozenset({Level.COMMUNE, Level.PROGRAMME}),
        Role.COMMUNE: frozenset({Level.COMMUNE}),
        Role.PARTNER: frozenset({Level.PROGRAMME}),
        Role.ADMINISTRATOR: frozenset({Level.COMMUNE, Level.PROGRAMME, Level.HUB}),
    }
)
"""How wide a role may be granted."""

OF_THE_HUB = frozenset({Permission.AUDIT, Permission.OPERATIONS})
"""What speaks of all programmes at once: only an administrator of the whole hub may."""


def covers(scope: Scope, place: Place) -> bool:
    """Say whether a place lies inside a scope."""
    match scope.level:
        case Level.HUB:
            return True
        case Level.PROGRAMME:
            return scope.name == place.programme
        case Level.COMMUNE:
            return scope.name == place.commune
        case Level.SITE:
            return scope.name == place.site


def may(grants: Iterable[Grant], permission: Permission, place: Place) -> bool:
    """Say whether these grants allow something at a place."""
    return any(permission in ALLOWED[grant.role] and covers(grant.scope, place) for grant in grants)


def may_anywhere(grants: Iterable[Grant], permission: Permission) -> bool:
    """Say whether these grants allow something at all; what speaks of the whole hub needs its whole scope."""
    wide = permission in OF_THE_HUB
    return any(permission in ALLOWED[grant.role] and (not wide or grant.scope.level is Level.HUB) for grant in grants)


def may_grant(grants: Iterable[Grant], wanted: Grant, place: Place | None) -> bool:
    """Say whether a person may give or take a grant: only an administrator, and only inside the own scope.

    `place` is where the wanted scope stands; None is the hub, or a place that is not known.
    """
    if wanted.scope.level not in LEVELS[wanted.role]:
        return False
    administered = [grant.scope for grant in grants if grant.role is Role.ADMINISTRATOR]
    if wanted.scope.level is Level.HUB:
        return any(scope.level is Level.HUB for scope in administered)
    return place is not None and any(covers(scope, place) for scope in administered)


def narrowed(grants: Iterable[Grant], wanted: Grant, place: Place | None) -> bool:
    """Say whether a token may carry a grant: its owner must have the role there, or wider."""
    return any(
        grant.role is wanted.role
        and (grant.scope == wanted.scope or (place is not None and covers(grant.scope, place)))
        for grant in grants
    )
