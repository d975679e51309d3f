"""What the door needs beside the ledger: hashes that are slow on purpose, secrets that everybody uses, and chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hub.access_store import AccessStore


class Hasher(Protocol):
    """Slow hashes of secrets."""

    def hash(self, secret: str) -> str:
        """Hash a secret; raises `RetryLater` when too many are being hashed."""

    def matches(self, stored: str | None, secret: str) -> bool:
        """Compare a secret with a hash, and take as long where there is none; raises as `hash` does."""


@dataclass(frozen=True, slots=True)
class Door:
    """What every act at the door takes along."""

    store: AccessStore
    hasher: Hasher
    common: Callable[[str], bool]
    """Whether a secret, in small letters, is one that many people use."""

    new_key: Callable[[], str]
    """Draw a key that nobody guesses."""
