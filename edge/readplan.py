"""Which block reads fetch a set of registers: as few as the device's limits allow, none across a forbidden gap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.encodings import Number
from edge.registers import Problem, Quantity, Reading, Register, Table, decode
from protocol.metrics import CATALOGUE

Words = tuple[int, ...]


class Placed(Protocol):
    """Anything that stands in words of a table."""

    @property
    def table(self) -> Table:
        """Which table it is in."""

    @property
    def address(self) -> int:
        """Where it begins."""

    @property
    def count(self) -> int:
        """Words that it takes."""

    @property
    def end(self) -> int:
        """The first address behind it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request to a device may read."""

    count_max: int
    gap_max: int = 0
    """Unused words that a request may read across."""
    align: int = 0
    """A request may not straddle a multiple of this address; 0: it may."""


@dataclass(frozen=True, slots=True)
class Block:
    """One Modbus read: `count` words (or bits) of a table from `address` on, `step` addresses apart."""

    table: Table
    address: int
    count: int
    step: int = 1

    @property
    def end(self) -> int:
        """The first address behind the block."""
        return self.address + self.count * self.step

    def holds(self, *cells: Placed) -> bool:
        """Say whether all of the cells lie inside this block."""
        return all(cell.table == self.table and self.address <= cell.address and cell.end <= self.end for cell in cells)

    def words_of(self, cell: Placed, words: Words) -> Words:
        """Pick a cell's words from those that answered this block."""
        at = (cell.address - self.address) // self.step
        return words[at : at + cell.count]


def plan(registers: Sequence[Register], limits: Limits) -> tuple[Block, ...]:
    """Cover the registers with blocks; a register and its scales are never in two."""
    blocks: list[Block] = []
    for span in sorted(spans(registers), key=lambda b: (b.table, b.address, b.count)):
        joined = _joined(blocks[-1], span) if blocks else None
        if joined is None or not _allowed(blocks[-1], span, joined, limits):
            blocks.append(span)
        else:
            blocks[-1] = joined
    return tuple(blocks)


def spans(registers: Iterable[Register]) -> list[Block]:
    """List what must be read in one request: each register from its first cell to its last, each span once."""
    found: dict[Block, None] = {}
    for register in registers:
        first = min(cell.address for cell in register.cells)
        end = max(cell.end for cell in register.cells)
        found[Block(register.table, first, (end - first) // register.step, register.step)] = None
    return list(found)


def pieces(block: Block, registers: Iterable[Register]) -> list[Block]:
    """Break a block that a device refuses into the smallest that can still be read; itself when it is one."""
    inside = [register for register in registers if block.holds(*register.cells)]
    widest = [span for span in spans(inside) if not any(_covers(other, span) for other in spans(inside))]
    return sorted(widest, key=lambda piece: piece.address)


def without_void(registers: Iterable[Register], answers: Mapping[Block, Words]) -> dict[Block, Words]:
    """Leave out blocks of nothing but zeros in which something can never be zero: the device does not have them."""
    impossible = set()
    for register in registers:
        for block, words in answers.items():
            if not any(words) and block.holds(*register.cells):
                said = read(register, {block: words})
                if said is not None and said.problem is not None:
                    impossible.add(block)
    return {block: words for block, words in answers.items() if block not in impossible}


def reading(quantity: Quantity, answers: Mapping[Block, Words]) -> Reading | None:
    """Make a quantity's reading of the blocks that were answered; None when they do not tell it."""
    readings = [read(register, answers) for register in quantity.registers]
    found = [one for one in readings if one is not None]
    if not found:
        return None
    if quantity.join == "else":
        return next((one for one in found if one.problem is not Problem.INVALID), found[0])
    return _together(quantity, found, whole=len(found) == len(readings))


def read(register: Register, answers: Mapping[Block, Words]) -> Reading | None:
    """Read one register, with its scales; None when its block was not answered."""
    for block, words in answers.items():
        if block.holds(*register.cells):
            multipliers = tuple(scale.multiplier(scale.raw(block.words_of(scale, words))) for scale in register.scales)
            return decode(register, block.words_of(register, words), multipliers)
    return None


def _together(quantity: Quantity, found: list[Reading], *, whole: bool) -> Reading | None:
    """Join parts: a sum needs all of them; a fault needs one, but no fault needs all."""
    spoilt = next((one for one in found if one.value is None), None)
    values = [one.value for one in found if one.value is not None]
    if quantity.join == "plus":
        if not whole:
            return None
        return spoilt or _bounded(quantity, sum(one.raw for one in found), sum(values))
    bits = 0
    for value in values:
        bits |= value
    if bits == 0 and not whole:
        return None
    return spoilt if bits == 0 and spoilt is not None else Reading(bits, bits)


def _bounded(quantity: Quantity, raw: Number, total: int) -> Reading:
    """Hold a sum to what the metric may be, as each of its parts was."""
    plausible = CATALOGUE[quantity.metric].plausible(total * 10.0**-quantity.decimals)
    return Reading(raw, total) if plausible else Reading(raw, None, Problem.IMPLAUSIBLE)


def _joined(last: Block, span: Block) -> Block | None:
    if last.table != span.table or last.step != span.step:
        return None
    count = (max(last.end, span.end) - last.address) // last.step
    return Block(last.table, last.address, count, last.step)


def _allowed(last: Block, span: Block, joined: Block, limits: Limits) -> bool:
    if (span.address - last.end) // last.step > limits.gap_max or joined.count > limits.count_max:
        return False
    return not limits.align or joined.address // limits.align == (joined.end - 1) // limits.align


def _covers(other: Block, span: Block) -> bool:
    """Say whether another span takes in this one."""
    return other != span and other.address <= span.address and span.end <= other.end
