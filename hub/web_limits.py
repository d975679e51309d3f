"""What one request, and one client, may cost the web side: sizes, time, rate and how many at once. Pure ASGI.

It stands around the whole application. A request reaches the application with its whole body in hand or not at all,
so neither a large form nor a slow one holds anything but a little memory. Time is the caller's clock.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from hub.pace import Bucket, Rate

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_NETWORK_BYTES = 8
"""Of an IPv6 address: whoever has one has the rest of its network, too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is borne; what is ours stays far below."""

    url_bytes: int = 4096
    headers_bytes: int = 16 * 1024
    body_bytes: int = 64 * 1024
    body_within_s: float = 20.0
    rate: Rate = field(default_factory=lambda: Rate(300, 10))
    """Requests of one client: a page takes three or four, and a village may share one address."""

    clients: int = 10_000
    """Clients that are remembered; whoever was silent for longest is forgotten."""

    at_once: int = 64
    """Requests that the application works on; the others are asked to come again."""

    at_once_of_one: int = 16
    """Requests of one client whose answer is not complete."""


_SAID = {
    HTTPStatus.REQUEST_URI_TOO_LONG: ("the address is too long", "Cette adresse est trop longue."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: ("the headers are too long", "Cette demande a trop d’en-têtes."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("the body is too long", "Ce qui est envoyé est trop long."),
    HTTPStatus.REQUEST_TIMEOUT: ("the body took too long", "L’envoi a pris trop de temps. Réessayez."),
    HTTPStatus.TOO_MANY_REQUESTS: ("too many requests", "Trop de demandes. Réessayez dans un instant."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("the hub is busy", "Le serveur est très occupé. Réessayez dans un instant."),
}


class WebLimits:
    """An application behind limits; `refused` counts by status what did not get through."""

    def __init__(self, app: Application, now_ms: Callable[[], int], limits: Limits | None = None) -> None:
        self._app = app
        self._now_ms = now_ms
        self._limits = Limits() if limits is None else limits
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._open: Counter[str] = Counter()
        self._working = 0
        self.refused: Counter[HTTPStatus] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = _client_of(scope)
        why = self._oversized(scope) or self._too_often(client)
        if why is not None:
            await self._refuse(scope, send, why, self._wait_s(client))
            return
        self._open[client] += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(receive)
        if body is None:
            return  # whoever asked has left
        if isinstance(body, HTTPStatus):
            await self._refuse(scope, send, body)
        elif self._working >= self._limits.at_once:
            await self._refuse(scope, send, HTTPStatus.SERVICE_UNAVAILABLE, 5)
        else:
            self._working += 1
            try:
                await self._app(scope, _Replayed(body, receive), send)
            finally:
                self._working -= 1

    def _oversized(self, scope: Scope) -> HTTPStatus | None:
        """Judge what is known before the body is read."""
        headers, limits = scope["headers"], self._limits
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > limits.url_bytes:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        if sum(len(name) + len(value) for name, value in headers) > limits.headers_bytes:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        announced = [value for name, value in headers if name.lower() == b"content-length"]
        if any(value.isdigit() and int(value[:20]) > limits.body_bytes for value in announced):
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None

    def _too_often(self, client: str) -> HTTPStatus | None:
        """Book a request on its client; a client on this machine is a proxy, a monitor or a test, and goes free."""
        if self._open[client] >= self._limits.at_once_of_one and client:
            return HTTPStatus.TOO_MANY_REQUESTS
        if not client:
            return None
        now_s = self._now_ms() / 1000
        bucket = self._buckets.setdefault(client, Bucket.full(self._limits.rate, now_s))
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._limits.clients:
            self._buckets.popitem(last=False)
        if bucket.fill(now_s) < 1:
            return HTTPStatus.TOO_MANY_REQUESTS
        bucket.spend(1)
        return None

    def _wait_s(self, client: str) -> int:
        bucket = self._buckets.get(client)
        return 1 if bucket is None else max(1, round(bucket.wait_s(1)))

    async def _body(self, receive: Receive) -> bytes | HTTPStatus | None:
        """Read the whole body; None when the client leaves meanwhile."""
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_within_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    if piece := message.get("body", b""):
                        pieces.append(piece)
                        size += len(piece)
                    if size > self._limits.body_bytes:
                        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                    if not message.get("more_body", False):
                        return b"".join(pieces)
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT

    async def _refuse(self, scope: Scope, send: Send, status: HTTPStatus, wait_s: int = 0) -> None:
        """Answer in the form that the asker reads: a problem under /api, else a sentence."""
        self.refused[status] += 1
        told, dit = _SAID[status]
        path = str(scope.get("path", ""))
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status,
            "detail": told,
            "instance": path[:200],
        }
        api = path.startswith("/api/")
        body = json.dumps(problem).encode() if api else f"{dit}\n".encode()
        headers = [
            (b"content-type", b"application/problem+json" if api else b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            headers.append((b"retry-after", str(wait_s).encode()))
        # Without the rest of its body, a connection is of no further use.
        if status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status.value, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Replayed:
    """Gives the application the body that was read, and after it whatever happens to the connection."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            return await self._receive()
        return {"type": "http.request", "body": body, "more_body": False}


def _client_of(scope: Scope) -> str:
    """Name the client that a request is booked on; empty for one on this machine."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    return str(address) if len(address.packed) < _NETWORK_BYTES else address.packed[:_NETWORK_BYTES].hex(":")
