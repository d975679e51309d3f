"""The TLS side of the pages, whose certificate may be renewed while they are served."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from hub.errors import RetryLater

_LOG = logging.getLogger(__name__)


class PagesTls:
    """Gives every new connection the certificate that is in the file by then."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._read_at, self._newest = self._load()

    def context(self) -> ssl.SSLContext:
        """Make the context to listen with."""
        _, first = self._load()
        first.sni_callback = self._choose
        return first

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: ssl.SSLContext) -> None:
        try:
            if self._path.stat().st_mtime_ns != self._read_at:
                self._read_at, self._newest = self._load()
                _LOG.info("the certificate %s was renewed", self._path)
        except (OSError, RetryLater) as error:
            _LOG.warning("the certificate before is used: %s", error)
        connection.context = self._newest

    def _load(self) -> tuple[int, ssl.SSLContext]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            changed_at = self._path.stat().st_mtime_ns
            context.load_cert_chain(self._path)
        except OSError as error:
            complaint = f"web.tls_file {self._path} cannot be used: {error}; it needs key and certificate in PEM"
            raise RetryLater(complaint) from error
        return changed_at, context
