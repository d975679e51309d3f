"""Child processes of the demo: started with a log each, ended together and by id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, Self

from demo.broker import DemoError

STOP_S = 15


class Processes:
    """Everything the demo started; leaving the context ends it all, last started first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        # However this process is asked to end, what it started ends with it; a shell's background job ignores Ctrl-C
        # unless told otherwise.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, _end)
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return self

    def __exit__(self, *_: object) -> None:
        for _name, process in reversed(self.running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for _name, process in reversed(self.running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
                continue
            process.kill()
            process.wait()

    def start(self, name: str, command: Sequence[str], *, talks: bool = False) -> subprocess.Popen[bytes]:
        """Start a process; its stderr, and unless it `talks` its stdout, go to a log named after it."""
        with (self._directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the demo alone, which then ends the others in order
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.running.append((name, process))
        return process

    def check(self) -> None:
        """Raise `DemoError` when one of them has ended."""
        for name, process in self.running:
            if process.poll() is not None:
                tail = (self._directory / f"{name}.log").read_text("utf-8", "replace").strip().splitlines()[-5:]
                raise DemoError(f"{name} ended with code {process.returncode}:\n  " + "\n  ".join(tail))


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def free_port() -> int:
    """Find a TCP port that nobody uses on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def require_free(port: int) -> None:
    """Raise `DemoError` when the wanted port is taken."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise DemoError(f"port {port} cannot be used ({why}); choose another: make demo PORT={port + 1}") from error


def wait_for_port(port: int, processes: Processes, patience_s: float = 20) -> None:
    """Return when something accepts connections there."""
    deadline = time.monotonic() + patience_s  # noqa: TID251  waiting for a process
    while time.monotonic() < deadline:  # noqa: TID251
        processes.check()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise DemoError(f"nothing answers on port {port} after {patience_s:g} s")


def wait_for_page(url: str, processes: Processes, patience_s: float = 30) -> None:
    """Return when a URL answers with success."""
    deadline = time.monotonic() + patience_s  # noqa: TID251
    while time.monotonic() < deadline:  # noqa: TID251
        processes.check()
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310
            return
        time.sleep(0.1)
    raise DemoError(f"{url} does not answer after {patience_s:g} s")
