"""When a site may swap its one-time token for a device key. Pure.

A token is taken with the first key that it comes with, then with that key as often as it comes, for a power cut may
have kept the site from hearing the answer. It is never taken with another. Who asks learns nothing from a refusal.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from hub.enrolment_store import Offer, TokenRecord
from hub.errors import HubError

TOKEN_BYTES = 24
VALID_MS = 90 * 86_400_000
"""How long a bundle may be on its way to its site."""


class EnrolmentRefused(HubError):
    """A token that opens nothing; the sentence is the same whatever is wrong with it."""

    def __init__(self) -> None:
        super().__init__(
            "this token does not enrol this site: it is wrong, too old, or was used with another key;"
            " ask who runs the hub for a new one"
        )


def issue(site: str, drawn: bytes, now_ms: int, valid_ms: int = VALID_MS) -> tuple[str, TokenRecord]:
    """Make a site's one-time token from random bytes, and what the hub keeps of it."""
    token = urlsafe_b64encode(drawn).decode().rstrip("=")
    return token, TokenRecord(site, token_hash(token), now_ms, now_ms + valid_ms)


def token_hash(token: str) -> bytes:
    """Give what the hub keeps in a token's place; long random words need no salt."""
    return hashlib.sha256(token.encode()).digest()


def admit(record: TokenRecord | None, offer: Offer, now_ms: int) -> bool:
    """Say whether the offer's key is new, having come with a token that allows it; raises `EnrolmentRefused`."""
    if record is None or record.site != offer.site:
        raise EnrolmentRefused
    if record.key is not None:
        if record.key != offer.key:
            raise EnrolmentRefused
        return False
    if now_ms >= record.expires_at_ms:
        raise EnrolmentRefused
    return True
