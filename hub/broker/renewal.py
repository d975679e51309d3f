"""When a certificate is due for renewal. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

VALID_FOR = timedelta(days=397)
RENEW_WITHIN = VALID_FOR / 3
"""A third of its life is left when it is renewed: a renewal that fails is noticed long before anything ends."""

ALWAYS = ("localhost", "127.0.0.1")
"""By these names the hub itself reaches its broker."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a certificate says of itself, and whether our authority signed it."""

    hosts: frozenset[str]
    ends: datetime
    ours: bool


def named(hosts: Iterable[str]) -> tuple[str, ...]:
    """List the names that a certificate of this hub must bear."""
    return tuple(dict.fromkeys(_plain(host) for host in (*hosts, *ALWAYS)))


def why_due(held: Held | None, hosts: Iterable[str], now: datetime) -> str | None:
    """Say why a certificate must be made anew; None when it may stay."""
    if held is None:
        return "there is none yet"
    if not held.ours:
        return "another authority signed it"
    lacking = [host for host in named(hosts) if host not in held.hosts]
    if lacking:
        return f"it does not name {', '.join(lacking)}"
    if held.ends - now < RENEW_WITHIN:
        return f"it ends on {held.ends:%Y-%m-%d}"
    return None


def _plain(host: str) -> str:
    """Write a name or an address as certificates do."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower()
