"""`kayasol-hub init` and what follows from its answers; and what the door's commands refuse."""

from __future__ import annotations

import stat
from contextlib import closing
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from demo.processes import free_port
from firmware_config import ConfigError
from hub import setup, setup_command
from hub.__main__ import main
from hub.enrolment_store import Offer
from hub.errors import BadRequest
from hub.io.ledger import SqlLedger
from hub.settings import parse

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ANSWERS: dict[str, Any] = {"name": "Kaya « nord »", "hosts": ["hub.example.org"], "broker": "nats", "pages": "proxy"}
SITE = """\
site: {id: ecole-a, name: École A, kind: school, commune: Kaya, shard: 3}
devices: {controller: {profile: epever-tracer, connection: {port: /dev/ttyUSB0}}}
uplink: {host: hub.example.org}
"""


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
@pytest.mark.parametrize("pages", ["proxy", "own"])
def test_a_hub_of_the_system_has_users_units_and_folders_of_its_own(kind: str, pages: str) -> None:
    """What is written can be read, and sends the hub over TLS, with a password, to a broker that it manages."""
    plan = setup.plan({**ANSWERS, "broker": kind, "pages": pages}, setup.SYSTEM, as_root=True)
    settings = parse(setup.hub_yaml(plan), "hub.yaml")
    managed = settings.broker.managed
    assert managed is not None
    unit = "mosquitto" if kind == "mosquitto" else "kayasol-broker"
    assert (settings.name, settings.database) == ("Kaya « nord »", "sqlite:////var/lib/kayasol-hub/ledger.db")
    assert (plan.hub_user, managed.owner, managed.reload) == ("kayasol-hub", unit, ("systemctl", "reload", unit))
    assert (settings.broker.tls, settings.broker.host) == (True, "127.0.0.1")
    assert settings.broker.tcp_port == (8884 if kind == "mosquitto" else managed.tcp_port)
    assert (managed.directory, managed.authority) == ("/etc/kayasol-hub/broker", "/etc/kayasol-hub/authority")
    own = ("0.0.0.0", 8443, "/etc/kayasol-hub/pages.pem")  # noqa: S104  what is expected
    expected = own if pages == "own" else ("127.0.0.1", 8080, None)
    assert (settings.web_host, settings.web_port, settings.web_tls_file) == expected
    steps = setup.next_steps(
        plan, "/etc/kayasol-hub/broker/x.conf", setup.Commands("/opt/kayasol/bin/kayasol-hub", "broker")
    )
    assert f"systemctl {'restart mosquitto' if kind == 'mosquitto' else 'enable --now kayasol-broker'}" in steps
    assert "/opt/kayasol/bin/kayasol-hub --config /etc/kayasol-hub/hub.yaml site add site.yaml --bundle FOLDER" in steps


def test_a_hub_in_any_folder_keeps_everything_there() -> None:
    """Nothing of the system is touched, and the broker is told by its process."""
    settings = parse(setup.hub_yaml(setup.plan(ANSWERS, "/srv/try", as_root=False)), "hub.yaml")
    managed = settings.broker.managed
    assert managed is not None
    assert settings.database == "sqlite:////srv/try/state/ledger.db"
    assert (managed.owner, managed.pid_file, managed.reload) == (None, "/srv/try/store/broker.pid", ())
    assert managed.store == "/srv/try/store"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hosts: []", "hosts: needs 1 or more entries"),
        ("hosts: [hub example]", "hosts[0]: must be a host name or an address"),
        ("broker: rabbit", "broker: must be one of mosquitto, nats, not 'rabbit'"),
        ("brocker: nats", "brocker: unknown key; did you mean broker?"),
    ],
)
def test_an_answer_that_is_none_is_named(text: str, words: str) -> None:
    """File, line and key."""
    with pytest.raises(ConfigError) as caught:
        setup.read_answers(text, "answers.yaml")
    assert str(caught.value).startswith(f"answers.yaml line 1: {words}")


def test_few_questions_are_asked_until_they_are_answered(tmp_path: Path) -> None:
    """What was said before is not asked; an empty answer takes what is proposed, where anything is."""
    said = iter(["", "", "hub.example.org hub:", "hub.example.org 203.0.113.5", "rabbit", "", ""])
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return next(said)

    out = StringIO()
    assert setup_command.init(tmp_path / "hub", {"tcp_port": free_port()}, ask, NOW, out) == 0
    assert [question[:20] for question in asked] == [
        "What is the hub call",
        "By which name or add",
        "By which name or add",
        "By which name or add",
        "Which broker: nats (",
        "Which broker: nats (",
        "The pages: proxy (be",
    ]
    assert "must be one of mosquitto, nats, not 'rabbit'" in out.getvalue()
    settings = parse((tmp_path / "hub" / "hub.yaml").read_text("utf-8"), "hub.yaml")
    assert settings.name == "Kayasol"
    assert settings.broker.managed is not None
    assert settings.broker.managed.hosts == ("hub.example.org", "203.0.113.5")


