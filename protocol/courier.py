"""Courier files: batches and their schemas on a USB stick or a phone, the same bytes as on the wire.

A first line names format, version and site; then records follow, each a kind (`S` schema, `B` batch), a length in
four bytes, and the payload. Importing a file twice changes nothing, because rows are known by their identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from protocol.errors import Refusal, WireError
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.topics import is_name

SUFFIX = ".kayasol"
_MAGIC = "kayasol-courier"
_VERSION = "1"
_HEAD_MAX_BYTES = 80
_RECORD_HEAD_BYTES = 5


@dataclass(frozen=True, slots=True)
class Courier:
    """What one file carries for one site."""

    site: str
    schemas: tuple[bytes, ...]
    batches: tuple[bytes, ...]


def encode(courier: Courier) -> bytes:
    """Write a courier file, schemas first."""
    head = f"{_MAGIC} {_VERSION} {courier.site}\n".encode("ascii")
    return head + b"".join(_records(b"S", courier.schemas)) + b"".join(_records(b"B", courier.batches))


def decode(data: bytes) -> Courier:
    """Read a courier file; raises `WireError` when it is none, of another version, or cut off."""
    line, newline, _ = data[:_HEAD_MAX_BYTES].partition(b"\n")
    words = line.decode("ascii", "replace").split(" ")
    if not newline or len(words) != 3 or words[0] != _MAGIC or not is_name(words[2]):  # noqa: PLR2004
        raise WireError(Refusal.MALFORMED, "this is no courier file")
    if words[1] != _VERSION:
        raise WireError(Refusal.UNKNOWN_VERSION, f"courier file of version {words[1]}, this side reads {_VERSION}")
    schemas: list[bytes] = []
    batches: list[bytes] = []
    for kind, payload in _parse(data, len(line) + 1):
        if kind not in b"SB":
            raise WireError(Refusal.MALFORMED, f"the courier file holds a record of kind {kind!r}")
        (schemas if kind == b"S" else batches).append(payload)
    return Courier(words[2], tuple(schemas), tuple(batches))


def _records(kind: bytes, payloads: Iterable[bytes]) -> Iterator[bytes]:
    for payload in payloads:
        yield kind + len(payload).to_bytes(4, "big") + payload


def _parse(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at < len(data):
        length = int.from_bytes(data[at + 1 : at + _RECORD_HEAD_BYTES], "big")
        end = at + _RECORD_HEAD_BYTES + length
        if length > PAYLOAD_MAX_BYTES:
            raise WireError(Refusal.OVERSIZED, f"a record of {length} bytes, at most {PAYLOAD_MAX_BYTES}")
        if end > len(data) or at + _RECORD_HEAD_BYTES > len(data):
            raise WireError(Refusal.TRUNCATED, "the courier file is cut off")
        yield data[at : at + 1], data[at + _RECORD_HEAD_BYTES : end]
        at = end
