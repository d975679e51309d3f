"""The hub's desk for keys over HTTPS, asked in a thread of its own; sole importer of urllib."""

from __future__ import annotations

import json
import queue
import ssl
import threading
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO, Any

from edge import VERSION
from edge.enrolment import Answer
from edge.errors import EdgeError, Refused, RetryLater

TIMEOUT_S = 30.0
_ANSWER_MAX_BYTES = 16_384
_SAID_MAX = 300
_FINAL = (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)
"""With these the hub itself says no; all else may come from what lies between, and may pass."""


class HttpsDesk:
    """A `Desk` at an address; it trusts the system's authorities and that of the bundle, and follows no redirection."""

    def __init__(self, url: str, site: str, ca_file: str | None) -> None:
        self._url = url
        self._site = site
        self._ca_file = ca_file
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def offer(self, token: str, key: bytes) -> None:
        """See `Desk.offer`."""
        threading.Thread(target=self._work, args=(token, key), name="enrolment", daemon=True).start()

    def answer(self) -> Answer | None:
        """See `Desk.answer`."""
        return None if self._answers.empty() else self._answers.get()

    def _work(self, token: str, key: bytes) -> None:
        try:
            self._post(token, key)
        except EdgeError as error:
            self._answers.put(Answer(error))
        else:
            self._answers.put(Answer())

    def _post(self, token: str, key: bytes) -> None:
        body = json.dumps({"site": self._site, "token": token, "key": key.hex()}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": f"kayasol-edge/{VERSION}"}
        try:
            request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310  the schema says which
            opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self._context()), _Stay())
            with opener.open(request, timeout=TIMEOUT_S) as response:
                said = _json(response.read(_ANSWER_MAX_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from error
        except (OSError, HTTPException, ValueError) as error:
            raise RetryLater(f"{self._url} cannot be asked: {error}") from error
        if said.get("site") != self._site or said.get("enrolled") is not True:
            raise RetryLater(f"{self._url} does not say that it took our key; is enrolment.url right?")

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return context

    def _refusal(self, error: urllib.error.HTTPError) -> EdgeError:
        try:
            detail = _json(error.read(_ANSWER_MAX_BYTES)).get("detail")
        except (OSError, HTTPException):
            detail = None
        if error.code in _FINAL and isinstance(detail, str):
            return Refused(detail[:_SAID_MAX])
        return RetryLater(f"{self._url} answers {error.code} {error.reason}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere: a token is for the address that the bundle names."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """See `HTTPRedirectHandler`."""
        del req, fp, code, msg, headers, newurl


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
