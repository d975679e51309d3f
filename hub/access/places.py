"""Names of communes and programmes as scopes carry them. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata

SLUG_MAX = 32
DEFAULT_PROGRAMME = ("programme", "Programme")
"""Where the first commune belongs when nobody named a programme."""


def slug(name: str) -> str:
    """Give the short form of a name: small letters, digits and hyphens; two spellings of one name have the same."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_MAX].strip("-")
    # A name in another alphabet has nothing of these; its sum is as good.
    return short or hashlib.sha256(name.encode()).hexdigest()[:12]
