"""CBOR and deflate with their limits: the only importer of both, and the only place where bytes become objects."""

from __future__ import annotations

import io
import zlib
from typing import Any, NoReturn, TypeGuard

import cbor2

from protocol.errors import Refusal, WireError
from protocol.limits import INFLATED_MAX_BYTES, PAYLOAD_MAX_BYTES

VERSION = 1
_DEPTH_MAX = 8

# Every tag that the library would turn into an object by itself (dates, big numbers, patterns, references …). The
# protocol uses none, and some cost more to build than their bytes suggest, so all are refused.
_TAGS = (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def deflate(plain: bytes) -> bytes:
    """Compress with a check sum (RFC 1950)."""
    return zlib.compress(plain, 9)


def inflate(payload: bytes) -> bytes:
    """Undo `deflate`, never making more than `INFLATED_MAX_BYTES`; raises `WireError`."""
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise WireError(Refusal.OVERSIZED, f"payload of {len(payload)} bytes, at most {PAYLOAD_MAX_BYTES}")
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(payload, INFLATED_MAX_BYTES)
    except zlib.error as error:
        raise WireError(Refusal.MALFORMED, f"payload does not inflate: {error}") from error
    if stream.unconsumed_tail:
        raise WireError(Refusal.OVERSIZED, f"payload inflates beyond {INFLATED_MAX_BYTES} bytes")
    if not stream.eof:
        raise WireError(Refusal.TRUNCATED, "payload ends early")
    if stream.unused_data:
        raise WireError(Refusal.MALFORMED, "payload goes on after its end")
    return plain


def encode(message: dict[int, Any]) -> bytes:
    """Write one message as CBOR, the version first."""
    return cbor2.dumps({0: VERSION, **message}, canonical=True)


def canonical(item: list[Any]) -> bytes:
    """Write a list in the one form that CBOR has for it (RFC 8949, section 4.2.1), so that both sides may sum it up."""
    return cbor2.dumps(item, canonical=True)


def decode(plain: bytes) -> dict[int, Any]:
    """Read one message of this version; raises `WireError`. Keys nobody knows are left in for the caller to ignore."""
    if len(plain) > INFLATED_MAX_BYTES:
        raise WireError(Refusal.OVERSIZED, f"message of {len(plain)} bytes, at most {INFLATED_MAX_BYTES}")
    stream = io.BytesIO(plain)
    try:
        message = cbor2.load(
            stream, max_depth=_DEPTH_MAX, allow_indefinite=False, semantic_decoders=_NO_TAGS, tag_hook=_refuse
        )
    except cbor2.CBORDecodeEOF as error:
        raise WireError(Refusal.TRUNCATED, f"message ends early: {error}") from error
    except cbor2.CBORDecodeError as error:
        raise WireError(Refusal.MALFORMED, f"message is not CBOR: {error}") from error
    if stream.tell() != len(plain):
        raise WireError(Refusal.MALFORMED, "message goes on after its end")
    if not isinstance(message, dict) or any(type(key) is not int or key < 0 for key in message):
        raise WireError(Refusal.MALFORMED, "message is not a map with keys from 0 up")
    version = message.get(0)
    if type(version) is not int or version != VERSION:
        raise WireError(Refusal.UNKNOWN_VERSION, f"version {version!r:.20}, this side speaks {VERSION}")
    return message


def is_integer(item: object, least: int, most: int) -> TypeGuard[int]:
    """Say whether something is a whole number in a range; true and false are none."""
    return type(item) is int and least <= item <= most


def _refuse(*_: object) -> NoReturn:
    msg = "a tag, and the protocol has none"
    raise ValueError(msg)


_NO_TAGS = dict.fromkeys(_TAGS, _refuse)
