"""The part of the ledger that knows device keys and the one-time tokens that sites swap for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Offer:
    """A site's one-time token, and the key that it made."""

    site: str
    token: str = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What the hub keeps of a one-time token: never the token itself; the key is the one that it was used with."""

    site: str
    token_hash: bytes
    made_at_ms: int
    expires_at_ms: int
    used_at_ms: int | None = None
    key: bytes | None = field(default=None, repr=False)


class EnrolmentStore(Protocol):
    """Tokens, and the keys that came for them."""

    def new_token(self, site: str, now_ms: int) -> str:
        """Make a one-time token for a site, to be put into its bundle; the ledger keeps its hash only."""

    def withdraw_tokens(self, site: str, now_ms: int) -> int:
        """Let the tokens of a site that were not used yet open nothing any more; returns how many those are."""

    def enrol(self, offer: Offer, now_ms: int) -> None:
        """Take the key of a site for good, as often as it comes; raises `EnrolmentRefused`."""

    def device_keys(self, site: str) -> list[bytes]:
        """List the keys of a site, the newest first: that of its present card, and those of earlier ones."""
