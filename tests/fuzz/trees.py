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
    if isinstance(node, list):
        return head(_ARRAY, len(node)) + b"".join(map(write, node))
    if isinstance(node, Map):
        return head(_MAP, len(node.pairs)) + b"".join(map(_pair, node.pairs))
    return node.data if isinstance(node, Raw) else _leaf_bytes(node)


def _leaf_bytes(leaf: object) -> bytes:
    """Write what holds nothing else."""
    written = b"\xf6"
    match leaf:
        case bool():
            written = b"\xf5" if leaf else b"\xf4"
        case int():
            written = _integer(leaf)
        case float():
            written = b"\xfb" + struct.pack(">d", leaf)
        case bytes():
            written = head(_BYTES, len(leaf)) + leaf
        case str():
            encoded = leaf.encode("utf-8", "surrogatepass")
            written = head(_TEXT, len(encoded)) + encoded
        case _:
            pass
    return written


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
    odd: tuple[Node, ...] = (None, True, False, float("nan"), float("inf"), -0.0, 1.5, 1e300, 2.0**53, [], Map())
    drawn = (whole(chance), chance.choice(WORDS), blind.noise(chance, 40), Raw(chance.choice(_ODD)), chance.choice(odd))
    return chance.choice(drawn)


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
    match chance.randrange(5):
        case 0:
            del inside[index]
        case 1:
            inside[index:index] = [copy.deepcopy(inside[index])] * chance.choice(blind.REPEATS)
        case 2:
            other, at = chance.choice(places)
            inside[index] = copy.deepcopy(other[at]) if at < len(other) else leaf(chance)
        case 3:
            chance.shuffle(inside)
        case _:
            inside[index] = chance.choice(_WAYS)(inside[index], chance)


def _nest(item: Node, chance: random.Random) -> Node:
    for _ in range(chance.choice((1, 2, 7, 8, 9, 50, 2000))):
        item = Raw(head(_ARRAY, 1) + write(item))
    return item


def _claim(item: Node, chance: random.Random) -> Node:
    """Put a head before it that may claim anything."""
    return Raw(head(chance.choice((_BYTES, _TEXT, _ARRAY, _MAP)), chance.choice(NUMBERS) % 2**64) + write(item))


def _tag(item: Node, chance: random.Random) -> Node:
    return Raw(head(_TAG, chance.choice((*range(6), 25, 28, 29, 35, 256, 258, 55_799, 2**40))) + write(item))


def _near(item: Node, chance: random.Random) -> Node:
    """Change an item a little, staying with its type."""
    if isinstance(item, bytes):
        return blind.changed(item, chance)
    if isinstance(item, str):
        return item[: chance.randrange(len(item) + 1)]
    return item + chance.choice((-2, -1, 1, 2, 64, 2**32)) if type(item) is int else leaf(chance)


def _other(_: Node, chance: random.Random) -> Node:
    return leaf(chance)


_WAYS = (_nest, _claim, _tag, _near, _near, _near, _other, _other)

_ODD = (
    b"\x9f\xff", b"\x9f", b"\xbf\xff", b"\x5f\xff", b"\x5f\x41a\xff", b"\x7f\xff", b"\xff", b"\xf7", b"\xf8\x18",
    b"\xf0", b"\xf9\x7e\x00", b"\x18\x01", b"\x1b\x00\x00\x00\x00\x00\x00\x00\x01", b"\x1c", b"\x3b" + b"\xff" * 8,
    b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\x5b" + b"\x7f" * 8, b"\xc2\x58\x64" + b"\xff" * 100,
    b"\xc1\xfb\x7f\xf0" + b"\0" * 6, b"\xd8\x1c\x81\xd8\x1d\x00", b"\xd8\x23\x63(((", b"\x62\xc3\x28",
    b"\xc4\x82\x1b" + b"\xff" * 8 + b"\x01",
)  # fmt: skip
"""Items at the edge of what CBOR is, and beyond."""
