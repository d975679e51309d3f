"""Requests to the web application, raw: what no browser sends reaches it as well."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import ExitStack
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

from fastapi import FastAPI

from hub.api.app import create_app
from hub.context import Context
from hub.ingest.decode import Message
from protocol import batch
from protocol.events import ChargingSession, EndReason, SlotTaken
from protocol.topics import Channel
from tests.fuzz import blind, centre
from tests.fuzz.target import NUMBERS, WORDS, Target
from tests.hub.builders import ADDRESS, NOON_MS, anchor, event, of, samples

_TIMES = (
    "2026-11-23",
    "2026-11-23T12:00:00Z",
    "2026-11-24T00:00:00+14:00",
    "0001-01-01",
    "9999-12-31T23:59:59-23:59",
    "1795435200",
    "tuesday",
    "-1",
    "1e300",
    "2026-11-23T24:00:00Z",
    "99999999999999999",
)
_VALUES: dict[str, tuple[str, ...]] = {
    "metric": ("panel_power_w", "controller.panel_power_w", "site.lit", "x.y.z", ".", "controller."),
    "start": _TIMES,
    "end": _TIMES,
    "jour": _TIMES,
    "step": ("auto", "raw", "15m", "1h", "1d", "2h"),
    "format": ("json", "csv", "xml"),
    "table": ("numbers", "tallies", "unobserved", "x"),
    "fixe": ("", "1"),
}
_HEADERS = (
    "accept",
    "accept-encoding",
    "content-type",
    "content-length",
    "sec-fetch-site",
    "origin",
    "host",
    "cookie",
    "if-none-match",
    "range",
    "x-forwarded-for",
    "user-agent",
)
_HEADER_VALUES = (
    b"text/csv",
    b"*/*",
    b"gzip",
    b"application/json",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=x",
    b"multipart/form-data",
    b"same-origin",
    b"cross-site",
    b"bytes=0-1",
    b"-5",
    b"\xff\xfe",
    b"",
    b"a" * 5000,
)
_BODIES = (
    b'{"minutes": 5}',
    b'{"minutes": 1e400}',
    b'{"minutes": "5"}',
    b"{}",
    b"[]",
    b"null",
    b"[" * 5000,
    b'{"minutes":' + b"9" * 5000 + b"}",
    b"minutes=5&x=%00",
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--",
    b"\xff",
    b"NaN",
)


_FOR_GOOD = ExitStack()


def targets() -> list[Target]:
    """List the web application."""
    return [Target("web", 3, _request, _fed)]


@cache
def _app() -> FastAPI:
    """Serve a hub with a quarter of an hour of data, for as long as this process lives."""
    made = _FOR_GOOD.enter_context(centre.hub())
    sent = of(
        anchor(1, 0, NOON_MS),
        samples(2, [60 * minute for minute in range(15)], [100 + minute for minute in range(15)]),
        event(20, SlotTaken(3), uptime_s=300),
        event(21, ChargingSession(1, 19, 1, 10, 1, 610, EndReason.UNPLUGGED), uptime_s=610),
    )
    made.inbox.waiting.append(Message(ADDRESS.topic(Channel.UP), batch.encode(sent), NOON_MS))
    made.consumer.step(NOON_MS)
    context = Context(made.ledger, made.store, lambda: NOON_MS + 900_000, lambda: None)
    return create_app(context, made.consumer.counters)


@cache
def _paths() -> list[str]:
    listed = [str(getattr(route, "path", "/")) for route in _app().routes]
    return sorted({*listed, "/api/v1/sites/{site}/series", "/static/{path}", "/metrics"})


def _request(chance: random.Random) -> bytes:
    """Draw a request to one of the routes there are, or to something like it."""
    path = chance.choice(_paths()).replace("{site}", chance.choice(("ecole-a",) * 5 + ("nowhere", *WORDS)))
    path = path.replace("{path}", chance.choice(("style.css", "../app.py", "")))
    query = []
    for _ in range(chance.choice((0, 0, 2, 3, 5))):
        name = chance.choice(tuple(_VALUES))
        value = chance.choice((*_VALUES[name], *_VALUES[name], chance.choice(WORDS), str(chance.choice(NUMBERS))))
        query.append(f"{name}={value}")
    headers = [
        [chance.choice(_HEADERS), chance.choice(_HEADER_VALUES).decode("latin-1")] for _ in range(chance.randrange(4))
    ]
    request = {
        "method": chance.choice(("GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW", "")),
        "path": path,
        "query": "&".join(query),
        "headers": headers,
        "body": (chance.choice(_BODIES) if chance.random() < 0.5 else blind.noise(chance)).decode("latin-1"),
    }
    if chance.random() < 0.2:
        key = chance.choice(("path", "query"))
        request[key] = blind.changed(str(request[key]).encode("utf-8", "replace"), chance)[:9000].decode(
            "utf-8", "replace"
        )
    return json.dumps(request).encode()


def _fed(data: bytes) -> None:
    try:
        request = json.loads(data)
        method, path, query, body = (str(request[key]) for key in ("method", "path", "query", "body"))
        headers = [
            (str(name).encode("latin-1"), str(value).encode("latin-1", "replace")) for name, value in request["headers"]
        ]
    except (ValueError, KeyError, TypeError):
        return
    raw = quote(path, safe="/%?+", errors="replace")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode("ascii"),
        "query_string": query.encode("utf-8", "replace"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 5),  # who asks from here has no rate
        "server": ("hub.example", 80),
        "state": {},
    }
    status = _loop().run_until_complete(_call(scope, body.encode("latin-1", "replace")))
    assert status < 500 or status == 503, f"answered with {status}"


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


async def _call(scope: dict[str, Any], body: bytes) -> int:
    """Send one request in two pieces and give the status of its answer; what the application raises is raised."""
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
    found: list[int] = []

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()  # a client that has asked waits for its answer
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:  # noqa: ANN401  a mapping of ASGI
        if message["type"] == "http.response.start":
            found.append(message["status"])

    await _app()(scope, receive, send)
    return found[0] if found else 0
