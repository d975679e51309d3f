"""What a dying card does to files, by lot."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

PAGE = 4096


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 8, 200))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _blank(data: bytearray, chance: random.Random) -> None:
    at = _page(data, chance)
    data[at : at + PAGE] = bytes(len(data[at : at + PAGE]))


def _misplace(data: bytearray, chance: random.Random) -> None:
    source, target = _page(data, chance), _page(data, chance)
    data[target : target + PAGE] = data[source : source + PAGE]


def _garble(data: bytearray, chance: random.Random) -> None:
    at = _page(data, chance)
    data[at : at + PAGE] = chance.randbytes(len(data[at : at + PAGE]))


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _page(data: bytearray, chance: random.Random) -> int:
    return PAGE * chance.randrange((len(data) + PAGE - 1) // PAGE)


_WAYS: dict[str, Callable[[bytearray, random.Random], None]] = {
    "bits flipped": _flip,
    "page blanked": _blank,
    "page misplaced": _misplace,
    "page garbled": _garble,
    "cut off": _cut,
}


def damage(database: Path, chance: random.Random) -> str:
    """Spoil a database of SQLite or its log, and say what was done."""
    log = database.with_name(f"{database.name}-wal")
    files = [path for path in (database, log) if path.exists() and path.stat().st_size]
    path = chance.choice(files)
    way = chance.choice(list(_WAYS))
    data = bytearray(path.read_bytes())
    _WAYS[way](data, chance)
    path.write_bytes(data)
    return f"{'log' if path == log else 'file'} {way}"
