"""CBOR taken apart, changed in its structure, and written again: also as no honest writer would.

The writer knows what cbor2's refuses: keys that stand twice, heads that claim more than follows, lengths without end,
tags around anything, halves of surrogate pairs.
"""

from __future__ import annotations

import copy
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cbor2

from tests.fuzz import blind
from tests.fuzz.target import NUMBERS, WORDS, whole

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
Node = Any
"""A list, a `Map`, a `Raw`, or a leaf."""


@dataclass(slots=True)
class Map:
    """A map in which a key may stand twice and be anything."""

    pairs: list[list[Node]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that are written as they stand."""

    data: bytes


def read(data: bytes) -> Node:
    """Read well-formed CBOR into nodes that can be changed."""
    return _node(cbor2.loads(data))


def _node(item: object) -> Node:
    if isinstance(item, dict):
        return Map([[key, _node(value)] for key, value in item.items()])
    return [_node(one) for one in item] if isinstance(item, list) else item


def write(node: Node) -> bytes:
    """Write nodes, whatever they are."""
    match node:
        case Raw():
            return node.data
        case None | True | False:
            return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[node]
        case int():
            return _integer(node)
        case float():
            return b"\xfb" + struct.pack(">d", node)
        case bytes():
            return head(_BYTES, len(node)) + node
        case str():
            encoded = node.encode("utf-8", "surrogatepass")
            return head(_TEXT, len(encoded)) + encoded
        case list():
            return head(_ARRAY, len(node)) + b"".join(map(write, node))
        case Map():
            return head(_MAP, len(node.pairs)) + b"".join(map(_pair, node.pairs))
    raise TypeError(node)


def _pair(pair: Node) -> bytes:
    return b"".join(map(write, pair)) if isinstance(pair, list) else write(pair)


def head(major: int, number: int) -> bytes:
    """Write a head with the shortest argument that holds the number."""
    if number < 24:
        return bytes((major << 5 | number,))
    size = next(power for power in range(4) if number < 1 << (8 << power))
    return bytes((major << 5 | 24 + size,)) + number.to_bytes(1 << size, "big")


def changed(root: Node, chance: random.Random) -> Node:
    """Change a copy of a tree in one to four places."""
    root = copy.deepcopy(root)
    for _ in range(1 + min(chance.randrange(4), chance.randrange(4))):
        places = list(_places(root))
        if not places:
            return leaf(chance)
        _change(*chance.choice(places), places, chance)
    return root


def leaf(chance: random.Random) -> Node:
    """Draw something where something else was expected."""
    match chance.randrange(8):
        case 0:
            return whole(chance)
        case 1:
            return chance.choice(WORDS)
        case 2:
            return blind.noise(chance, 40)
        case 3:
            return chance.choice((float("nan"), float("inf"), -0.0, 1.5, 1e300, 2.0**53))
        case 4:
            return chance.choice((None, True, False))
        case 5:
            return []
        case 6:
            return Map()
        case _:
            return Raw(chance.choice(_ODD))


def _integer(number: int) -> bytes:
    major, size = (_UINT, number) if number >= 0 else (_NEGATIVE, -1 - number)
    if size < 1 << 64:
        return head(major, size)
    big = size.to_bytes(-(-size.bit_length() // 8), "big")
    return head(_TAG, 2 + major) + write(big)


def _places(node: Node) -> Iterator[tuple[list[Node], int]]:
    """Name every place in a tree as a list and an index in it."""
    inside = node.pairs if isinstance(node, Map) else node if isinstance(node, list) else []
    for index, item in enumerate(inside):
        yield inside, index
        yield from _places(item)


def _change(inside: list[Node], index: int, places: list[tuple[list[Node], int]], chance: random.Random) -> None:
    if index >= len(inside):
        return  # an earlier change took it away
    item = inside[index]
    match chance.randrange(12):
        case 0:
            del inside[index]
        case 1:
            inside[index:index] = [copy.deepcopy(item)] * chance.choice(blind.REPEATS)
        case 2:
            other, at = chance.choice(places)
            if at < len(other):
                inside[index] = copy.deepcopy(other[at])
        case 3:
            for _ in range(chance.choice((1, 2, 7, 8, 9, 50, 2000))):
                item = Raw(head(_ARRAY, 1) + write(item))
            inside[index] = item
        case 4:
            inside[index] = Raw(
                head(chance.choice((_BYTES, _TEXT, _ARRAY, _MAP)), chance.choice(NUMBERS) % 2**64) + write(item)
            )
        case 5:
            inside[index] = Raw(
                head(_TAG, chance.choice((0, 1, 2, 3, 4, 5, 25, 28, 29, 35, 256, 258, 55_799, 2**40))) + write(item)
            )
        case 6 if isinstance(item, bytes):
            inside[index] = blind.changed(item, chance)
        case 6 | 7 if isinstance(item, int):
            inside[index] = item + chance.choice((-2, -1, 1, 2, 64, 2**32))
        case 8 if isinstance(item, bytes | str) and item:
            inside[index] = item[: chance.randrange(len(item))]
        case 9:
            chance.shuffle(inside)
        case _:
            inside[index] = leaf(chance)


_ODD = (
    b"\x9f\xff", b"\x9f", b"\xbf\xff", b"\x5f\xff", b"\x5f\x41a\xff", b"\x7f\xff", b"\xff", b"\xf7", b"\xf8\x18", b"\xf0", b"\xf9\x7e\x00",
    b"\x18\x01", b"\x1b\x00\x00\x00\x00\x00\x00\x00\x01", b"\x1c", b"\x3b" + b"\xff" * 8, b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8,
    b"\x5b" + b"\x7f" * 8, b"\xc2\x58\x64" + b"\xff" * 100, b"\xc1\xfb\x7f\xf0" + b"\0" * 6, b"\xd8\x1c\x81\xd8\x1d\x00",
    b"\xd8\x23\x63(((", b"\x62\xc3\x28", b"\xc4\x82\x1b" + b"\xff" * 8 + b"\x01",
)  # fmt: skip
"""Items at the edge of what CBOR is, and beyond."""
