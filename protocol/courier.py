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
from enum import Enum
from io import BytesIO
from typing import BinaryIO

from protocol.errors import Refusal, WireError
from protocol.limits import PAYLOAD_MAX_BYTES, RECORDS_MAX
from protocol.topics import is_name

SUFFIX = ".kayasol"
_MAGIC = "kayasol-courier"
_VERSION = "1"
_HEAD_MAX_BYTES = 80
_RECORD_HEAD_BYTES = 5
_END = b"E"


class Kind(Enum):
    """What a record holds."""

    SCHEMA = b"S"
    BATCH = b"B"


_KINDS = {kind.value: kind for kind in Kind}


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
    schemas = (_record(Kind.SCHEMA.value, payload) for payload in courier.schemas)
    batches = (_record(Kind.BATCH.value, payload) for payload in courier.batches)
    body = b"".join((head, *schemas, *batches))
    return body + _closing(zlib.crc32(body))


def decode(data: bytes) -> Courier:
    """Read a courier file; raises `WireError` when it is none, of another version, cut off or damaged."""
    file = BytesIO(data)
    site = read_site(file)
    found: dict[Kind, list[bytes]] = {kind: [] for kind in Kind}
    for kind, payload in read_records(file):
        found[kind].append(payload)
    return Courier(site, tuple(found[Kind.SCHEMA]), tuple(found[Kind.BATCH]))


def read_site(file: BinaryIO) -> str:
    """Read whose file this is from its first line; raises `WireError` when it is none, or of another version."""
    line = file.readline(_HEAD_MAX_BYTES)
    words = line.removesuffix(b"\n").decode("ascii", "replace").split(" ")
    if not line.endswith(b"\n") or len(words) != 3 or words[0] != _MAGIC or not is_name(words[2]):  # noqa: PLR2004
        raise WireError(Refusal.MALFORMED, "this is no courier file")
    if words[1] != _VERSION:
        raise WireError(Refusal.UNKNOWN_VERSION, f"courier file of version {words[1]}, this side reads {_VERSION}")
    return words[2]


def read_records(file: BinaryIO) -> Iterator[tuple[Kind, bytes]]:
    """Read a file from its beginning, one record in memory at a time.

    Raises `WireError` where it is damaged or ends early. Only when the last record has been given without that is the
    whole file known to be sound: who acts on records must first have read them all.
    """
    file.seek(0)
    line = file.readline(_HEAD_MAX_BYTES)
    total = zlib.crc32(line)
    count = 0
    while head := file.read(_RECORD_HEAD_BYTES):
        length = int.from_bytes(head[1:], "big")
        if len(head) == _RECORD_HEAD_BYTES and length > PAYLOAD_MAX_BYTES:
            raise WireError(Refusal.OVERSIZED, f"a record of {length} bytes, at most {PAYLOAD_MAX_BYTES}")
        payload = file.read(length)
        if len(head) < _RECORD_HEAD_BYTES or len(payload) < length:
            raise WireError(Refusal.TRUNCATED, "the courier file is cut off")
        if head[:1] == _END:
            if head + payload != _closing(total) or file.read(1):
                raise WireError(Refusal.MALFORMED, "the courier file is damaged, or goes on after its end")
            return
        if head[:1] not in _KINDS:
            raise WireError(Refusal.MALFORMED, f"the courier file holds a record of kind {head[:1]!r}")
        count += 1
        if count > RECORDS_MAX:
            raise WireError(Refusal.OVERSIZED, f"the courier file has more than {RECORDS_MAX} records")
        total = zlib.crc32(payload, zlib.crc32(head, total))
        yield _KINDS[head[:1]], payload
    raise WireError(Refusal.TRUNCATED, "the courier file has no closing record: its end is missing")


def _closing(total: int) -> bytes:
    return _record(_END, total.to_bytes(4, "big"))


def _record(kind: bytes, payload: bytes) -> bytes:
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise WireError(Refusal.OVERSIZED, f"a payload of {len(payload)} bytes, at most {PAYLOAD_MAX_BYTES}")
    return kind + len(payload).to_bytes(4, "big") + payload
