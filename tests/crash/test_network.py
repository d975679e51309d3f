"""A link as slow as GPRS that loses, breaks and falls silent, between real processes with TLS."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.account import assert_complete, assert_sound, line_of, read_ledger, read_outbox
from tests.crash.load import Load
from tests.crash.network import HUB, mobile_link
from tests.crash.world import Place, archived_bytes, loaded, site_of, until_drained

FLAPS = 4
BYTES_MAX = 70_000
"""Some ten handshakes, and everything sent several times over; a storm would fill the line, with twice as much a minute
in each direction."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_a_bad_link_costs_patience_and_few_bytes(
    kind: str, tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """Through loss, flaps and a half-open connection every row arrives once, and no storm of repetitions is paid."""
    with (
        mobile_link() as link,
        loaded(Load(tmp_path / "pins", chance, calm=True, serial=True)) as load,
    ):
        place = Place(
            tmp_path, tmp_path / "outbox", tmp_path, host=HUB, tls=True, edge=link.site.enter, hub=link.hub.enter,
            uplink="batch_interval_s: 3, ack_timeout_s: 5, keepalive_s: 10",
        )  # fmt: skip
        with site_of(kind, place, load) as site:
            time.sleep(2)  # the first look finds an empty kiosk
            load.open_kiosk()
            time.sleep(4)
            link.lose(chance.uniform(0.2, 0.3))
            time.sleep(10)
            for _ in range(FLAPS):
                link.up(up=False)
                time.sleep(chance.uniform(0.2, 1.5))
                link.up(up=True)
                time.sleep(chance.uniform(0.2, 1.5))
            link.lose(1)
            time.sleep(12)
            link.lose(0.1)
            load.close_kiosk()
            until_drained(site, 120)
            sent, answered = link.sent_bytes()
            assert site.lives("edge")
        left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
        payload = archived_bytes(site)
    more = f"{sent} bytes sent and {answered} received for {payload} bytes of payload"
    tell(line_of(f"{kind} over a bad link", seed, left, stored, more))
    assert_sound(stored.values(), load.count)
    assert_complete(left, stored[left.epoch])
    assert stored[left.epoch].taken() == load.plugged
    assert sent + answered < BYTES_MAX
