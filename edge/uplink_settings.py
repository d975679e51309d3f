"""How a site's link is used: where the broker is, and what the profile or the keys beside it say of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VALUES_A_MINUTE = 21
"""What the budgets of the profiles are made for; a site that records more is given more in proportion."""


@dataclass(frozen=True, slots=True)
class UplinkProfile:
    """A way to use the link that has been measured as a whole; `daily_budget_kb` holds for `VALUES_A_MINUTE`."""

    batch_interval_s: int
    keepalive_s: int
    qos: int
    acks_every: int
    daily_budget_kb: int


PROFILES = {
    "default": UplinkProfile(batch_interval_s=900, keepalive_s=1200, qos=1, acks_every=1, daily_budget_kb=82),
    "economy": UplinkProfile(batch_interval_s=3600, keepalive_s=18_000, qos=0, acks_every=4, daily_budget_kb=25),
}


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """Where the hub's broker is and how often it is bothered."""

    host: str
    tcp_port: int
    tls: bool
    ca_file: str | None
    username: str
    password_file: str | None
    profile: str
    batch_interval_s: int
    keepalive_s: int
    ack_timeout_s: float
    qos: int
    acks_every: int
    daily_budget_kb: int | None
    """None leaves it to the profile, 0 means that nobody counts."""

    def daily_budget_bytes(self, values_a_minute: float) -> int:
        """Give the bytes that this site may spend a day; 0 when nobody counts."""
        if self.daily_budget_kb is not None:
            return self.daily_budget_kb * 1000
        share = max(values_a_minute / VALUES_A_MINUTE, 1.0)
        return round(PROFILES[self.profile].daily_budget_kb * 1000 * share)


def uplink_of(line: dict[str, Any], site: str) -> UplinkSettings:
    """Read the `uplink` of a checked `site.yaml`; what it does not say, its profile does."""
    profile = PROFILES[line.get("profile", "default")]
    return UplinkSettings(
        host=line["host"],
        tcp_port=line.get("tcp_port", 8883),
        tls=line.get("tls", True),
        ca_file=line.get("ca_file"),
        username=line.get("username", site),
        password_file=line.get("password_file"),
        profile=line.get("profile", "default"),
        batch_interval_s=line.get("batch_interval_s", profile.batch_interval_s),
        keepalive_s=line.get("keepalive_s", profile.keepalive_s),
        ack_timeout_s=line.get("ack_timeout_s", 60.0),
        qos=line.get("qos", profile.qos),
        acks_every=line.get("acks_every", profile.acks_every),
        daily_budget_kb=line.get("daily_budget_kb"),
    )