def test_secrets_are_for_their_owner_and_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Modes of every file; a second run ends in a sentence and changes nothing."""
    hub = tmp_path / "hub"
    command = ["init", str(hub), "--name", "Kaya", "--host", "hub.example.org", "--broker", "nats", "--pages", "own"]
    assert main(command) == 0
    capsys.readouterr()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in hub.rglob("*") if path.is_file()}
    public = {"hub.yaml", "ca.pem", "ledger.db", "credentials.lock", "ledger.db.lock"}
    assert {name for name, mode in modes.items() if mode != 0o600} <= public
    assert {"hub-secret", "ca.key", "credentials", "pages.pem", "broker.pem", "nats.conf"} <= modes.keys()
    before = {path: path.read_bytes() for path in hub.rglob("*") if path.is_file()}
    assert main(command) == 2
    assert "holds hub.yaml, authority, broker, store, hub-secret, pages.pem already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in hub.rglob("*") if path.is_file()} == before


def test_a_hub_that_cannot_be_finished_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that the next attempt finds an empty folder."""
    answers = tmp_path / "answers.yaml"
    answers.write_text("{name: Kaya, hosts: [localhost], broker: nats, pages: own, program: /bin/false}", "utf-8")
    assert main(["init", str(tmp_path / "hub"), "--answers", str(answers)]) == 2
    assert "`/bin/false -t -c" in capsys.readouterr().err
    assert list((tmp_path / "hub").iterdir()) == []
    with pytest.raises(BadRequest, match="nobody is there to answer: By which name or address"):
        setup_command.init(tmp_path / "hub", {}, None, NOW, StringIO())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("host: hub.example.org", "host: hub.example.net"), "hub.example.net is not among this hub's hosts"),
        (("host: hub.example.org", "host: hub.example.org, tls: false"), "uplink.tls: must be true"),
        (("host: hub.example.org", "host: hub.example.org, username: x"), "uplink.username: must be ecole-a"),
        (("id: ecole-a", "id: hub"), "hub is the hub's own name on the broker"),
    ],
)
def test_a_site_that_could_not_reach_this_hub_is_refused(
    change: tuple[str, str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written, with file, line and key."""
    setup_command.init(tmp_path / "hub", ANSWERS, None, NOW, StringIO())
    site = tmp_path / "site.yaml"
    site.write_text(SITE.replace(*change), "utf-8")
    config = ["--config", str(tmp_path / "hub" / "hub.yaml")]
    assert main([*config, "site", "add", str(site), "--bundle", str(tmp_path / "bundle")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_holds_what_the_pi_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its settings as given, the authority, and secrets that nobody else reads and the hub keeps nowhere."""
    setup_command.init(tmp_path / "hub", ANSWERS, None, NOW, StringIO())
    site, bundle = tmp_path / "site.yaml", tmp_path / "bundle"
    site.write_text(SITE, "utf-8")
    config = ["--config", str(tmp_path / "hub" / "hub.yaml")]
    assert main([*config, "site", "add", str(site), "--bundle", str(bundle)]) == 0
    assert "the broker's files are written; it does not run now" in capsys.readouterr().out
    assert {path.name for path in bundle.iterdir()} == {"site.yaml", "ca.pem", "broker-secret"}
    assert (bundle / "site.yaml").read_text("utf-8") == SITE
    assert stat.S_IMODE((bundle / "broker-secret").stat().st_mode) == 0o600
    secret = (bundle / "broker-secret").read_bytes().strip()
    assert all(secret not in path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file())
    site.write_text(SITE + 'enrolment: {url: "https://hub.example.org/api/v1/enrolments"}\n', "utf-8")
    again = tmp_path / "again"
    assert main([*config, "site", "add", str(site), "--bundle", str(again), "--new-secret"]) == 0
    assert (again / "broker-secret").read_bytes().strip() != secret
    assert stat.S_IMODE((again / "enrolment-token").stat().st_mode) == 0o600
    token = (again / "enrolment-token").read_text("ascii").strip()
    with closing(SqlLedger(f"sqlite:///{tmp_path}/hub/state/ledger.db")) as ledger:
        ledger.enrol(Offer("ecole-a", token, bytes(32)), int(NOW.timestamp() * 1000))
        assert ledger.device_keys("ecole-a") == [bytes(32)]
    # What is known of a site may change without a bundle; its shard may not, and a bundle is not written over.
    assert main([*config, "site", "add", str(site)]) == 0
    site.write_text(SITE.replace("shard: 3", "shard: 4"), "utf-8")
    assert main([*config, "site", "add", str(site)]) == 2
    assert "was enrolled on shard 3, and a shard is for good; not 4" in capsys.readouterr().err
    site.write_text(SITE, "utf-8")
    assert main([*config, "site", "add", str(site), "--bundle", str(bundle), "--new-secret"]) == 2
    assert "holds site.yaml, ca.pem, broker-secret already" in capsys.readouterr().err


def test_a_hub_that_manages_no_broker_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence instead of files in places that nobody named."""
    config = tmp_path / "hub.yaml"
    config.write_text(f"database: sqlite:///{tmp_path}/ledger.db\n", "utf-8")
    for command in (["broker", "apply"], ["broker", "renew"], ["site", "revoke", "ecole-a"]):
        assert main(["--config", str(config), *command]) == 2
        assert "this hub does not manage its broker" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("broker: {managed: {kind: nats, directory: /x}}", "needs hosts, beside broker"),
        (
            "{hosts: [h], authority: /a, broker: {managed: {kind: nats, directory: /x}}}",
            "lets nobody in without TLS and a password",
        ),
    ],
)
def test_a_managed_broker_is_described_in_full(text: str, words: str) -> None:
    """What cannot work is refused as the settings are read."""
    with pytest.raises(ConfigError, match=words):
        parse(text, "hub.yaml")
