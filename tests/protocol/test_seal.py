"""Seals: both sides come to the same, and whatever is changed in a row, its seal is another."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from protocol import batch as wire_batch
from protocol import events, seal, wire
from protocol.batch import Batch, EventRow
from protocol.events import AlarmCleared, ChargingSession, EndReason, SlotTaken, Tally
from protocol.seal import Chains, Seals
from protocol.tally import Sums, event_form, sample_form
from tests.protocol.strategies import batches

KEY = bytes(range(seal.KEY_BYTES))


def row_by_row(batch: Batch, first_seq: int) -> Seals:
    """Seal as a site does, which takes one row after another."""
    forms = {row.seq: (True, event_form(row)) for row in batch.events}
    for table in batch.tables:
        for at, seq in enumerate(table.seqs):
            values = [column[at] for column in table.columns]
            moment = table.boots[at], table.uptimes_s[at]
            forms[seq] = (False, sample_form(seq, batch.schema_id, table.table, *moment, values))
    chains = seal.begin(KEY, batch.epoch, first_seq)
    for _, (is_event, form) in sorted(forms.items()):
        chains = chains.with_event(form) if is_event else chains.with_sample(form)
    return chains.seals()


@given(batches(), st.integers(1, 9))
def test_the_hub_seals_what_the_site_sealed(sent: Batch, first_seq: int) -> None:
    """Rows that crossed the wire come to the seal of the rows as they were taken, in whatever order they stand."""
    arrived = wire_batch.decode(wire_batch.encode(sent))
    begun = seal.begin(KEY, sent.epoch, first_seq)
    assert seal.chain(begun, seal.links(arrived, lambda _: True)).seals() == row_by_row(sent, first_seq)
    assert seal.chain(begun, seal.links(arrived, lambda _: False)) == begun


CHARGE = ChargingSession(2, 4, 1, 190, 1, 790, EndReason.UNPLUGGED)
ROWS = (EventRow(4, 1, 190, SlotTaken(2)), EventRow(7, 1, 790, CHARGE))


def sealed(*rows: EventRow, key: bytes = KEY, epoch: int = 5, first_seq: int = 1) -> Seals:
    """Seal events."""
    return seal.chain(seal.begin(key, epoch, first_seq), seal.links(Batch(epoch, events=rows), lambda _: True)).seals()


def test_any_change_in_a_row_is_another_seal() -> None:
    """A number, a moment, a slot, a duration, a row too few or too many, a key, an epoch, a beginning: each shows."""
    taken, ended = ROWS
    others = [
        sealed(taken),
        sealed(ended),
        sealed(*ROWS, EventRow(9, 1, 800, AlarmCleared("door"))),
        sealed(replace(taken, seq=5), ended),
        sealed(replace(taken, boot=2), ended),
        sealed(replace(taken, uptime_s=191), ended),
        sealed(replace(taken, event=SlotTaken(3)), ended),
        sealed(taken, replace(ended, event=replace(CHARGE, end_uptime_s=700))),
        sealed(replace(taken, seq=7), replace(ended, seq=4)),
        sealed(*ROWS, key=KEY[::-1]),
        sealed(*ROWS, epoch=6),
        sealed(*ROWS, first_seq=2),
    ]
    assert len({found.events for found in [sealed(*ROWS), *others]}) == len(others) + 1


def test_samples_and_events_have_chains_of_their_own() -> None:
    """What happens to one says nothing of the other."""
    begun = seal.begin(KEY, 5, 1)
    assert begun.seals().events != begun.seals().samples
    with_both = begun.with_event(b"e").with_sample(b"s")
    assert with_both.events == begun.with_event(b"e").events
    assert with_both.samples == begun.with_sample(b"s").samples


def test_a_chain_is_hmac_sha_256_over_its_last_state_and_the_row() -> None:
    """Anybody can check it with a library of their own."""
    started = Chains(KEY, b"before", b"")
    assert started.with_event(b"row").events == hmac.new(KEY, b"beforerow", "sha256").digest()
    states = hashlib.sha256(b"e").digest(), hashlib.sha256(b"s").digest()
    assert Chains(KEY, *states).seals() == Seals(int.from_bytes(states[0][:8]), int.from_bytes(states[1][:6]))


@given(st.builds(Seals, st.integers(1, 2**64 - 1), st.integers(0, 2**48 - 1)))
def test_a_tally_carries_its_seals(seals: Seals) -> None:
    """They cross the wire at no more than 18 bytes, and cost nothing where there are none."""
    bare = Sums(samples=3).tally(1, 3)
    told = seal.sealed(bare, seals)
    kind, *values = events.to_wire(told)
    assert seal.of_tally(told) == seals
    assert events.from_wire(Tally.kind, values) == told
    assert seal.of_tally(bare) is None
    assert [kind, *values[:8]] == events.to_wire(bare)
    assert len(wire.canonical(values)) - len(wire.canonical(values[:8])) <= 18
