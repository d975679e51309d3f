"""The hub as a process: ingest in one thread, the web server in the other, both ended cleanly by a signal."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress

import uvicorn

from hub.api.app import create_app
from hub.context import Context
from hub.errors import RetryLater
from hub.ingest.commands import Commands
from hub.ingest.consumer import Consumer
from hub.ingest.turn import Counters
from hub.io.door import door_of
from hub.io.ledger import SqlLedger
from hub.io.mqtt import MqttInbox
from hub.io.series import EmbeddedSeries
from hub.io.web_tls import PagesTls
from hub.settings import Settings

_LOG = logging.getLogger(__name__)
WAIT_S = 0.5
SHUTDOWN_S = 5
CONNECTIONS_MAX = 500
"""Beyond so many, the web side says that it is busy; the rest of the process needs files as well."""


class Ingest:
    """The thread that takes, commits and acknowledges."""

    def __init__(self, settings: Settings, ledger: SqlLedger, store: EmbeddedSeries) -> None:
        self._inbox = MqttInbox(settings.broker, settings.shards)
        self._store = store
        self._ledger = ledger
        self.consumer = Consumer(ledger, self._inbox, charge=self._inbox.charge, spent_s=time.thread_time)
        self.consumer.counters.overflowed_by = self._inbox.overflowed_by
        self._commands = Commands(ledger, self._inbox, settings.shards)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest")
        self.failed = False

    def start(self) -> None:
        """Connect and begin."""
        self._inbox.open()
        self._thread.start()

    def stop(self) -> None:
        """Finish the transaction under way, then disconnect."""
        self._stop.set()
        self._thread.join()
        self._inbox.close()

    def why_not_ready(self) -> str | None:
        """Say what keeps the ingest from working."""
        if not self._thread.is_alive():
            return "the ingest has stopped"
        return None if self._inbox.connected() else "the broker is not connected"

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                done = self.consumer.step(_now_ms()) + self._commands.step(_now_ms())
                self._inbox.enrolled = self.consumer.sites
                if done == 0 and not self._use_quiet():
                    self._inbox.wait(WAIT_S)
        finally:
            if not self._stop.is_set():
                # A bug: its stack is logged, and the whole process ends so that it is started anew.
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _use_quiet(self) -> bool:
        """Use a quiet moment to summarise a finished day, or to compare a site's count of its rows with ours."""
        try:
            return self._store.roll_up(_now_ms()) or self._ledger.compare_tally(_now_ms())
        except RetryLater as error:
            _LOG.warning("a summary has to wait: %s", error)
            return False


def serve(settings: Settings, ledger: SqlLedger, *, ingest: bool, web: bool) -> int:
    """Run until SIGTERM or Ctrl-C; returns the exit code."""
    store = EmbeddedSeries(ledger)
    worker = Ingest(settings, ledger, store) if ingest else None
    counters = worker.consumer.counters if worker is not None else Counters()

    def ready() -> str | None:
        try:
            ledger.sites()
        except RetryLater as error:
            return str(error)
        return worker.why_not_ready() if worker is not None else None

    if worker is not None:
        worker.start()
    try:
        if web:
            _run_web(settings, Context(ledger, store, _now_ms, ready, door_of(ledger), settings.public_url), counters)
        else:
            _wait_for_signal()
    finally:
        if worker is not None:
            worker.stop()
        ledger.close()
    failed = worker is not None and worker.failed
    _LOG.info("stopped%s", " because the ingest failed" if failed else "")
    return 1 if failed else 0


def _run_web(settings: Settings, context: Context, counters: Counters) -> None:
    tls = None if settings.web_tls_file is None else PagesTls(settings.web_tls_file)
    try:
        listener = socket.create_server((settings.web_host, settings.web_port), backlog=2048)
    except OSError as error:
        where = f"{settings.web_host}:{settings.web_port}"
        why = os.strerror(error.errno or 0)
        raise RetryLater(f"web.tcp_port: {where} cannot be used ({why}); choose another") from error
    config = uvicorn.Config(
        create_app(context, counters),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        ssl_context_factory=None if tls is None else lambda *_: tls.context(),
    )
    scheme = "http" if tls is None else "https"
    _LOG.info("pages and API at %s://%s:%d", scheme, settings.web_host, settings.web_port)
    # uvicorn raises the signal again once it has stopped; by default that would end us before the ingest has stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with suppress(SystemExit):
        uvicorn.Server(config).run(sockets=[listener])


def _leave(*_: object) -> None:
    raise SystemExit


def _wait_for_signal() -> None:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
