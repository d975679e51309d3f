"""Who reads a page, as every page shows it: the name, where to go, and the key that forms bring back."""

from __future__ import annotations

from dataclasses import dataclass

from hub.access.roles import Permission
from hub.access.secrets import form_key
from hub.people.caller import Caller


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is signed in."""

    name: str
    key: str
    people: bool
    audit: bool


def reader_of(caller: Caller) -> Reader | None:
    """Describe whoever asked; None when nobody is signed in with a cookie."""
    if caller.key is None:
        return None
    return Reader(caller.name, form_key(caller.key), caller.may(Permission.PEOPLE), caller.may(Permission.AUDIT))
