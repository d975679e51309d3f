"""`site.yaml`: what a site needs in one file, and a sentence a technician can act on for everything wrong with it."""

from __future__ import annotations

import pytest

from edge.lights import Lights
from edge.settings import Connection, Pin, Settings, parse
from firmware_config import ConfigError, board_text, profile_names, profile_text

SITE = """\
site:
  id: ecole-kaya
  name: École de Kaya
  kind: school
  commune: Kaya
  shard: 3
devices:
  controller:
    profile: epever-tracer
    connection: {port: /dev/ttyUSB0}
kiosk:
  board: kiosk-8
  slots: [1, 2]
lights: {from: gpio}
uplink: {host: hub.example}
"""
SECOND = """\
  second:
    profile: {profile}
    connection: {connection}
    unit: {unit}
"""
EITHER = (
    "must be either {port: /dev/serial/by-path/...} with an optional baud, or {host: ...} with an optional tcp_port"
)
SITE_KEYS = "id, name, kind, commune, shard, latitude, longitude, timezone, device_key_file"


def read(text: str = SITE) -> Settings:
    """Read settings with the profiles and boards that come with Kayasol."""
    return parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)


def changed(old: str, new: str) -> str:
    """Change one thing in a good file."""
    assert SITE.count(old) == 1
    return SITE.replace(old, new)


def complaint(text: str) -> str:
    """Read a bad file and give the sentence that comes of it."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


def test_a_short_file_is_a_whole_site() -> None:
    """What is not said has a default that suits a school on a mobile network."""
    settings = read()
    assert (settings.site, settings.name, settings.shard) == ("ecole-kaya", "École de Kaya", 3)
    (device,) = settings.devices
    assert (device.name, device.profile.name, device.unit, device.poll_interval_s) == (
        "controller",
        "epever-tracer",
        1,
        60,
    )
    assert device.connection == Connection("/dev/ttyUSB0", 115200, "none", 1)
    assert device.quantities == device.profile.quantities
    assert device.settings == device.profile.settings
    assert settings.kiosk is not None
    assert settings.kiosk.slots == {1: Pin(5, active_low=True), 2: Pin(6, active_low=True)}
    assert (settings.kiosk.sample_interval_s, settings.kiosk.debounce_s) == (0.25, 2.0)
    assert (settings.lights, settings.lights_pin) == (Lights(), Pin(26, active_low=True))
    uplink = settings.uplink
    assert (uplink.tcp_port, uplink.tls, uplink.username, uplink.qos) == (8883, True, "ecole-kaya", 1)
    assert (uplink.batch_interval_s, uplink.keepalive_s, uplink.ack_timeout_s) == (900, 1200, 60)
    assert (uplink.ca_file, uplink.password_file) == (None, None)
    assert (settings.outbox.rows_max, settings.outbox.commit_interval_s) == (2_000_000, 60)
    assert settings.system_interval_s == 900


def test_everything_can_be_said() -> None:
    """Every default gives way to what the file says."""
    settings = read("""
site:
  {id: csps-1, name: CSPS, kind: health_centre, commune: Kaya, shard: 15, latitude: 13.1, longitude: -1, timezone: UTC}
devices:
  one:
    profile: srne-rover
    connection: {port: /dev/ttyS0, baud: 19200}
    unit: 7
    poll_interval_s: 10
    metrics: [load_power_w, soc_pct]
  two: {profile: epever-tracer, connection: {host: 10.0.0.5}}
  three: {profile: epever-tracer, connection: {host: 10.0.0.5, tcp_port: 503}}
lights: {from: load_power, device: two, on_above_w: 4.5}
uplink: {host: h, tcp_port: 1883, tls: off, ca_file: /ca, username: u, password_file: /p, batch_interval_s: 3600,
  keepalive_s: 60, ack_timeout_s: 90, qos: 0}
