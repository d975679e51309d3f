"""Namespaces of a test's own: mounts, or a network, that nobody else sees and that vanish with the test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

# A guest without rights may do all this in a user namespace of its own; root needs none.
_USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
_ENTER_USER = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]


class Enclosure:
    """A process that holds namespaces open until it is left, or until the process that made it is gone."""

    def __init__(self, kinds: Sequence[str], *, inside: Enclosure | None = None) -> None:
        user = _USER if inside is None else []
        around: list[str] = [] if inside is None else inside.enter
        # `cat` ends when its stdin does: so does the enclosure when the test is killed.
        self._holder = subprocess.Popen(  # noqa: S603  our own words
            [*around, "unshare", *user, *(f"--{kind}" for kind in kinds), "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._say(b"ready\n")
        # Entering a mount namespace leaves the working directory, from which Python imports.
        self.enter: list[str] = [
            "nsenter",
            f"--target={self._holder.pid}",
            "--wd",
            *_ENTER_USER,
            *(f"--{kind}" for kind in kinds),
        ]
        """Put before a command, this has it run inside."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate()

    def run(self, *words: object) -> str:
        """Run a command inside and give what it prints."""
        # Debian keeps the tools of networks where only root looks.
        env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        command = [*self.enter, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)  # noqa: S603
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def seen(self, path: Path) -> Path:
        """Name a path inside as the test can open it."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    @property
    def pid(self) -> int:
        """Name the holder, for `ip link set … netns`."""
        return self._holder.pid

    def _say(self, word: bytes) -> None:
        """Wait until the holder answers, for it then is inside."""
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(word)
        self._holder.stdin.flush()
        assert self._holder.stdout.readline() == word
