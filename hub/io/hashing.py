"""Argon2id hashes of secrets, a few at a time; sole importer of argon2. And the secrets that everybody uses."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from hub.access.secrets import KEY_BYTES
from hub.errors import RetryLater

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
"""The first of OWASP's equivalent settings for Argon2id."""

AT_ONCE = 2
"""Hashes at one time: each takes its memory and a core, and a small server has two."""

PATIENCE_S = 5.0


class Argon2Hasher:
    """A `Hasher`; whoever comes when too many wait is sent away and may try again."""

    def __init__(self, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._room = threading.BoundedSemaphore(at_once)
        self._patience_s = patience_s
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(KEY_BYTES))

    def hash(self, secret: str) -> str:
        """See `Hasher.hash`."""
        with self._turn():
            return self._hasher.hash(secret)

    def matches(self, stored: str | None, secret: str) -> bool:
        """See `Hasher.matches`."""
        with self._turn():
            try:
                self._hasher.verify(stored or self._nobodys, secret)
            except (VerificationError, InvalidHashError):
                return False
            return stored is not None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(timeout=self._patience_s):
            raise RetryLater("too many people are signing in at this moment; try again in a minute")
        try:
            yield
        finally:
            self._room.release()


def new_key() -> str:
    """Draw a key that nobody guesses."""
    return secrets.token_urlsafe(KEY_BYTES)


def is_common(secret: str) -> bool:
    """Say whether a secret is one of the tens of thousands that people use most."""
    return secret in _common()


@cache
def _common() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])
