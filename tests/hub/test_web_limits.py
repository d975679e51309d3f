"""One request, and one client, cannot use up the web side."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.pace import Rate
from hub.web_limits import Limits, Message, Receive, Scope, Send, WebLimits
from tests.hub.builders import NOON_MS, TestHub
from tests.hub.door import ADMINISTRATOR, bearer, context_of

VILLAGE, OTHER = "41.203.0.7", "41.203.0.8"


class Clock:
    """The present moment."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS

    def __call__(self) -> int:
        """Say it."""
        return self.now_ms


async def echo(_: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body."""
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def scope(path: str = "/", client: str | None = VILLAGE, **more: Any) -> Scope:  # noqa: ANN401  as ASGI has it
    """Describe a request."""
    return {
        "type": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
        "client": None if client is None else (client, 5), **more,
    }  # fmt: skip


async def ask(app: WebLimits, asked: Scope, *pieces: bytes | None) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send a request in pieces; a piece that is None never comes. Gives status, headers and body of the answer."""
    left = list(pieces) or [b""]
    sent: list[Message] = []

    async def receive() -> Message:
        if not left:
            return {"type": "http.disconnect"}
        piece = left.pop(0)
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(asked, receive, send)
    start = sent[0]
    return start["status"], dict(start["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


def status(app: WebLimits, asked: Scope, *pieces: bytes | None) -> int:
    """Send a request; gives the status of its answer."""
    return asyncio.run(ask(app, asked, *pieces))[0]


def test_a_request_of_usual_size_passes_as_it_is() -> None:
    """The application sees the same body, in one piece."""
    answer = asyncio.run(ask(WebLimits(echo, Clock()), scope(), b"minu", b"tes=5"))
    assert answer == (200, {}, b"minutes=5")


@pytest.mark.parametrize(
    ("more", "pieces", "expected"),
    [
        ({"query_string": b"x" * 5000}, (), HTTPStatus.REQUEST_URI_TOO_LONG),
        ({"headers": [(b"cookie", b"x" * 20_000)]}, (), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        ({"headers": [(b"a", b"")] * 20_000}, (), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        ({"headers": [(b"Content-Length", b"52428800")]}, (), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ({"headers": [(b"content-length", b"9" * 5000)]}, (), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ({"headers": [(b"content-length", b"5")]}, (b"x" * 70_000,), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ({}, (b"x" * 40_000, b"x" * 40_000, None), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ({}, (b"x", None), HTTPStatus.REQUEST_TIMEOUT),
    ],
)
def test_what_is_too_long_or_too_slow_never_reaches_the_application(
    more: dict[str, Any], pieces: tuple[bytes | None, ...], expected: HTTPStatus
) -> None:
    """It is refused with its reason before anything is done for it."""

    async def never(*_: object) -> None:
        raise AssertionError

    app = WebLimits(never, Clock(), Limits(body_within_s=0.05))
    assert status(app, scope(**more), *pieces) == expected
    assert app.refused == {expected: 1}


def test_a_refusal_under_api_is_a_problem_and_elsewhere_a_sentence() -> None:
    """RFC 9457 for programs, French for people."""
    app = WebLimits(echo, Clock())
    _, headers, body = asyncio.run(ask(app, scope("/api/v1/sites", query_string=b"x" * 5000)))
    assert headers[b"content-type"] == b"application/problem+json"
    assert json.loads(body)["status"] == HTTPStatus.REQUEST_URI_TOO_LONG
    _, headers, body = asyncio.run(ask(app, scope("/sites", query_string=b"x" * 5000)))
    assert (headers[b"content-type"], body.decode()) == (
        b"text/plain; charset=utf-8",
        "Cette adresse est trop longue.\n",
    )


def test_a_client_has_a_rate_and_is_told_when_to_come_again() -> None:
    """So many at once, then so many a second; another client is not touched by it."""
    clock = Clock()
    app = WebLimits(echo, clock, Limits(rate=Rate(3, 0.5)))
    assert [status(app, scope()) for _ in range(4)] == [200, 200, 200, 429]
    _, headers, _ = asyncio.run(ask(app, scope()))
    assert headers[b"retry-after"] == b"2"
    assert status(app, scope(client=OTHER)) == 200
    clock.now_ms += 2000
    assert [status(app, scope()) for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "testclient", None])
def test_a_client_on_this_machine_has_no_rate(client: str | None) -> None:
    """A monitor asks often, and a proxy that does not say for whom it asks would shut everybody out."""
    app = WebLimits(echo, Clock(), Limits(rate=Rate(1, 1)))
    assert [status(app, scope(client=client)) for _ in range(3)] == [200, 200, 200]


def test_all_addresses_of_one_network_are_one_client() -> None:
    """Who has one IPv6 address has its whole network; IPv4 is the same however it is written."""
    app = WebLimits(echo, Clock(), Limits(rate=Rate(1, 1)))
    assert [status(app, scope(client=host)) for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [
        200,
        429,
        200,
    ]
    assert [status(app, scope(client=host)) for host in (VILLAGE, f"::ffff:{VILLAGE}")] == [200, 429]


def test_a_flood_of_addresses_takes_no_memory() -> None:
    """Who was silent for longest is forgotten."""
    app = WebLimits(echo, Clock(), Limits(clients=100))
    for number in range(500):
        status(app, scope(client=f"10.0.{number // 256}.{number % 256}"))
    assert len(app._buckets) == 100  # noqa: SLF001  what is measured is inside
    assert len(app._open) == 0  # noqa: SLF001  likewise


def held(release: asyncio.Event) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Make an application that answers only when it is let go."""

    async def app(asked: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await echo(asked, receive, send)

    return app


def test_only_so_many_are_worked_on_at_once() -> None:
    """Who comes beyond that is asked to come again, at once; when the others are done, there is room."""

    async def crowd() -> list[int]:
        release = asyncio.Event()
        app = WebLimits(held(release), Clock(), Limits(at_once=4, at_once_of_one=2))
        hosts = [VILLAGE, VILLAGE, VILLAGE, "10.0.0.1", "10.0.0.2", "10.0.0.3"]
        asked = [asyncio.create_task(ask(app, scope(client=host))) for host in hosts]
        done, _ = await asyncio.wait(asked, timeout=0.05)
        assert len(done) == 2
        release.set()
        found = [(await one)[0] for one in asked]
        return [*found, (await ask(app, scope()))[0]]

    assert asyncio.run(crowd()) == [200, 200, 429, 200, 200, 503, 200]


def test_bodies_that_never_end_keep_nobody_else_out() -> None:
    """A slow form holds a place of its client, none of the application's."""

    async def crowd() -> int:
        app = WebLimits(echo, Clock(), Limits(at_once=2, body_within_s=5))
        slow = [asyncio.create_task(ask(app, scope(client=f"10.0.0.{number}"), b"x", None)) for number in range(9)]
        await asyncio.sleep(0)
        try:
            return (await ask(app, scope()))[0]
        finally:
            for one in slow:
                one.cancel()

    assert asyncio.run(crowd()) == 200


def test_a_client_that_leaves_gives_its_place_back() -> None:
    """Whatever happens inside, nothing stays counted."""

    async def broken(*_: object) -> None:
        raise LookupError("a bug")

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(_: Message) -> None:
        raise AssertionError

    app = WebLimits(broken, Clock())
    with pytest.raises(LookupError, match="a bug"):
        status(app, scope())
    asyncio.run(app(scope(), gone, nowhere))
    assert (app._open, app._working) == ({}, 0)  # noqa: SLF001  what is measured is inside


@pytest.fixture
def port(hub: TestHub) -> Iterator[int]:
    """Serve the hub's own application over TCP."""
    context = context_of(hub.ledger, hub.store, NOON_MS)
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(context, hub.consumer.counters)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def test_a_form_of_50_mb_is_refused_at_its_head(port: int) -> None:
    """On a real connection: the answer comes before the form does."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST /sites/ecole-a/direct HTTP/1.1\r\nHost: x\r\nContent-Length: 52428800\r\n\r\nminutes=")
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_form_of_50_mb_without_a_length_is_cut_off(port: int) -> None:
    """Whoever hides the length is read no further than the limit."""
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST /api/v1/sites/ecole-a/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 50 * 2**20:
                client.sendall(chunk)
                sent += 65_536
        except OSError:
            pass  # the hub has hung up
        assert sent < 50 * 2**20


def test_the_hub_limits_requests(hub: TestHub) -> None:
    """The limits stand around the real application."""
    context = context_of(hub.ledger, hub.store, NOON_MS)
    headers = bearer(context.door, ADMINISTRATOR, NOON_MS)
    client = TestClient(create_app(context, hub.consumer.counters), headers=headers)
    assert client.get("/api/v1/sites", params={"x": "y" * 5000}).status_code == HTTPStatus.REQUEST_URI_TOO_LONG
    assert client.get("/api/v1/sites").status_code == HTTPStatus.OK
