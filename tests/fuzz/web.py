"""Requests to the web application, raw: what no browser sends reaches it as well."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

from fastapi import FastAPI

from hub.access.roles import Permission
from hub.access.secrets import form_key
from hub.api.app import API, PAGES, create_app
from hub.guard import Guarded
from hub.ingest.decode import Message
from hub.people.ports import Door
from hub.people.signing import signed_in
from protocol import batch
from protocol.events import ChargingSession, EndReason, SlotTaken
from protocol.topics import Channel
from tests.fuzz import blind, centre
from tests.fuzz.target import NUMBERS, WORDS, Target
from tests.hub.builders import ADDRESS, NOON_MS, anchor, event, of, samples
from tests.hub.door import ADMINISTRATOR, add_person, context_of

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
    "authorization",
)
_HEADER_VALUES = (
    "text/csv",
    "*/*",
    "gzip",
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "same-origin",
    "Bearer x",
    "Bearer",
    "http://[",
    "http://hub.example",
    "kayasol=x; kayasol-form=ÿ",
    "cross-site",
    "bytes=0-1",
    "-5",
    "ÿþ",
    "",
    "a" * 5000,
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


_FIELDS = ("cle", "cle", "cle", "nom", "code", "encore", "ancien", "vers", "role", "titre", "jours")
_FOR_GOOD = ExitStack()

FORM = "application/x-www-form-urlencoded"
NOW_MS = NOON_MS + 900_000
KEY, FORM_KEY = "{key}", "{form key}"
"""Stand in a case for the key of a sign-in, and for what its forms bring back."""


def targets() -> list[Target]:
    """List the web application."""
    return [Target("web", 3, _request, _fed)]


@dataclass(slots=True)
class _Place:
    """The application, and somebody who may do all, signed in anew whenever a request has ended that."""

    app: FastAPI
    door: Door
    people: int = 0
    key: str = ""

    def sign_in(self) -> str:
        """Give the key of a sign-in that holds."""
        if not signed_in(self.door, self.key, NOW_MS).may(Permission.PEOPLE):
            self.people += 1
            self.key = add_person(self.door, f"Awa {self.people}", ADMINISTRATOR, NOW_MS).key or ""
        return self.key


@cache
def _place() -> _Place:
    """Serve a hub with a quarter of an hour of data, as long as this process lives."""
    made = _FOR_GOOD.enter_context(centre.hub())
    sent = of(
        anchor(1, 0, NOON_MS),
        samples(2, [60 * minute for minute in range(15)], [100 + minute for minute in range(15)]),
        event(20, SlotTaken(3), uptime_s=300),
        event(21, ChargingSession(1, 19, 1, 10, 1, 610, EndReason.UNPLUGGED), uptime_s=610),
    )
    made.inbox.waiting.append(Message(ADDRESS.topic(Channel.UP), batch.encode(sent), NOON_MS))
    made.consumer.step(NOON_MS)
    context = context_of(made.ledger, made.store, NOW_MS)
    return _Place(create_app(context, made.consumer.counters), context.door)


@cache
def _routes() -> list[tuple[str, str]]:
    """List every route, as method and path."""
    routes = [route for router in (*API, *PAGES) for route in router.routes if isinstance(route, Guarded)]
    listed = [(method, route.path) for route in routes for method in sorted(route.methods or ())]
    return [*listed, ("GET", "/metrics"), ("GET", "/api/v1/openapi.json")]


def _request(chance: random.Random) -> bytes:
    """Draw a request to one of the routes there are, or to something like it, mostly of somebody who may do all."""
    method, path = chance.choice(_routes())
    path = path.replace("{site}", chance.choice(("ecole-a",) * 5 + ("nowhere", *WORDS)))
    path = path.replace("{path}", chance.choice(("style.css", "../app.py", "")))
    path = path.replace("{number}", str(chance.choice((1, 2, "x", *NUMBERS)))).replace("{key}", chance.choice(WORDS))
    headers = [(chance.choice(_HEADERS), chance.choice(_HEADER_VALUES)) for _ in range(chance.randrange(4))]
    if chance.random() < 0.8:
        headers.append(("cookie", f"kayasol={KEY}; kayasol-form={KEY}"))
    body = chance.choice((chance.choice(_BODIES), blind.noise(chance))).decode("latin-1")
    if chance.random() < 0.5:
        headers.append(("content-type", FORM))
        body = "&".join(_field(chance) for _ in range(chance.randrange(6)))
    request = {
        "method": method if chance.random() < 0.9 else chance.choice(("HEAD", "PUT", "DELETE", "OPTIONS", "BREW", "")),
        "path": path,
        "query": "&".join(_asked(chance) for _ in range(chance.choice((0, 0, 2, 3, 5)))),
        "headers": headers,
        "body": body,
    }
    if chance.random() < 0.2:
        key = chance.choice(("path", "query", "body"))
        data = blind.changed(str(request[key]).encode("utf-8", "replace"), chance)[:9000]
        request[key] = data.decode("utf-8", "replace")
    return json.dumps(request).encode()


def _asked(chance: random.Random) -> str:
    """Draw a parameter of a query."""
    name = chance.choice(tuple(_VALUES))
    value = chance.choice((*_VALUES[name], *_VALUES[name], chance.choice(WORDS), str(chance.choice(NUMBERS))))
    return f"{name}={value}"


def _field(chance: random.Random) -> str:
    """Draw a field of a form."""
    name = chance.choice(_FIELDS)
    known = ("administrator hub", "technician commune kaya", "%00", "%ff", str(chance.choice(NUMBERS)))
    value = chance.choice((chance.choice(WORDS), chance.choice(known)))
    return f"{name}={FORM_KEY if name == 'cle' and chance.random() < 0.9 else value}"


def _fed(data: bytes) -> None:
    try:
        request = json.loads(data)
        method, path, query, body = (str(request[key]) for key in ("method", "path", "query", "body"))
        key = _place().sign_in()
        named = [(str(name).lower(), _signed(str(value), key)) for name, value in request["headers"]]
        headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in named]
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
    status = _loop().run_until_complete(_call(scope, _signed(body, key).encode("latin-1", "replace")))
    assert status < 500 or status == 503, f"answered with {status}"


def _signed(text: str, key: str) -> str:
    """Put the keys where a request says that they belong; a case is kept without them."""
    return text.replace(FORM_KEY, form_key(key)).replace(KEY, key)


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

    await _place().app(scope, receive, send)
    return found[0] if found else 0
