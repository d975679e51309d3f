"""What a person proves to be themselves by: digits or a passphrase, and the keys that links and devices carry. Pure."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import pairwise

from hub.access.roles import Grant, Role

PIN_LEAST, PIN_MOST = 6, 12
PASSPHRASE_LEAST, PASSPHRASE_MOST = 12, 200
NAME_LEAST, NAME_MOST = 2, 40
_NEEDS_PASSPHRASE = frozenset({Role.TECHNICIAN, Role.ADMINISTRATOR})
_PART_LEAST = 4
"""Shorter parts of a name stand in many a sentence by chance."""

KEY_BYTES = 32
FORM_KEY_CHARACTERS = 32


class Weakness(StrEnum):
    """Why a secret is not taken."""

    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    TOO_COMMON = "too common"
    TOO_REGULAR = "too regular"
    HAS_NAME = "has the name in it"
    ONLY_DIGITS = "digits are not enough here"


def needs_passphrase(grants: Iterable[Grant]) -> bool:
    """Say whether digits are too little for these grants: their owner changes what others see, or has a phone alone."""
    return any(grant.role in _NEEDS_PASSPHRASE for grant in grants)


def normal(text: str) -> str:
    """Bring a secret as typed into the one form that is hashed: keyboards write accents in several ways."""
    return unicodedata.normalize("NFKC", text).strip()


def name_key(name: str) -> str:
    """Bring a name into the form in which it is unique: letters alone count, not their case, accents or spaces."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in plain if c.isalnum())


def weakness(secret: str, name: str, *, passphrase: bool, common: Callable[[str], bool]) -> Weakness | None:
    """Say what is wrong with a secret; None when it will do. `common` knows what everybody else uses."""
    digits = secret.isdecimal()
    least, most = (PIN_LEAST, PIN_MOST) if digits else (PASSPHRASE_LEAST, PASSPHRASE_MOST)
    parts = [name_key(part) for part in (name, *name.split())]
    named = any(len(part) >= _PART_LEAST and part in name_key(secret) for part in parts)
    found = {
        Weakness.ONLY_DIGITS: digits and passphrase,
        Weakness.TOO_SHORT: len(secret) < least,
        Weakness.TOO_LONG: len(secret) > most,
        Weakness.TOO_REGULAR: _regular(secret),
        Weakness.TOO_COMMON: common(secret.casefold()),
        Weakness.HAS_NAME: named,
    }
    return next((weakness for weakness, present in found.items() if present), None)


def _regular(secret: str) -> bool:
    """Say whether a secret only repeats a short piece, or counts up or down."""
    repeats = any(secret == (secret[:size] * len(secret))[: len(secret)] for size in range(1, len(secret) // 2 + 1))
    steps = {ord(after) - ord(before) for before, after in pairwise(secret)}
    return repeats or steps in ({1}, {-1})


def digest(key: str) -> bytes:
    """Give the form in which a key that links, cookies and programs carry is stored: who reads it cannot use it.

    Such keys are random and long, so that one round of SHA-256 will do.
    """
    return hashlib.sha256(key.encode()).digest()


def form_key(key: str) -> str:
    """Derive what a form must bring back from the key of the cookie that came with it."""
    return hmac.new(key.encode(), b"form", hashlib.sha256).hexdigest()[:FORM_KEY_CHARACTERS]


def same(given: str, wanted: str) -> bool:
    """Compare two keys without telling by the time taken where they differ."""
    return hmac.compare_digest(given.encode(), wanted.encode())
