"""Enrolment over real TLS: the agent's own adapter and process against the hub's own application."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import uvicorn

from bench.world import certificate
from demo.processes import Processes, free_port
from edge.enrolment import Answer
from edge.errors import Refused, RetryLater
from edge.io.device_key import read_key
from edge.io.enrolment import HttpsDesk
from hub.api.app import create_app
from protocol.seal import KEY_BYTES
from tests.hub.builders import NOON_MS, TestHub
from tests.hub.door import context_of
from tests.system.world import eventually

KEY = b"k" * KEY_BYTES
SITE = """\
site: {{id: ecole-a, name: École A, kind: school, commune: Kaya, shard: 3}}
devices: {{controller: {{profile: epever-tracer, connection: {{host: 127.0.0.1, tcp_port: {silent_port}}}}}}}
uplink: {{host: 127.0.0.1, tcp_port: {silent_port}, tls: false, ca_file: {ca_file}}}
enrolment: {{url: "{url}"}}
outbox: {{directory: {directory}/outbox, commit_interval_s: 0}}
"""


@dataclass
class Desk:
    """The hub's application behind TLS on loopback."""

    hub: TestHub
    url: str
    ca_file: Path


@pytest.fixture
def desk(hub: TestHub, tmp_path: Path) -> Iterator[Desk]:
    """Serve the hub with a certificate of its own."""
    (tmp_path / "tls").mkdir()
    ca_file, port = certificate(tmp_path / "tls"), free_port()
    context = context_of(hub.ledger, hub.store, NOON_MS)
    config = uvicorn.Config(
        create_app(context, hub.consumer.counters), host="127.0.0.1", port=port, log_config=None,
        ssl_certfile=tmp_path / "tls" / "broker.crt", ssl_keyfile=tmp_path / "tls" / "broker.key",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield Desk(hub, f"https://127.0.0.1:{port}/api/v1/enrolments", ca_file)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TestHub]:
    """Give a hub that knows one site."""
    hub = TestHub(tmp_path)
    yield hub
    hub.ledger.close()


def offered(url: str, ca_file: Path | None, token: str) -> Answer:
    """Offer a key and wait for what comes of it."""
    desk = HttpsDesk(url, "ecole-a", None if ca_file is None else str(ca_file))
    answers: list[Answer] = []

    def heard() -> bool:
        answers.extend(answer for answer in [desk.answer()] if answer is not None)
        return bool(answers)

    desk.offer(token, KEY)
    eventually(heard)
    return answers[0]


@pytest.mark.timeout(120)
def test_a_first_start_enrols_while_the_agent_works(desk: Desk, tmp_path: Path) -> None:
    """The token beside site.yaml becomes a key at both ends, and a second start has nothing left to ask."""
    text = SITE.format(url=desk.url, ca_file=desk.ca_file, silent_port=free_port(), directory=tmp_path)
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    (tmp_path / "enrolment-token").write_text(desk.hub.ledger.new_token("ecole-a", NOON_MS), "ascii")
    with Processes(tmp_path) as processes:
        for enrols in (1, 0):
            edge = processes.start("edge", [sys.executable, "-m", "edge", "--site", f"{tmp_path}/site.yaml", "run"])
            eventually(lambda: not (tmp_path / "enrolment-token").exists())
            eventually((tmp_path / "outbox" / "status.json").exists)
            (tmp_path / "outbox" / "status.json").unlink()
            processes.running.pop()
            edge.send_signal(signal.SIGTERM)
            assert edge.wait(20) == 0
            assert (tmp_path / "edge.log").read_text("utf-8").count("the hub has our device key") == enrols
    key = read_key(tmp_path / "outbox" / "device-key")
    assert key is not None
    assert desk.hub.ledger.device_keys("ecole-a") == [key]


def test_the_hub_takes_a_key_as_often_as_it_comes(desk: Desk) -> None:
    """The answer may be lost on the way; another token is refused in the hub's own words."""
    token = desk.hub.ledger.new_token("ecole-a", NOON_MS)
    for _ in range(2):
        assert offered(desk.url, desk.ca_file, token) == Answer()
    assert desk.hub.ledger.device_keys("ecole-a") == [KEY]
    refused = offered(desk.url, desk.ca_file, "x" * 32).error
    assert isinstance(refused, Refused)
    assert str(refused).startswith("this token does not enrol this site")


def test_a_hub_that_cannot_prove_who_it_is_gets_no_token(desk: Desk, tmp_path: Path) -> None:
    """A certificate that no trusted authority signed ends the conversation before a word of it."""
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other")
    token = desk.hub.ledger.new_token("ecole-a", NOON_MS)
    for ca_file in (None, other):
        error = offered(desk.url, ca_file, token).error
        assert isinstance(error, RetryLater)
        assert "certificate verify failed" in str(error)
    assert desk.hub.ledger.device_keys("ecole-a") == []


@dataclass
class Stranger:
    """What some other server says to whatever is asked, and what it heard."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    heard: int = 0


@contextmanager
def strange_server(stranger: Stranger) -> Iterator[str]:
    """Serve a stranger on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            stranger.heard += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(stranger.status)
            for name, value in {**stranger.headers, "Content-Length": str(len(stranger.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(stranger.body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/v1/enrolments"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Bienvenue sur le portail</html>"),
        (200, b'{"site": "ecole-b", "enrolled": true}'),
        (200, b'{"site": "ecole-a"}'),
        (200, b"[" * 10_000),
        (403, b"<html>Forbidden</html>"),
        (404, b'{"detail": "Not Found"}'),
        (429, b'{"detail": "too many"}'),
        (503, b'{"detail": "the ledger cannot be read"}'),
    ],
)
def test_only_the_hubs_own_yes_or_no_counts(status: int, body: bytes) -> None:
    """A portal, a proxy or an older hub neither enrols a site nor makes it give up."""
    stranger = Stranger(status, body)
    with strange_server(stranger) as url:
        assert isinstance(offered(url, None, "x" * 32).error, RetryLater)
    assert stranger.heard == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_token_is_not_carried_elsewhere(status: int) -> None:
    """No redirection is followed."""
    elsewhere = Stranger(200, b'{"site": "ecole-a", "enrolled": true}')
    with strange_server(elsewhere) as target, strange_server(Stranger(status, b"", {"Location": target})) as url:
        assert isinstance(offered(url, None, "x" * 32).error, RetryLater)
    assert elsewhere.heard == 0


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/x", "https://x.invalid/", "https://é" + "x" * 70 + "/"])
def test_an_address_where_nobody_is_is_tried_again(url: str, tmp_path: Path) -> None:
    """Nor does a missing file of authorities end the agent."""
    assert isinstance(offered(url, None, "x" * 32).error, RetryLater)
    assert isinstance(offered(url, tmp_path / "nowhere.crt", "x" * 32).error, RetryLater)
