"""The link's settings: a profile, and what stands beside it."""

from __future__ import annotations

import pytest

from edge.uplink_settings import PROFILES, VALUES_A_MINUTE, uplink_of


def test_a_profile_gives_what_the_site_does_not_say() -> None:
    """Economy is hourly at QoS 0; a key beside it wins."""
    economy = uplink_of({"host": "hub", "profile": "economy", "keepalive_s": 1200}, "ecole-a")
    assert (economy.batch_interval_s, economy.qos, economy.acks_every, economy.keepalive_s) == (3600, 0, 4, 1200)
    default = uplink_of({"host": "hub"}, "ecole-a")
    assert (default.profile, default.batch_interval_s, default.qos, default.username) == ("default", 900, 1, "ecole-a")


@pytest.mark.parametrize("profile", PROFILES.values())
def test_no_profile_pings_while_all_goes_well(profile: object) -> None:
    """An ack comes more often than the keepalive asks for one."""
    line = next(name for name, known in PROFILES.items() if known is profile)
    uplink = uplink_of({"host": "hub", "profile": line}, "ecole-a")
    assert uplink.batch_interval_s * uplink.acks_every < uplink.keepalive_s


def test_a_larger_site_has_a_larger_budget_unless_it_says_its_own() -> None:
    """Twice the values cost about twice the bytes; what a site says itself is not scaled."""
    economy = uplink_of({"host": "hub", "profile": "economy"}, "ecole-a")
    assert economy.daily_budget_bytes(VALUES_A_MINUTE) == economy.daily_budget_bytes(3) == 25_000
    assert economy.daily_budget_bytes(2 * VALUES_A_MINUTE) == 50_000
    assert uplink_of({"host": "hub", "daily_budget_kb": 7}, "ecole-a").daily_budget_bytes(1000) == 7000
    assert uplink_of({"host": "hub", "daily_budget_kb": 0}, "ecole-a").daily_budget_bytes(1000) == 0
