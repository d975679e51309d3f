"""The device key and the one-time token as files: written whole or not at all, readable by the agent alone.

A file of a key holds the key, a mark of the token that was spent on it, and a check sum, for an SD card may lose a bit.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.errors import RetryLater
from protocol.seal import KEY_BYTES

_LOG = logging.getLogger(__name__)
_NO_TOKEN = "-"  # noqa: S105  it stands for none
_PARTS = 3
_MARK_CHARS = 16
_TOKEN_MAX_BYTES = 1024
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class _Held:
    key: bytes
    spent: str


def read_key(path: Path) -> bytes | None:
    """Read the device key; None when there is none, or when it is damaged, which the log says."""
    held = _read(path)
    return None if held is None else held.key


def write_key(path: Path, key: bytes, spent: str = _NO_TOKEN) -> None:
    """Write a key so that a power cut leaves it whole or leaves what was there; raises `RetryLater`."""
    said = f"{key.hex()} {spent}"
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(f"{said} {_sum(said)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise RetryLater(f"the device key {path} cannot be written: {error.strerror}") from error


class KeyFiles:
    """A `Keyring` of two files; beside the key stands the one that was offered and not taken yet."""

    def __init__(self, key_file: Path, token_file: Path) -> None:
        self._key_file = key_file
        self._offered_file = key_file.with_name(f"{key_file.name}.offered")
        self._token_file = token_file

    def token(self) -> str | None:
        """See `Keyring.token`; a spent one that could not be removed then is removed now."""
        try:
            with self._token_file.open("rb") as file:
                token = file.read(_TOKEN_MAX_BYTES).decode("ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise RetryLater(f"the token {self._token_file} cannot be read: {error}") from error
        held = _read(self._key_file)
        written_over = not token or "\0" in token
        if written_over or (held is not None and held.spent == _mark(token)):
            self._erase_token()
            return None
        return token

    def candidate(self) -> bytes:
        """See `Keyring.candidate`."""
        held = _read(self._key_file) or _read(self._offered_file)
        if held is None:
            held = _Held(secrets.token_bytes(KEY_BYTES), _NO_TOKEN)
            write_key(self._offered_file, held.key)
        return held.key

    def adopt(self, token: str) -> bytes:
        """See `Keyring.adopt`."""
        key = self.candidate()
        write_key(self._key_file, key, _mark(token))
        with suppress(OSError):
            self._offered_file.unlink(missing_ok=True)
        self._erase_token()
        return key

    def _erase_token(self) -> None:
        """Write over the token and remove it: a best effort, for a card may keep what was written over."""
        try:
            with self._token_file.open("r+b") as file:
                file.write(bytes(self._token_file.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            self._token_file.unlink()
            _flush_folder(self._token_file.parent)
        except OSError as error:
            where, why = self._token_file, error.strerror
            _LOG.warning("%s is spent and cannot be removed (%s): it opens nothing any more; remove it", where, why)


def _read(path: Path) -> _Held | None:
    try:
        with path.open("rb") as file:
            text, mode = file.read(_TOKEN_MAX_BYTES).decode("ascii"), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        _LOG.warning("the device key %s cannot be read, so rows are not sealed: %s", path, error)
        return None
    if mode & _OTHERS:
        _LOG.warning("the device key %s can be read by other users: chmod 600 %s", path, path)
    parts = text.split()
    with suppress(ValueError):
        key = bytes.fromhex(parts[0] if parts else "")
        if len(parts) == _PARTS and len(key) == KEY_BYTES and parts[2] == _sum(f"{parts[0]} {parts[1]}"):
            return _Held(key, parts[1])
    _LOG.warning("the device key %s is damaged, so rows are not sealed: enrol this site anew", path)
    return None


def _mark(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:_MARK_CHARS]


def _sum(said: str) -> str:
    return f"{zlib.crc32(said.encode()):08x}"


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