outbox: {directory: /data, rows_max: 1000, bytes_max: 1000000, commit_interval_s: 0}
system: {poll_interval_s: 60}
""")
    one, two, three = settings.devices
    assert one.connection == Connection("/dev/ttyS0", 19200, "none", 1)
    assert (one.unit, one.poll_interval_s) == (7, 10)
    assert [quantity.metric for quantity in one.quantities] == ["soc_pct", "load_power_w"]
    assert two.connection == Connection(host="10.0.0.5", tcp_port=502)
    assert three.connection == Connection(host="10.0.0.5", tcp_port=503)
    assert (settings.kiosk, settings.lights_pin) == (None, None)
    assert settings.lights == Lights("two", 4.5)
    uplink, outbox = settings.uplink, settings.outbox
    assert (uplink.host, uplink.tcp_port, uplink.tls, uplink.ca_file) == ("h", 1883, False, "/ca")
    assert (uplink.username, uplink.password_file, uplink.batch_interval_s) == ("u", "/p", 3600)
    assert (uplink.keepalive_s, uplink.ack_timeout_s, uplink.qos) == (60, 90, 0)
    assert (outbox.directory, outbox.rows_max, outbox.bytes_max, outbox.commit_interval_s) == ("/data", 1000, 10**6, 0)
    assert settings.system_interval_s == 60


def test_a_kiosk_uses_the_whole_board_unless_told() -> None:
    """Without a list of slots all of them are watched; a site may have neither kiosk nor lights."""
    kiosk = read(changed("  slots: [1, 2]\n", "")).kiosk
    assert kiosk is not None
    assert list(kiosk.slots) == [1, 2, 3, 4, 5, 6, 7, 8]
    bare = read(SITE.replace("kiosk:\n  board: kiosk-8\n  slots: [1, 2]\nlights: {from: gpio}\n", ""))
    assert (bare.kiosk, bare.lights, bare.lights_pin) == (None, None, None)


def test_lights_take_the_first_device_that_knows_its_load() -> None:
    """A site with one controller need not name it."""
    assert read(changed("{from: gpio}", "{from: load_power}")).lights == Lights("controller", 0.0)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "name",
            "nome",
            (
                "site.yaml line 1: site: missing name\n"
                f"site.yaml line 3: site.nome: unknown key; did you mean name? {SITE_KEYS} are known here"
            ),
        ),
        ("  shard: 3", "  shard: 3\n  x: 1", f"site.yaml line 7: site.x: unknown key; {SITE_KEYS} are known here"),
        ("  kind: school\n  commune: Kaya\n", "", "site.yaml line 1: site: missing kind, commune"),
        ("shard: 3", "shard: three", "site.yaml line 6: site.shard: must be a whole number, not 'three'"),
        ("shard: 3", "shard: 3.0", "site.yaml line 6: site.shard: must be a whole number, not 3.0"),
        ("shard: 3", "shard: yes", "site.yaml line 6: site.shard: must be a whole number, not true"),
        ("shard: 3", "shard: 16", "site.yaml line 6: site.shard: must be at most 15, not 16"),
        ("École de Kaya", "1960", "site.yaml line 3: site.name: must be text, not 1960; put it in quotes"),
        ("École de Kaya", "", "site.yaml line 3: site.name: must be text, not nothing"),
        ("École de Kaya", "''", "site.yaml line 3: site.name: must not be empty"),
        ("École de Kaya", "x" * 81, "site.yaml line 3: site.name: may have at most 80 characters"),
        (
            "ecole-kaya",
            "École",
            "site.yaml line 2: site.id: must be 1 to 32 small letters, digits or hyphens, not 'École'",
        ),
        ("school", "church", "site.yaml line 4: site.kind: must be one of school, health_centre, not 'church'"),
        ("  kind: school", "  kind: school\n  kind: school", "site.yaml line 5: site.kind: stands twice"),
        ("uplink: {host: hub.example}", "uplink:", "site.yaml line 15: uplink: must be a group of keys, not nothing"),
        (
            "  controller:",
            "  Controller:",
            "site.yaml line 8: devices.Controller: a name here is 1 to 23 small letters, digits or hyphens",
        ),
        (
            "  controller:",
            "  system:",
            (
                "site.yaml line 8: devices.system: the agent's own values stand under site and system; "
                "call the device something else"
            ),
        ),
        (
            "epever-tracer",
            "epever",
            (
                "site.yaml line 9: devices.controller.profile: there is no device profile 'epever'; "
                f"there are {', '.join(profile_names())}"
            ),
        ),
        ("{port: /dev/ttyUSB0}", "/dev/ttyUSB0", f"site.yaml line 10: devices.controller.connection: {EITHER}"),
        (
            "{port: /dev/ttyUSB0}",
            "{port: /dev/x, host: y}",
            f"site.yaml line 10: devices.controller.connection: {EITHER}",
        ),
        ("{port: /dev/ttyUSB0}", "{}", f"site.yaml line 10: devices.controller.connection: {EITHER}"),
        (
            "{port: /dev/ttyUSB0}",
            "{port: /dev/ttyUSB0, baud: 9601}",
            (
                "site.yaml line 10: devices.controller.connection.baud: "
                "must be one of 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, not 9601"
            ),
        ),
        (
            "{port: /dev/ttyUSB0}",
            "{host: gateway, baud: 9600}",
            "site.yaml line 10: devices.controller.connection.baud: unknown key; host, tcp_port are known here",
        ),
        ("kiosk-8", "kiosk-9", "site.yaml line 12: kiosk.board: there is no board 'kiosk-9'; there are kiosk-8"),
        ("[1, 2]", "[1, 9]", "site.yaml line 13: kiosk.slots[1]: board kiosk-8 has no slot 9"),
        ("[1, 2]", "[1, 1]", "site.yaml line 13: kiosk.slots: names something twice"),
        ("[1, 2]", "[]", "site.yaml line 13: kiosk.slots: needs 1 or more entries"),
        ("[1, 2]", "1", "site.yaml line 13: kiosk.slots: must be a list, not 1"),
        (
            "[1, 2]",
            "[1]\n  debounce_s: .nan",
            "site.yaml line 14: kiosk.debounce_s: .nan is no number to work with",
        ),
        (
            "{from: gpio}",
            "{from: gpio, device: controller}",
            "site.yaml line 14: lights.device: means nothing with from: gpio, only with from: load_power",
        ),
        (
            "{from: gpio}",
            "{from: gpio, on_above_w: 5}",
            "site.yaml line 14: lights.on_above_w: means nothing with from: gpio, only with from: load_power",
        ),
        (
            "{from: gpio}",
            "{from: load_power, device: lamp}",
            "site.yaml line 14: lights.device: no device 'lamp' records load_power_w; controller would do",
        ),
        (
            "kiosk:\n  board: kiosk-8\n  slots: [1, 2]\n",
            "",
            "site.yaml line 11: lights.from: gpio needs a kiosk whose board names a pin for the lights",
        ),
        (
            "hub.example}",
            "hub.example, tls: maybe}",
            "site.yaml line 15: uplink.tls: must be true or false, not 'maybe'",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(old: str, new: str, expected: str) -> None:
    """File, line and key come first, then what would be right."""
    assert complaint(changed(old, new)) == expected


def test_every_fault_is_told_at_once_from_top_to_bottom() -> None:
    """One look at the file is enough to put all of it right."""
    text = changed("shard: 3", "shard: x").replace("hub.example", "''").replace("name:", "nam:")
    assert complaint(text).splitlines() == [
        "site.yaml line 1: site: missing name",
        f"site.yaml line 3: site.nam: unknown key; did you mean name? {SITE_KEYS} are known here",
        "site.yaml line 6: site.shard: must be a whole number, not 'x'",
        "site.yaml line 15: uplink.host: must not be empty",
    ]


def test_a_metric_the_device_does_not_tell_is_named_with_those_it_does() -> None:
    """A wrong metric is answered with the right ones; lights then need another device."""
    told = complaint(changed("{port: /dev/ttyUSB0}", "{port: /dev/ttyUSB0}\n    metrics: [soc, soc_pct]"))
    assert told.startswith("site.yaml line 11: devices.controller.metrics: epever-tracer does not tell soc; it tells ")
    assert "soc_pct" in told
    text = changed("{port: /dev/ttyUSB0}", "{port: /dev/ttyUSB0}\n    metrics: [soc_pct]")
    assert complaint(text.replace("from: gpio", "from: load_power")) == (
        "site.yaml line 15: lights.from: load_power needs a device that records load_power_w, and none does"
    )


@pytest.mark.parametrize(
    ("profile", "connection", "unit", "expected"),
    [
        ("srne-rover", "{port: /dev/ttyUSB1}", 1, None),
        ("srne-rover", "{port: /dev/ttyUSB0, baud: 115200}", 2, None),
        ("epever-tracer", "{host: 10.0.0.5}", 1, None),
        ("pzem-dc", "{port: /dev/ttyUSB0, baud: 115200}", 2, None),
        ("victron-system", "{port: /dev/ttyUSB1}", 100, "victron-system is read over the network only; give its host"),
        (
            "epever-tracer",
            "{port: /dev/ttyUSB0}",
            1,
            "unit 1 is controller already; one of the two is set wrongly",
        ),
        (
            "srne-rover",
            "{port: /dev/ttyUSB0}",
            2,
            ("9600 baud, parity none, but controller is on the same port with 115200 baud, parity none"),
        ),
    ],
)
def test_devices_share_a_line_only_if_they_can(profile: str, connection: str, unit: int, expected: str | None) -> None:
    """Two devices on one port need one speed and two addresses."""
    second = SECOND.format(profile=profile, connection=connection, unit=unit)
    text = changed("kiosk:", second + "kiosk:")
    if expected is None:
        assert [device.name for device in read(text).devices] == ["controller", "second"]
    else:
        assert complaint(text) == f"site.yaml line 13: devices.second.connection: {expected}"


BOARD = """
board: bench
title: On a bench
slots: {1: {pin: 5, active: low}, 2: {pin: 6, active: high}}
"""


@pytest.mark.parametrize(
    ("board", "expected"),
    [
        (BOARD + "lights: {pin: 7, active: high}", None),
        (BOARD.replace("pin: 6", "pin: 5"), "board kiosk-8 line 4: slots.2.pin: pin 5 is wired to slots 1 already"),
        (
            BOARD + "lights: {pin: 6, active: low}",
            "board kiosk-8 line 5: lights.pin: pin 6 is wired to slots 2 already",
        ),
        (BOARD.replace("pin: 6", "pin: 28"), "board kiosk-8 line 4: slots.2.pin: must be at most 27, not 28"),
    ],
)
def test_a_pin_is_wired_to_one_thing(board: str, expected: str | None) -> None:
    """A board that cannot be is refused with the site that uses it."""
    try:
        settings = parse(SITE, "site.yaml", profile_text=profile_text, board_text=lambda _: board)
    except ConfigError as error:
        assert str(error) == f"site.yaml line 12: kiosk.board: {expected}"  # noqa: PT017  one of the cases is good
    else:
        assert expected is None
        assert settings.lights_pin == Pin(7, active_low=False)


def test_a_board_without_lights_has_no_pin_for_them() -> None:
    """Lights on a pin need a board that has one."""
    with pytest.raises(ConfigError, match="gpio needs a kiosk whose board names a pin for the lights"):
        parse(SITE, "site.yaml", profile_text=profile_text, board_text=lambda _: BOARD)


def test_devices_with_one_and_two_stop_bits_share_a_line() -> None:
    """Two stop bits please a device of one too, so a meter needs no adapter of its own beside a controller."""
    second = SECOND.format(profile="pzem-dc", connection="{port: /dev/ttyUSB0, baud: 115200}", unit=2)
    first, meter = read(changed("kiosk:", second + "kiosk:")).devices
    assert first.connection == meter.connection
    assert meter.connection.stop_bits == 2


def test_a_device_may_not_take_the_name_of_a_table() -> None:
    """The ratings of a device called x stand under x-settings."""
    assert complaint(changed("  controller:", "  controller-settings:")) == (
        "site.yaml line 8: devices.controller-settings: names ending in -settings are taken by "
        "the settings of the devices"
    )


def test_the_device_key_lies_beside_the_outbox_unless_told() -> None:
    """Where it is, and where a first start gets it."""
    assert (read().device_key_file, read().enrolment_url) == ("/var/lib/kayasol/device-key", None)
    told = (
        changed("  shard: 3", "  shard: 3\n  device_key_file: /safe/key") + "enrolment: {url: https://hub.example/x}\n"
    )
    assert (read(told).device_key_file, read(told).enrolment_url) == ("/safe/key", "https://hub.example/x")


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://hub.example:8443/api/v1/enrolments", True),
        ("http://127.0.0.1:8080/api/v1/enrolments", True),
        ("http://localhost/api/v1/enrolments", True),
        ("http://hub.example/api/v1/enrolments", False),
        ("http://localhost.example/", False),
        ("file:///etc/passwd", False),
        ("https:///x", False),
    ],
)
def test_a_token_goes_over_tls_or_stays_on_this_machine(url: str, *, fine: bool) -> None:
    """Anything else is refused before it is tried."""
    text = f"{SITE}enrolment: {{url: '{url}'}}\n"
    if fine:
        assert read(text).enrolment_url == url
    else:
        assert "site.yaml line 16: enrolment.url" in complaint(text)
