"""Integer columns in as few bits as a slow signal deserves: differences, Rice-coded in blocks.

Bit layout, most significant bit first, padded with zeros to a whole byte:

    order     1 bit   0: first differences follow, 1: second differences
    first     number  the first value; with order 1 also the first difference
    blocks            up to `BLOCK` differences each: 4 bits of k, then the differences

A `number` is 6 bits of length and that many bits of zigzag (0, -1, 1, -2 … as 0, 1, 2, 3 …). In a block, k = 15 says
that every difference is zero and nothing follows; otherwise each zigzagged difference is its quotient by 2**k as ones
closed by a zero, then k bits of remainder. A quotient of `ESCAPE` or more is `ESCAPE` ones, then a `number`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from protocol.errors import Refusal, WireError
from protocol.limits import VALUE_MAX

BLOCK = 64
ESCAPE = 20
_ALL_ZERO = 15
_K_MAX = 14
_LENGTH_MAX = 58  # a second difference of values up to 2^53, zigzagged, needs 57


def pack(values: Sequence[int]) -> bytes:
    """Encode integers of magnitude up to `VALUE_MAX`; an empty sequence gives no bytes."""
    if not values:
        return b""
    if max(values) > VALUE_MAX or min(values) < -VALUE_MAX:
        raise WireError(Refusal.MALFORMED, "a column holds a value beyond 2^53")
    first = [b - a for a, b in pairwise(values)]
    head = _number(values[0])
    bits = "0" + head + _blocks(first)
    if len(first) > 1:
        second = "1" + head + _number(first[0]) + _blocks([b - a for a, b in pairwise(first)])
        bits = min(bits, second, key=len)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def unpack(data: bytes, count: int) -> list[int]:
    """Decode exactly `count` integers; raises `WireError` when the bytes hold anything else."""
    if count == 0 and not data:
        return []
    bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
    try:
        values, end = _values(bits, count)
    except ValueError as error:
        raise WireError(Refusal.TRUNCATED, f"a column ends before its {count} values") from error
    if len(bits) - end >= 8 or "1" in bits[end:]:  # noqa: PLR2004  a byte has eight bits
        raise WireError(Refusal.MALFORMED, f"a column goes on after its {count} values")
    if max(values) > VALUE_MAX or min(values) < -VALUE_MAX:
        raise WireError(Refusal.MALFORMED, "a column holds a value beyond 2^53")
    return values


def _number(value: int) -> str:
    zigzag = _zigzag(value)
    length = zigzag.bit_length()
    return f"{length:06b}{zigzag:0{length}b}" if length else "000000"


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _blocks(differences: Sequence[int]) -> str:
    zigzags = [_zigzag(difference) for difference in differences]
    return "".join(_block(zigzags[start : start + BLOCK]) for start in range(0, len(zigzags), BLOCK))


def _block(zigzags: list[int]) -> str:
    total = sum(zigzags)
    if total == 0:
        return f"{_ALL_ZERO:04b}"
    # Near the bit length of the mean lies the best k of a smooth block, near that of the median one with outliers.
    middles = {(total // len(zigzags)).bit_length(), sorted(zigzags)[len(zigzags) // 2].bit_length()}
    candidates = {min(max(middle + step, 0), _K_MAX) for middle in middles for step in (-2, -1, 0, 1)}
    k = min(sorted(candidates), key=lambda k: sum(_cost(z, k) for z in zigzags))
    return f"{k:04b}" + "".join([_rice(zigzag, k) for zigzag in zigzags])


def _cost(zigzag: int, k: int) -> int:
    quotient = zigzag >> k
    return quotient + 1 + k if quotient < ESCAPE else ESCAPE + 6 + zigzag.bit_length()


def _rice(zigzag: int, k: int) -> str:
    quotient = zigzag >> k
    if quotient >= ESCAPE:
        length = zigzag.bit_length()
        return "1" * ESCAPE + f"{length:06b}{zigzag:0{length}b}"
    return "1" * quotient + "0" + (f"{zigzag & ((1 << k) - 1):0{k}b}" if k else "")


def _values(bits: str, count: int) -> tuple[list[int], int]:
    if count < 1:
        raise WireError(Refusal.MALFORMED, "a column holds bytes but no rows")
    value, at = _read_number(bits, 1)
    values = [value]
    step = 0
    if bits[0] == "1":
        step, at = _read_number(bits, at)
        values.append(value + step)
    while len(values) < count:
        differences, at = _read_block(bits, at, min(BLOCK, count - len(values)))
        if bits[0] == "0":
            for difference in differences:
                value += difference
                values.append(value)
        else:
            for difference in differences:
                step += difference
                values.append(values[-1] + step)
    if len(values) > count:
        raise WireError(Refusal.MALFORMED, "a column holds more values than rows")
    return values, at


def _read_number(bits: str, at: int) -> tuple[int, int]:
    zigzag, at = _read_length_prefixed(bits, at)
    return (zigzag >> 1) ^ -(zigzag & 1), at


def _read_length_prefixed(bits: str, at: int) -> tuple[int, int]:
    length = int(bits[at : at + 6], 2)
    end = at + 6 + length
    if length > _LENGTH_MAX:
        raise WireError(Refusal.MALFORMED, f"a column holds a number of {length} bits, at most {_LENGTH_MAX}")
    if end > len(bits):
        raise ValueError(length)
    return (int(bits[at + 6 : end], 2) if length else 0), end


def _read_block(bits: str, at: int, count: int) -> tuple[list[int], int]:
    k = int(bits[at : at + 4], 2)
    at += 4
    if k == _ALL_ZERO:
        return [0] * count, at
    differences = []
    for _ in range(count):
        stop = bits.find("0", at, at + ESCAPE)
        if stop >= 0:
            end = stop + 1 + k
            zigzag = (stop - at) << k | int(bits[stop:end], 2)  # the closing zero adds nothing to the remainder
        elif len(bits) - at < ESCAPE:
            raise ValueError(at)
        else:
            zigzag, end = _read_length_prefixed(bits, at + ESCAPE)
        if end > len(bits):
            raise ValueError(end)
        differences.append((zigzag >> 1) ^ -(zigzag & 1))
        at = end
    return differences, at
