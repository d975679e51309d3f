"""Files that a person writes: site.yaml, hub.yaml, boards and device profiles."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from edge import commands, profiles
from edge import settings as site_settings
from edge.tables import schema_of
from firmware_config import ConfigError, board_text, load, profile_names, profile_text
from hub import settings as hub_settings
from hub import setup
from hub.enrol import site_from_yaml
from hub.errors import Refused
from hub.io.ledger import SqlLedger
from tests.fuzz import texts
from tests.fuzz.target import Target

SITE = """\
site: {id: ecole-a, name: "École A", kind: school, commune: Kaya, shard: 3, latitude: 13.1, longitude: -1.1}
devices:
  controller:
    profile: epever-tracer
    connection: {port: /dev/ttyUSB0, baud: 115200}
    poll_interval_s: 10
    metrics: [battery_voltage_v, panel_power_w, load_power_w]
  meter: {profile: eastron-sdm, connection: {host: 192.168.1.9, tcp_port: 502}, unit: 7}
kiosk: {board: kiosk-8, slots: [1, 2, 3], sample_interval_s: 0.25, debounce_s: 2.0}
lights: {from: load_power, device: controller, on_above_w: 3.5}
uplink: {host: hub.example, tcp_port: 8883, profile: economy, batch_interval_s: 3600, ack_timeout_s: 60}
outbox: {directory: /var/lib/kayasol, rows_max: 100000, commit_interval_s: 60}
system: {site_interval_s: 60, poll_interval_s: 900}
"""
HUB = """\
database: sqlite:////var/lib/kayasol-hub/ledger.db
broker: {host: 127.0.0.1, tcp_port: 1883, tls: true, ca_file: /etc/ca.crt, username: hub, password_file: /etc/secret}
web: {host: 127.0.0.1, tcp_port: 8080}
shards: [0, 15]
"""
INIT = """\
name: Kaya
hosts: [hub.example, 192.168.1.2]
broker: nats
pages: proxy
tcp_port: 8883
web_port: 8080
state: /var/lib/kayasol-hub
"""


def targets() -> list[Target]:
    """List the readers of configuration."""
    return [
        Target("site.yaml", 8, lambda chance: texts.changed(SITE, chance, [HUB, board_text("kiosk-8")]), _read(_site)),
        Target("hub.yaml", 6, lambda chance: texts.changed(HUB, chance, [SITE]), _read(_hub)),
        Target("init.yaml", 3, lambda chance: texts.changed(INIT, chance, [HUB]), _read(_init)),
        Target("board", 4, lambda chance: texts.changed(board_text("kiosk-8"), chance, [SITE]), _read(_board)),
        Target("profile", 6, _profile, _read(_device)),
    ]


def _read(parse: Callable[[str], object]) -> Callable[[bytes], None]:
    def feed(data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return  # whoever reads the file says so
        try:
            said = parse(text)
        except ConfigError as error:
            str(error)
            return
        repr(said).encode()

    return feed


def _site(text: str) -> object:
    """Read a site as both sides do; what is taken can be shown, stored and run."""
    site = site_from_yaml(text, "site.yaml", board_text)
    for words in (site.name, site.commune, site.timezone):
        words.encode()
    settings = _cached(text)
    "\n".join(commands.check(settings)).encode()
    schema_of(settings)
    return site, settings


def _cached(text: str) -> site_settings.Settings:
    return site_settings.parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)


def _hub(text: str) -> object:
    """Read a hub's settings as far as its database, which nothing is asked of yet."""
    settings = hub_settings.parse(text, "hub.yaml")
    with suppress(Refused), warnings.catch_warnings(action="ignore"):
        SqlLedger(settings.database).close()
    return settings


def _init(text: str) -> object:
    """Read the answers for a new hub; what is made of them, the hub can read."""
    answers = setup.read_answers(text, "init.yaml")
    if setup.QUESTIONS.keys() <= answers.keys():
        made = setup.hub_yaml(setup.plan(answers, "/tmp/kayasol", as_root=False))  # noqa: S108  nothing is made there
        try:
            return hub_settings.parse(made, "hub.yaml")
        except ConfigError as error:
            raise AssertionError(f"a hub that was set up cannot start: {error}") from error
    return answers


def _board(text: str) -> object:
    """Read a board through a site that uses it."""
    return site_from_yaml(SITE, "site.yaml", lambda _: text), site_settings.parse(
        _KIOSK_ONLY, "site.yaml", profile_text=profile_text, board_text=lambda _: text
    )


def _device(text: str) -> object:
    return profiles.parse(load(text, "device", "profile x"))


@cache
def _profiles() -> list[str]:
    return [profile_text(name) for name in profile_names()]


def _profile(chance: random.Random) -> bytes:
    """Change a profile; a long one is shortened, for reading YAML takes its time."""
    text = chance.choice(_profiles())
    lines = text.split("\n")
    while len(lines) > 60:
        start = chance.randrange(10, len(lines))
        del lines[start : start + chance.randrange(1, 30)]
    return texts.changed("\n".join(lines), chance, _profiles())


_KIOSK_ONLY = SITE.replace(
    "  meter: {profile: eastron-sdm, connection: {host: 192.168.1.9, tcp_port: 502}, unit: 7}\n", ""
)
