"""Nobody does at the broker what is not theirs: real Mosquitto, real nats-server, real TLS, set up by our commands."""

from __future__ import annotations

import socket
import sqlite3
import ssl
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from edge import settings as site_settings
from edge.io.mqtt import MqttLink
from firmware_config import board_text, profile_text
from hub import broker_commands, settings
from hub.__main__ import main
from hub.ingest.decode import Message
from hub.io import authority
from hub.io import broker as programs
from hub.io.files import write_over
from hub.io.mqtt import MqttInbox
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.topics import FROM_SITE, TO_SITE, Address, Channel, client_id
from tests.security.door import Client, House, eventually, house

A, B = Address(3, "ecole-a"), Address(3, "ecole-b")


@pytest.fixture(scope="module", params=["nats", "mosquitto"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Set a hub up once for each broker."""
    with house(request.param, tmp_path_factory.mktemp(request.param)) as around:
        yield around


@pytest.fixture
def door(built: House) -> Iterator[House]:
    """Give the hub's broker, and have whoever came in leave."""
    yield built
    built.leave()


@pytest.fixture(scope="module")
def secrets(built: House) -> dict[str, str]:
    """Enrol two sites."""
    return {site.site: built.enrol(site.site) for site in (A, B)}


def test_a_site_and_its_hub_hear_each_other(door: House, secrets: dict[str, str]) -> None:
    """All six channels carry what they are for."""
    hub, a = door.hub(), door.site(A.site, secrets[A.site])
    for channel in FROM_SITE:
        a.say(A.topic(channel), b"up")
    eventually(lambda: all(hub.heard_of(A.topic(channel)) for channel in FROM_SITE))
    for channel in TO_SITE:
        hub.say(A.topic(channel), b"down")
    eventually(lambda: all(a.heard_of(A.topic(channel)) for channel in TO_SITE))


def test_a_site_can_say_nothing_for_another(door: House, secrets: dict[str, str]) -> None:
    """What a site publishes on a topic that is not its own reaches nobody, whoever's it is."""
    hub, a, b = door.hub(), door.site(A.site, secrets[A.site]), door.site(B.site, secrets[B.site])
    for channel in Channel:
        b.say(A.topic(channel), b"forged")
    for channel in TO_SITE:
        b.say(B.topic(channel), b"forged")
    for shard in range(16):
        if shard != B.shard:
            b.say(Address(shard, B.site).topic(Channel.UP), b"forged")
    b.say(B.topic(Channel.UP), b"true")
    # What went before it on the same way has arrived by then, had it been let through.
    eventually(lambda: hub.heard_of(B.topic(Channel.UP)))
    hub.say(A.topic(Channel.ACK), b"true")
    eventually(lambda: a.heard_of(A.topic(Channel.ACK)))
    assert not [heard for client in (hub, a, b) for heard in client.heard if heard[1] == b"forged"]


def test_a_site_hears_nothing_that_is_not_its_own(door: House, secrets: dict[str, str]) -> None:
    """Neither another site's topics nor the hub's, by name or by wildcard, retained or not, nor the broker's own."""
    hub, a, b = door.hub(), door.site(A.site, secrets[A.site]), door.site(B.site, secrets[B.site])
    a.say(A.topic(Channel.STATE), b"retained", retain=True)
    eventually(lambda: hub.heard_of(A.topic(Channel.STATE)))
    wanted = [A.topic(channel) for channel in Channel] + [B.topic(channel) for channel in FROM_SITE]
    for topic in (*wanted, "#", "+/+/+/+/+", "kayasol/#", "kayasol/1/3/+/ack", "kayasol/1/+/+/up", "$SYS/#", "$MQTT/#"):
        granted = b.subscribe(topic)
        # Mosquitto grants any subscription and holds back what comes of it.
        assert granted == (door.kind == "mosquitto"), topic
    for channel in FROM_SITE:
        a.say(A.topic(channel), b"of a")
    eventually(lambda: hub.heard_of(A.topic(Channel.LIVE)))
    for channel in TO_SITE:
        hub.say(A.topic(channel), b"for a")
    eventually(lambda: a.heard_of(A.topic(Channel.CMD)))
    hub.say(B.topic(Channel.CMD), b"for b")
    eventually(lambda: b.heard_of(B.topic(Channel.CMD)))
    assert {topic for topic, _ in b.heard} == {B.topic(Channel.CMD)}


def test_a_last_will_is_held_to_the_same_rules(door: House, secrets: dict[str, str]) -> None:
    """Neither the hub nor a later listener hears what a site has the broker say in another's name."""
    hub = door.hub()
    forger = door.client(B.site, secrets[B.site], will=(A.topic(Channel.STATE), b"forged"))
    if forger.enter():
        forger.break_off()
    honest = door.client(B.site, secrets[B.site], will=(B.topic(Channel.STATE), b"true"))
    assert honest.enter()
    honest.break_off()
    eventually(lambda: b"true" in hub.heard_of(B.topic(Channel.STATE)))
    later = door.hub()
    eventually(lambda: b"true" in later.heard_of(B.topic(Channel.STATE)))
    assert b"forged" not in hub.heard_of(A.topic(Channel.STATE)) + later.heard_of(A.topic(Channel.STATE))


def test_nobody_takes_the_place_of_another(door: House, secrets: dict[str, str]) -> None:
    """A site that names the client ids that can be guessed neither ends a session nor inherits what it listened to."""
    hub, a = door.hub(), door.site(A.site, secrets[A.site])
    inbox = Client(door.hub_port, door.ca_file, "hub", _hub_secret(door), client_id=_hub_id(door))
    door.clients.append(inbox)
    link = door.client(A.site, secrets[A.site], client_id=client_id("kayasol-ecole-a", secrets[A.site]))
    a.leave()
    assert inbox.enter()
    assert link.enter()
    for guess in ("hub", "kayasol-hub-0-16", "ecole-a", "kayasol-ecole-a", "kayasol-hub-0-16-0000000000000000"):
        thief = door.client(B.site, secrets[B.site], client_id=guess)
        assert thief.enter()
        thief.say(B.topic(Channel.UP), guess.encode())
        eventually(partial(_heard, hub, B.topic(Channel.UP), guess.encode()))
        assert thief.heard == []
        thief.leave()
    assert (hub.lost, inbox.lost, link.lost) == (0, 0, 0)


def test_a_site_has_one_connection(door: House, secrets: dict[str, str]) -> None:
    """On Mosquitto, whatever it calls itself: the newer ends the older. nats-server knows no such limit."""
    if door.kind == "nats":
        pytest.skip("nats-server counts connections, not those of one user")
    first, second = (door.client(A.site, secrets[A.site], client_id=name) for name in ("one", "another"))
    assert first.enter()
    assert second.enter()
    eventually(lambda: first.lost)


@pytest.mark.parametrize(
    ("username", "secret"),
    [
        (None, None),
        ("ecole-a", None),
        ("ecole-a", ""),
        ("ecole-a", "guessed"),
        ("ecole-x", "guessed"),
        ("hub", ""),
        ("hub_check", ""),
        ("hub_check", "guessed"),
    ],
)
@pytest.mark.usefixtures("secrets")
def test_who_has_no_secret_stays_outside(door: House, username: str | None, secret: str | None) -> None:
    """Anonymous, without a password, with a wrong one, under an unknown name; at the hub's port as at the sites'."""
    for port in {door.site_port, door.hub_port}:
        client = Client(port, door.ca_file, username, secret)
        door.clients.append(client)
        assert not client.enter()


def test_a_secret_is_good_for_its_own_name_only(door: House, secrets: dict[str, str]) -> None:
    """Site B's secret opens neither site A nor the hub."""
    for name in (A.site, "hub", "hub_check"):
        assert not door.client(name, secrets[B.site]).enter()


def test_there_is_no_way_in_without_tls(door: House, secrets: dict[str, str]) -> None:
    """A client that speaks plain MQTT gets no answer that it could use, on either port."""
    for port in {door.site_port, door.hub_port}:
        client = Client(port, None, A.site, secrets[A.site])
        door.clients.append(client)
        assert not client.enter()


def test_old_tls_is_refused(door: House) -> None:
    """TLS 1.2 is the least."""
    context = ssl.create_default_context(cafile=str(door.ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("localhost", door.site_port), 10) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


def test_a_payload_that_is_too_large_goes_nowhere(door: House, secrets: dict[str, str]) -> None:
    """The largest that the protocol knows passes; one that is larger ends the connection."""
    hub, a = door.hub(), door.site(A.site, secrets[A.site])
    a.say(A.topic(Channel.UP), b"l" * PAYLOAD_MAX_BYTES)
    eventually(lambda: [len(payload) for payload in hub.heard_of(A.topic(Channel.UP))] == [PAYLOAD_MAX_BYTES])
    a.say(A.topic(Channel.UP), b"x" * (PAYLOAD_MAX_BYTES + 4096))
    eventually(lambda: a.lost)
    assert len(hub.heard_of(A.topic(Channel.UP))) == 1


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_a_flooded_broker_recovers_by_itself(kind: str, tmp_path: Path) -> None:
    """A site that fills what may wait for a stalled hub cannot keep the hub, or another site, out for good."""
    with house(kind, tmp_path, "queue_mb: 2") as door:
        flooder, other = door.enrol(A.site), door.enrol(B.site)
        config = settings.parse(Path(door.config).read_text("utf-8"), "hub.yaml")
        stalled = MqttInbox(config.broker, config.shards)
        stalled.open()
        eventually(stalled.connected)
        hostile = door.site(A.site, flooder)
        for _ in range(100):
            hostile.say(A.topic(Channel.UP), b"x" * 60_000)
        if kind == "nats":
            eventually(lambda: hostile.lost)  # nats-server hangs up when its store is full
            assert not door.client(B.site, other).enter()
        stalled.close()
        hub = MqttInbox(config.broker, config.shards)
        hub.open()
        eventually(hub.connected)
        honest = door.site(B.site, other)
        honest.say(B.topic(Channel.UP), b"true")
        taken: list[Message] = []

        def arrived() -> bool:
            new = hub.take(100)
            hub.settle(new)
            taken.extend(new)
            return any(message.payload == b"true" for message in taken)

        eventually(arrived)
        hub.close()


def test_a_revoked_site_is_thrown_out_and_stays_outside(door: House, capsys: pytest.CaptureFixture[str]) -> None:
    """While it is connected, by the command alone; nobody else notices."""
    secret, other = door.enrol("ecole-c"), door.enrol("ecole-d")
    hub, thief, honest = door.hub(), door.site("ecole-c", secret), door.site("ecole-d", other)
    stolen, kept = (Address(3, site).topic(Channel.STATE) for site in ("ecole-c", "ecole-d"))
    for site, topic in ((thief, stolen), (honest, kept)):
        site.say(topic, b"online", retain=True)
    eventually(lambda: hub.heard_of(stolen) and hub.heard_of(kept))
    assert door.run("site", "revoke", "ecole-c") == 0
    assert "ecole-c may not enter any more" in capsys.readouterr().out
    eventually(lambda: thief.lost)
    assert not door.client("ecole-c", secret).enter()
    honest.say(Address(3, "ecole-d").topic(Channel.UP), b"still here")
    eventually(lambda: hub.heard_of(Address(3, "ecole-d").topic(Channel.UP)))
    assert (hub.lost, honest.lost) == (0, 0)
    later = door.hub()
    eventually(lambda: later.heard_of(kept))
    if door.kind == "nats":  # forgets what a site that is struck off had it keep
        assert not later.heard_of(stolen)
    else:
        eventually(lambda: later.heard_of(stolen))
    assert door.run("site", "revoke", "ecole-cc") == 2
    assert "no site 'ecole-cc' may enter the broker; did you mean" in capsys.readouterr().err


def test_a_new_secret_shuts_the_old_one_out(door: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Only when it was asked for; then whoever is in with the old one is thrown out."""
    old = door.enrol("ecole-e")
    inside = door.site("ecole-e", old)
    folder = door.directory / "ecole-e"
    assert door.run("site", "add", str(folder / "site.yaml"), "--bundle", str(folder / "more")) == 2
    assert "ecole-e has a secret already, which only its bundle tells" in capsys.readouterr().err
    assert not (folder / "more").exists()
    new = door.enrol("ecole-e", 3, "--new-secret")
    eventually(lambda: inside.lost)
    assert not door.client("ecole-e", old).enter()
    assert door.client("ecole-e", new).enter()


# paho leaves the socket of a handshake that failed to Python, which closes it and says so.
@pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_the_edge_refuses_a_hub_of_another_authority(
    door: House, secrets: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own adapter sends nothing, and says in the log what is wrong and what to look at."""
    site = _edge_settings(door, A.site)
    assert main(["init", str(tmp_path / "other"), "--answers", str(door.directory / "answers.yaml")]) == 0
    other = tmp_path / "other" / "authority" / "ca.pem"
    link = MqttLink(replace(site.uplink, ca_file=str(other)), A, epoch=1)
    link.connect()
    eventually(lambda: link.last_error)
    assert not link.connected()
    link.close()
    said = capsys.readouterr().err
    assert "the broker's certificate is refused: " in said
    assert f"It must be for localhost and signed by the authority in {other}" in said
    # The same link with its own authority is let in.
    trusting = MqttLink(site.uplink, A, epoch=1)
    trusting.connect()
    eventually(trusting.connected)
    trusting.close()
    assert secrets


def test_files_that_are_no_good_change_nothing(
    door: House, secrets: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the broker's own program does not take is never put in place."""
    before = _files(door)
    broken = tmp_path / "broken.yaml"
    text = Path(door.config).read_text("utf-8")
    false = "/bin/false"
    broken.write_text(text.replace("  managed:\n", f"  managed:\n    program: {false}\n"), "utf-8")
    assert main(["--config", str(broken), "broker", "apply"]) == 2
    assert false in capsys.readouterr().err
    assert _files(door) == before
    door.site(A.site, secrets[A.site])


def test_a_broker_that_does_not_take_its_files_has_the_old_ones_back(
    door: House,
    secrets: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reload that does nothing is noticed, and what is on the disk is again what the broker goes by."""
    monkeypatch.setattr(programs, "PATIENCE_S", 2.0)
    before = _files(door)
    deaf = tmp_path / "deaf.yaml"
    lines = Path(door.config).read_text("utf-8").splitlines()
    told = ["    reload: [/bin/true]" if "pid_file" in line else line for line in lines]
    deaf.write_text("\n".join(told), "utf-8")
    assert main(["--config", str(deaf), "broker", "apply"]) == 2
    said = capsys.readouterr().err
    assert "the broker did not take its new files (it refuses us" in said
    assert "the old ones are back" in said
    assert _files(door) == before
    door.site(A.site, secrets[A.site])


def test_a_certificate_is_renewed_while_everybody_stays(
    door: House, secrets: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Broker and pages show the new one to who comes next; before it is due, nothing happens."""
    a, hub = door.site(A.site, secrets[A.site]), door.hub()
    shown = _shown(door.site_port, door.ca_file)
    assert door.run("broker", "renew") == 0
    assert "nothing is due" in capsys.readouterr().out
    config = settings.parse(Path(door.config).read_text("utf-8"), "hub.yaml")
    pages = door.directory / "hub" / "pages.pem"
    before = pages.read_bytes()
    later = datetime.now(UTC) + timedelta(days=300)  # noqa: TID251  a moment that is to come
    broker_commands.renew(config, later, sys.stdout)
    assert "made anew: it ends on " in capsys.readouterr().out
    eventually(lambda: _shown(door.site_port, door.ca_file) != shown)
    assert pages.read_bytes() != before
    write_over(pages, before, 0o600)  # the new one is not valid yet
    a.say(A.topic(Channel.UP), b"still here")
    eventually(lambda: hub.heard_of(A.topic(Channel.UP)))
    assert (a.lost, hub.lost) == (0, 0)


@pytest.mark.timeout(180)
def test_the_real_edge_delivers_to_the_real_hub(door: House) -> None:
    """From the bundle alone: a batch arrives, the ack comes back, and the pages answer over TLS."""
    door.enrol("ecole-z", 7)
    folder = door.directory / "ecole-z"
    hub = [sys.executable, "-m", "hub", "--config", door.config, "serve"]
    door.processes.start("hub", hub)
    door.processes.start("edge", [sys.executable, "-m", "edge", "--site", str(folder / "site.yaml"), "run"])
    outbox, ledger = folder / "outbox" / "outbox.db", door.directory / "hub" / "state" / "ledger.db"
    eventually(lambda: b" runs, " in (door.directory / "edge.log").read_bytes(), 60)
    eventually(lambda: _count(outbox, "kept WHERE acked_ms IS NOT NULL"), 60)
    assert _count(ledger, "archive WHERE site = 'ecole-z'")
    _pages_answer(door)
    first = _shown(door.web_port, door.ca_file)
    # A certificate that was renewed is shown to the next who comes, without a restart.
    pages, hosts = door.directory / "hub" / "pages.pem", ["localhost"]
    now = datetime.now(UTC)  # noqa: TID251  it must be valid now
    write_over(pages, authority.read(door.ca_file.parent).issue(hosts, now, for_broker=False), 0o600)
    assert _shown(door.web_port, door.ca_file) != first
    _pages_answer(door)


def _pages_answer(door: House) -> None:
    trusting = ssl.create_default_context(cafile=str(door.ca_file))
    url = f"https://localhost:{door.web_port}/healthz"
    with urllib.request.urlopen(url, context=trusting, timeout=10) as answer:
        assert answer.status == 200


def _count(database: Path, rows: str) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return int(db.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])  # noqa: S608  our own words


def _heard(client: Client, topic: str, payload: bytes) -> bool:
    return payload in client.heard_of(topic)


def _edge_settings(door: House, site: str) -> site_settings.Settings:
    text = (door.directory / site / "site.yaml").read_text("utf-8")
    return site_settings.parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)


def _files(door: House) -> dict[str, bytes]:
    folder = door.directory / "hub" / "broker"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _hub_secret(door: House) -> str:
    return (door.directory / "hub" / "hub-secret").read_text("ascii").strip()


def _hub_id(door: House) -> str:
    return client_id("kayasol-hub-0-16", _hub_secret(door))


def _shown(port: int, ca_file: Path) -> bytes:
    context = ssl.create_default_context(cafile=str(ca_file))
    with (
        socket.create_connection(("localhost", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        certificate = secured.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate
