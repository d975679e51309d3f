"""The door over a ledger, with slow hashes and real chance."""

from __future__ import annotations

from hub.io.access import SqlAccess
from hub.io.hashing import Argon2Hasher, is_common, new_key
from hub.io.ledger import SqlLedger
from hub.people.ports import Door


def door_of(ledger: SqlLedger) -> Door:
    """Give the door of a hub."""
    return Door(SqlAccess(ledger), Argon2Hasher(), is_common, new_key)
