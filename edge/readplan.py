"""Which block reads fetch a set of registers: as few as the device's limits allow, none across a forbidden gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.registers import Register, Table

Words = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One Modbus read: `count` words (or bits) of a table from `address` on."""

    table: Table
    address: int
    count: int

    def holds(self, register: Register) -> bool:
        """Say whether all of the register lies inside this block."""
        return (
            register.table == self.table
            and self.address <= register.address
            and register.address + register.count <= self.address + self.count
        )


def plan(registers: Sequence[Register], *, count_max: int, gap_max: int) -> tuple[Block, ...]:
    """Cover the registers with blocks of at most `count_max` words that bridge gaps of at most `gap_max`."""
    blocks: list[Block] = []
    for register in sorted(registers, key=lambda r: (r.table, r.address, r.count)):
        end = register.address + register.count
        if blocks:
            last = blocks[-1]
            last_end = last.address + last.count
            joined = max(end, last_end) - last.address
            if last.table == register.table and register.address - last_end <= gap_max and joined <= count_max:
                blocks[-1] = Block(last.table, last.address, joined)
                continue
        blocks.append(Block(register.table, register.address, register.count))
    return tuple(blocks)


def words_of(register: Register, answers: Mapping[Block, Words]) -> Words | None:
    """Find a register's words among the blocks that were answered; None when its block was not."""
    for block, words in answers.items():
        if block.holds(register):
            at = register.address - block.address
            return words[at : at + register.count]
    return None
