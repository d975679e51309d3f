"""A file system that loses what was not flushed when the power goes; SQLite runs on it without knowing.

Files are real ones; beside them stands what a power cut would undo. An honest disk keeps what was flushed before the
cut, and of the rest nothing, or any part of it. A lying one says that it has flushed and has not. Sole importer of
apsw among the tests' worlds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw

NAME, UNDER = "powercut", "unix"
SECTOR = 512


class PowerCut(BaseException):
    """The Pi has no power any more; nothing of the process is left but what is on the card."""


@dataclass(slots=True)
class Habits:
    """How a card behaves: which share of unflushed writes outlives a cut, whether they tear, how often a flush lies."""

    survives: float = 0.0
    tears: bool = False
    lies: float = 0.0


@dataclass(slots=True)
class _Write:
    """Bytes laid over a file, or a new size (with `data` None)."""

    offset: int
    data: bytes | None


@dataclass(slots=True)
class _File:
    """What is safe of one file, and what was done to it since."""

    safe: bytearray = field(default_factory=bytearray)
    doubtful: list[_Write] = field(default_factory=list)


class Disk:
    """One Pi's card. `countdown` cuts the power at the so-manieth write or flush from now."""

    def __init__(self, chance: random.Random, habits: Habits | None = None) -> None:
        self._chance = chance
        self._files: dict[str, _File] = {}
        self.habits = habits if habits is not None else Habits()
        self.countdown: int | None = None
        self.full = False
        self.powered = True
        """While there is no power, what a dying process still does to its files does not reach the card."""

        self.lied = 0
        """Flushes since the power came that did not reach the card."""

    def open(self, path: str) -> _File:
        """Begin to watch a file, from what it holds now."""
        if path not in self._files:
            self._files[path] = _File(bytearray(Path(path).read_bytes() if Path(path).exists() else b""))
        return self._files[path]

    def forget(self) -> None:
        """Take every file as it is for safe: somebody exchanged or spoilt the card while the power was off."""
        self._files.clear()

    def touch(self) -> bool:
        """Count one access that changes the card; the power may go at it. False when it has gone."""
        if self.countdown is not None:
            self.countdown -= 1
            if self.countdown < 0:
                raise PowerCut
        return self.powered

    def flushed(self, file: _File) -> None:
        """Make everything written to a file safe, unless the card lies."""
        if self.habits.lies and self._chance.random() < self.habits.lies:
            self.lied += bool(file.doubtful)
            return
        for write in file.doubtful:
            _lay(file.safe, write.offset, write.data)
        file.doubtful.clear()

    def cut(self) -> None:
        """Let the power go; call `restore` when the process is gone."""
        self.powered = False
        self.countdown = None

    def restore(self) -> None:
        """Give power again: every file is what was safe, and what of the rest happened to be written."""
        self.powered = True
        self.lied = 0
        for path, file in self._files.items():
            if file.doubtful and Path(path).exists():
                Path(path).write_bytes(self._left(file))
        self._files.clear()

    def _left(self, file: _File) -> bytes:
        data = bytearray(file.safe)
        for write in file.doubtful:
            if self._chance.random() < self.habits.survives:
                _lay(data, write.offset, write.data if write.data is None else self._torn(write.data))
        return bytes(data)

    def _torn(self, data: bytes) -> bytes:
        """Give what of one write reached the card: whole sectors from its beginning."""
        if not self.habits.tears or self._chance.random() < 0.7:
            return data
        return data[: SECTOR * self._chance.randrange(len(data) // SECTOR + 1)]


def _lay(data: bytearray, offset: int, written: bytes | None) -> None:
    if written is None:
        del data[offset:]
        return
    data.extend(bytes(max(0, offset - len(data))))
    data[offset : offset + len(written)] = written


class _Vfs(apsw.VFS):
    """The machine's own file system, with each file watched by the present disk."""

    def __init__(self) -> None:
        super().__init__(NAME, UNDER)
        self.disk: Disk | None = None

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if self.disk is None or name is None:
            return apsw.VFSFile(UNDER, name, flags)
        return _Handle(name, flags, self.disk)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        if self.disk is None or self.disk.touch():
            super().xDelete(filename, syncdir)


class _Handle(apsw.VFSFile):
    """An open file."""

    def __init__(self, name: str | apsw.URIFilename, flags: list[int], disk: Disk) -> None:
        self._disk = disk
        self._file = disk.open(name if isinstance(name, str) else name.filename())
        super().__init__(UNDER, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if not self._disk.touch():
            return
        if self._disk.full and offset + len(data) > self.xFileSize():
            raise apsw.FullError("the simulated disk is full")
        self._file.doubtful.append(_Write(offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        if self._disk.touch():
            self._file.doubtful.append(_Write(newsize, None))
            super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802  every flush is a whole one
        if self._disk.touch():
            self._disk.flushed(self._file)


_VFS: list[_Vfs] = []


def _exclusive(db: apsw.Connection) -> None:
    """Let WAL do without shared memory, which a file system in Python has not."""
    if db.open_vfs == NAME and db.filename:
        db.pragma("locking_mode", "EXCLUSIVE")


@contextmanager
def mounted(disk: Disk) -> Iterator[None]:
    """Put a disk under every SQLite file that is opened through apsw meanwhile."""
    if not _VFS:
        _VFS.append(_Vfs())
    apsw.connection_hooks.append(_exclusive)
    _VFS[0].disk = disk
    apsw.set_default_vfs(NAME)
    try:
        yield
    finally:
        apsw.set_default_vfs(UNDER)
        _VFS[0].disk = None
        apsw.connection_hooks.remove(_exclusive)


@contextmanager
def taken_out() -> Iterator[None]:
    """Let a card that is not in the Pi be read like any other files."""
    apsw.set_default_vfs(UNDER)
    try:
        yield
    finally:
        apsw.set_default_vfs(NAME)
