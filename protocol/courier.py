"""Courier files: batches and their schemas on a USB stick or a phone, the same bytes as on the wire.

A first line names format, version and site; then records follow, each a kind (`S` schema, `B` batch), a length in
four bytes, and the payload. The last record, of kind `E`, is a check sum over everything before it, so that a file
that lost its end or changed on its way is noticed. Importing a file twice changes nothing, because rows are known by
their identity.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
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
    """Write a courier file, schemas first; raises `WireError` for what no reader would take."""
    if not is_name(courier.site):
        raise WireError(Refusal.MALFORMED, f"{courier.site!r:.60} is no name of a site")
    head = f"{_MAGIC} {_VERSION} {courier.site}\n".encode("ascii")
    schemas = (_record(b"S", payload) for payload in courier.schemas)
    batches = (_record(b"B", payload) for payload in courier.batches)
    body = b"".join((head, *schemas, *batches))
    return body + _closing(body)


def decode(data: bytes) -> Courier:
    """Read a courier file; raises `WireError` when it is none, of another version, cut off or damaged."""
    line, newline, _ = data[:_HEAD_MAX_BYTES].partition(b"\n")
    words = line.decode("ascii", "replace").split(" ")
    if not newline or len(words) != 3 or words[0] != _MAGIC or not is_name(words[2]):  # noqa: PLR2004
        raise WireError(Refusal.MALFORMED, "this is no courier file")
    if words[1] != _VERSION:
        raise WireError(Refusal.UNKNOWN_VERSION, f"courier file of version {words[1]}, this side reads {_VERSION}")
    schemas: list[bytes] = []
    batches: list[bytes] = []
    for at, kind, payload in _parse(data, len(line) + 1):
        match kind:
            case b"S":
                schemas.append(payload)
            case b"B":
                batches.append(payload)
            case b"E":
                if data[at:] != _closing(memoryview(data)[:at]):
                    raise WireError(Refusal.MALFORMED, "the courier file is damaged, or goes on after its end")
                return Courier(words[2], tuple(schemas), tuple(batches))
            case _:
                raise WireError(Refusal.MALFORMED, f"the courier file holds a record of kind {kind!r}")
    raise WireError(Refusal.TRUNCATED, "the courier file has no closing record: its end is missing")


def _closing(body: bytes | memoryview) -> bytes:
    return _record(b"E", zlib.crc32(body).to_bytes(4, "big"))


def _record(kind: bytes, payload: bytes) -> bytes:
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise WireError(Refusal.OVERSIZED, f"a payload of {len(payload)} bytes, at most {PAYLOAD_MAX_BYTES}")
    return kind + len(payload).to_bytes(4, "big") + payload


def _parse(data: bytes, at: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Split a file into records; gives where each begins, its kind and its payload."""
    while at < len(data):
        length = int.from_bytes(data[at + 1 : at + _RECORD_HEAD_BYTES], "big")
        end = at + _RECORD_HEAD_BYTES + length
        if length > PAYLOAD_MAX_BYTES:
            raise WireError(Refusal.OVERSIZED, f"a record of {length} bytes, at most {PAYLOAD_MAX_BYTES}")
        if end > len(data) or at + _RECORD_HEAD_BYTES > len(data):
            raise WireError(Refusal.TRUNCATED, "the courier file is cut off")
        yield at, data[at : at + 1], data[at + _RECORD_HEAD_BYTES : end]
        at = end
