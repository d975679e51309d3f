"""The broker as a program: its files tried out on a broker of our own, put in place, and read by the real one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hub.broker import mosquitto, nats
from hub.broker.door import CERTIFICATE, CHECK, Door
from hub.errors import RetryLater
from hub.io.authority import ROOT
from hub.io.files import PRIVATE, make_folder, write_over
from hub.io.mqtt import knock
from hub.settings import BrokerSettings, ManagedBroker

PATIENCE_S = 30.0
KNOCK_S = 5.0
_PAUSE_S = 0.1
_PROGRAMS = {"mosquitto": "mosquitto", "nats": "nats-server"}
_WHERE = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_COMMAND_S = 60
_STORE = "store"


def files_of(kind: str, door: Door) -> dict[str, str]:
    """Lay out a broker's files by their names."""
    return mosquitto.files(door) if kind == "mosquitto" else nats.files(door)


def configuration_of(managed: ManagedBroker) -> str:
    """Name the file that the broker is started with, or includes."""
    return f"{managed.directory}/{mosquitto.CONFIGURATION if managed.kind == 'mosquitto' else nats.CONFIGURATION}"


def program_of(managed: ManagedBroker) -> str:
    """Find the broker's program; raises `RetryLater` saying how to install it."""
    name = _PROGRAMS[managed.kind]
    beside = Path(sys.executable).with_name(name)
    found = managed.program or (str(beside) if beside.exists() else shutil.which(name, path=_WHERE))
    if found is None or not Path(found).exists():
        how = "apt-get install mosquitto" if managed.kind == "mosquitto" else "pip install 'kayasol[hub,nats]'"
        raise RetryLater(f"{found or name} is not on this machine, so its files cannot be tried out: {how}")
    return found


def try_out(managed: ManagedBroker, door: Door, certificate: bytes, check: str) -> None:
    """Start a broker of our own on loopback with these files; raises `RetryLater` saying why they are no good."""
    program = program_of(managed)
    with tempfile.TemporaryDirectory(prefix="kayasol-trial-") as name:
        trial = Path(name)
        trial.chmod(0o755)  # what is in it is private; the folder stays ours
        make_folder(trial / _STORE, 0o700, managed.owner)
        here = replace(
            door, directory=name, address="127.0.0.1", site_port=_free_port(), hub_port=_free_port(),
            store=f"{name}/{_STORE}", pid_file=None,
        )  # fmt: skip
        port = here.hub_port if managed.kind == "mosquitto" else here.site_port
        _write_trial(managed, here, certificate)
        at = BrokerSettings("127.0.0.1", port, tls=True, ca_file=f"{managed.authority}/{ROOT}", username=CHECK,
                            password_file=None)  # fmt: skip
        with _running(managed, program, trial) as (process, log):
            why = _until_let_in(at, check, process)
            if why is None and knock(at, CHECK, f"not {check}", KNOCK_S) is None:
                why = "it lets in whoever knows a name"
            if why is not None:
                said = " / ".join(log.read_text("utf-8", "replace").strip().splitlines()[-5:])
                raise RetryLater(
                    f"the new files of the broker are no good, and nothing was changed: {program}, tried out with "
                    f"them, did not work ({why}); it said: {said or 'nothing'}"
                )


def snapshot(managed: ManagedBroker, names: Iterable[str]) -> dict[str, bytes | None]:
    """Read the files that are in the broker's folder now, None for what is not there."""
    paths = {name: Path(managed.directory) / name for name in names}
    try:
        return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}
    except OSError as error:
        raise RetryLater(f"the files in {managed.directory} cannot be read: {error.strerror}") from error


def put(managed: ManagedBroker, files: Mapping[str, bytes]) -> None:
    """Put files in the broker's folder, each whole."""
    for name, contents in files.items():
        write_over(Path(managed.directory) / name, contents, PRIVATE, managed.owner)


def put_back(managed: ManagedBroker, before: Mapping[str, bytes | None]) -> None:
    """Put the files of a snapshot in place again."""
    put(managed, {name: contents for name, contents in before.items() if contents is not None})
    for name, contents in before.items():
        if contents is None:
            (Path(managed.directory) / name).unlink(missing_ok=True)


def runs(broker: BrokerSettings) -> bool:
    """Say whether anything listens where the broker should."""
    try:
        socket.create_connection((broker.host, broker.tcp_port), timeout=KNOCK_S).close()
    except OSError:
        return False
    return True


def reload(managed: ManagedBroker) -> None:
    """Have the broker read its files anew; raises `RetryLater` when it cannot be told."""
    if managed.reload:
        _run(managed.reload)
    elif managed.pid_file is not None:
        _hang_up(managed, Path(managed.pid_file))
    else:
        raise RetryLater("broker.managed names neither reload nor pid_file, so the broker cannot be told")


def until_read(broker: BrokerSettings, check: str) -> str | None:
    """Wait until the broker has read the files with this secret of `CHECK`; says why when it does not."""
    return _until_let_in(broker, check, None)


def _until_let_in(broker: BrokerSettings, check: str, process: subprocess.Popen[bytes] | None) -> str | None:
    deadline = time.monotonic() + PATIENCE_S  # noqa: TID251  waiting for a process
    while (why := knock(broker, CHECK, check, KNOCK_S)) is not None:
        if process is not None and process.poll() is not None:
            return f"it ended with code {process.returncode}"
        if time.monotonic() > deadline:  # noqa: TID251
            return why
        time.sleep(_PAUSE_S)
    return None


def _write_trial(managed: ManagedBroker, door: Door, certificate: bytes) -> None:
    directory = Path(door.directory)
    for name, text in files_of(managed.kind, door).items():
        write_over(directory / name, text.encode(), PRIVATE, managed.owner)
    write_over(directory / CERTIFICATE, certificate, PRIVATE, managed.owner)


@contextmanager
def _running(managed: ManagedBroker, program: str, trial: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run the broker in the folder of the trial as the user it is for, and end it."""
    log = trial / "log"
    root = os.geteuid() == 0
    if managed.kind == "mosquitto":
        # What a system's own mosquitto.conf says around our part.
        user = f"user {managed.owner or 'root'}\n" if root else ""
        main = f"{user}persistence_location {trial}/{_STORE}/\nlog_dest stderr\ninclude_dir {trial}\n"
        write_over(trial / "main", main.encode(), PRIVATE, managed.owner)
        command, owner = [program, "-c", str(trial / "main")], None
    else:
        command, owner = [program, "-c", str(trial / nats.CONFIGURATION)], managed.owner if root else None
        _run([program, "-t", "-c", str(trial / nats.CONFIGURATION)])
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=owner, cwd=trial)  # noqa: S603
    try:
        yield process, log
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _hang_up(managed: ManagedBroker, pid_file: Path) -> None:
    """Send SIGHUP to the broker, and to nothing else that may have its number by now."""
    try:
        pid = int(pid_file.read_text("ascii"))
        name = Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
        if name != Path(program_of(managed)).name:
            raise RetryLater(f"{pid_file} names process {pid}, which is {name} and not the broker; restart the broker")
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError) as error:
        raise RetryLater(f"the broker cannot be told by {pid_file}: {error}; restart the broker") from error


def _run(command: list[str] | tuple[str, ...]) -> None:
    told = " ".join(command)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RetryLater(f"`{told}` cannot be run: {error}") from error
    if done.returncode != 0:
        said = " / ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise RetryLater(f"`{told}` failed: {said or f'code {done.returncode}'}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
