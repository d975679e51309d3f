"""What the hub says of seals: an edited row on its day and no other, and nothing that it cannot know."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hub.answers.loss import TallyAnswer, loss
from hub.enrolment_store import Offer
from hub.io import accounts
from hub.seals import Seal, SealVerdict
from hub.tallies import from_plain
from protocol import seal, tally
from protocol.batch import EventRow, TableRows
from protocol.events import AgentStarted, AlarmCleared, ChargingSession, EndReason, Gap, GapCause, SlotTaken
from protocol.seal import Link
from tests.hub.builders import NOON_MS, TestHub, anchor, event, of, samples

KEY, OTHER_KEY = b"k" * seal.KEY_BYTES, b"o" * seal.KEY_BYTES
CHARGE = ChargingSession(2, 6, 1, 190, 1, 790, EndReason.UNPLUGGED)
ENDED = event(7, CHARGE, uptime_s=790)
DAY_1 = (
    event(1, AgentStarted("0.1.0", "boot-1")), anchor(2, 0, NOON_MS), samples(3, [60, 120, 180], [5, None, 7]),
    event(6, SlotTaken(2), uptime_s=190), ENDED,
)  # fmt: skip
DAY_2 = (event(9, SlotTaken(3), uptime_s=90_000), samples(10, [90_060], [9]))
BOTH_AGREE = SealVerdict(Seal.AGREES, Seal.AGREES)


def told(
    seq: int, first_seq: int, *rows: EventRow | TableRows, key: bytes | None = KEY, last_seq: int | None = None
) -> EventRow:
    """Lay out a site's tally of these rows, with its seal."""
    taken = of(*rows)
    said = tally.of_batch(taken, lambda _: True).tally(first_seq, seq - 1 if last_seq is None else last_seq)
    if key is not None:
        links = seal.links(taken, lambda _: True)
        said = seal.sealed(said, seal.chain(seal.begin(key, 1, first_seq), links).seals())
    return event(seq, said, uptime_s=seq * 100)


FIRST = told(8, 1, *DAY_1)
SECOND = told(12, 8, FIRST, *DAY_2, last_seq=11)
"""A day later; row 11 was never taken."""
NEVER = event(13, Gap(11, 11, GapCause.UNUSED), uptime_s=90_100)


def know(hub: TestHub, key: bytes = KEY) -> None:
    """Enrol the site with this key."""
    hub.ledger.enrol(Offer("ecole-a", hub.ledger.new_token("ecole-a", NOON_MS), key), NOON_MS)


def tallies(hub: TestHub) -> list[TallyAnswer]:
    """Compare what can be compared, and list the tallies with the oldest first."""
    while hub.ledger.compare_tally(NOON_MS):
        pass
    return sorted(loss(hub.ledger, "ecole-a").tallies, key=lambda found: found.first_seq)


def verdicts(hub: TestHub) -> list[SealVerdict | None]:
    """List what the seals say, the oldest first."""
    return [found.seals for found in tallies(hub)]


def test_rows_as_they_were_taken_agree(hub: TestHub) -> None:
    """Two days, in batches that come late and in any order."""
    know(hub)
    hub.send_batch(of(SECOND, NEVER, DAY_2[1], ENDED))
    assert verdicts(hub) == [None]
    hub.send_batch(of(FIRST, *DAY_1[:4]))
    hub.send_batch(of(DAY_2[0]))
    assert verdicts(hub) == [BOTH_AGREE, BOTH_AGREE]


@pytest.mark.parametrize(
    ("edited", "verdict"),
    [
        (replace(ENDED, event=replace(CHARGE, end_uptime_s=490)), SealVerdict(Seal.DIFFERS, Seal.AGREES)),
        (replace(ENDED, uptime_s=791), SealVerdict(Seal.DIFFERS, Seal.AGREES)),
        (replace(ENDED, event=AlarmCleared("door")), SealVerdict(Seal.DIFFERS, Seal.AGREES)),
        (samples(3, [60, 120, 180], [5, None, 8]), SealVerdict(Seal.AGREES, Seal.DIFFERS)),
    ],
)
def test_an_edited_row_shows_on_its_day_and_no_other(
    hub: TestHub, edited: EventRow | TableRows, verdict: SealVerdict
) -> None:
    """Even where whoever did it corrected the site's own count: that has no secret in it."""
    know(hub)
    seqs = set(of(edited).seqs())
    rows = [row for row in DAY_1 if not seqs & set(of(row).seqs())]
    counts = tally.of_batch(of(*rows, edited), lambda _: True).tally(1, 7)
    seals = seal.of_tally(told(8, 1, *DAY_1).event)  # type: ignore[arg-type]  # a tally it is
    assert seals is not None
    first = replace(FIRST, event=seal.sealed(counts, seals))
    second = told(12, 8, first, *DAY_2, last_seq=11)
    hub.send_batch(of(*rows, edited, first, *DAY_2, second, NEVER))
    assert verdicts(hub) == [verdict, BOTH_AGREE]
    assert [found.comparison.value for found in tallies(hub)] == ["agrees", "agrees"]


def test_a_tally_that_was_edited_shows_on_the_next_day(hub: TestHub) -> None:
    """It is a row of the next one: even its seal cannot be taken off unseen."""
    know(hub)
    bare = told(8, 1, *DAY_1, key=None)
    hub.send_batch(of(*DAY_1, bare, *DAY_2, SECOND, NEVER))
    assert verdicts(hub) == [
        SealVerdict(Seal.UNSEALED, Seal.UNSEALED),
        SealVerdict(Seal.DIFFERS, Seal.AGREES),
    ]


def test_another_key_differs_and_an_earlier_one_of_the_site_does_not(hub: TestHub) -> None:
    """Rows of the card before the present one may come late, under the key that they were taken with."""
    know(hub, OTHER_KEY)
    hub.send_batch(of(*DAY_1, FIRST))
    assert verdicts(hub) == [SealVerdict(Seal.DIFFERS, Seal.DIFFERS)]
    know(hub)
    know(hub, b"n" * seal.KEY_BYTES)
    hub.send_batch(of(*DAY_2, SECOND, NEVER))
    assert verdicts(hub)[1] == BOTH_AGREE


def test_a_key_that_comes_late_is_tried_on_what_waited_for_it(hub: TestHub) -> None:
    """A hub that lost its keys says so, and judges as soon as it has them."""
    hub.send_batch(of(*DAY_1, FIRST))
    assert verdicts(hub) == [SealVerdict(Seal.NO_KEY, Seal.NO_KEY)]
    know(hub)
    assert verdicts(hub) == [BOTH_AGREE]


def test_a_site_without_a_key_has_no_verdict(hub: TestHub) -> None:
    """Nothing changes for it; once it has a key, rows without a seal are told."""
    hub.send_batch(of(*DAY_1, told(8, 1, *DAY_1, key=None)))
    assert verdicts(hub) == [None]
    know(hub)
    bare = told(12, 8, told(8, 1, *DAY_1, key=None), *DAY_2, key=None, last_seq=11)
    hub.send_batch(of(*DAY_2, bare, NEVER))
    assert verdicts(hub) == [None, SealVerdict(Seal.UNSEALED, Seal.UNSEALED)]


def test_samples_given_up_leave_the_money_tellable(hub: TestHub) -> None:
    """Money is never given up: its chain does not care what was."""
    know(hub)
    hub.send_batch(of(*DAY_1[:2], *DAY_1[3:], FIRST, event(20, Gap(3, 5, GapCause.SHED_BUDGET))))
    assert verdicts(hub) == [SealVerdict(Seal.AGREES, Seal.ROWS_LOST)]


def test_a_charge_that_is_gone_makes_the_day_untellable(hub: TestHub) -> None:
    """It is missed in the counts; what is here may still be right, and nobody can tell."""
    know(hub)
    hub.send_batch(of(*DAY_1[:4], FIRST, event(20, Gap(7, 7, GapCause.LOST))))
    (found,) = tallies(hub)
    assert found.seals == SealVerdict(Seal.ROWS_LOST, Seal.AGREES)
    assert found.here is not None
    assert (found.there.ended, found.here.ended, found.lost) == (1, 0, 1)
    hub.send_batch(of(ENDED))
    assert verdicts(hub) == [BOTH_AGREE]


def test_nothing_is_read_where_everything_is_lost(hub: TestHub) -> None:
    """Events and samples alike."""
    know(hub)
    gaps = event(20, Gap(3, 5, GapCause.DISK_FULL)), event(21, Gap(7, 7, GapCause.OUTBOX_DAMAGED))
    hub.send_batch(of(*DAY_1[:2], DAY_1[3], FIRST, *gaps))
    assert verdicts(hub) == [SealVerdict(Seal.ROWS_LOST, Seal.ROWS_LOST)]


def test_a_count_that_begins_anew_is_told(hub: TestHub) -> None:
    """Whoever spoils the note of the running count takes the rows before out of it: that day is not vouched for."""
    know(hub)
    hub.send_batch(of(*DAY_1, told(8, 6, *DAY_1[3:])))
    assert verdicts(hub) == [SealVerdict(Seal.BEGUN_ANEW, Seal.BEGUN_ANEW)]


def test_rows_that_the_card_forgot_are_not_sealed(hub: TestHub) -> None:
    """A card that was set back goes on with what it knows; what it forgot is neither in its count nor in its seal."""
    know(hub)
    hub.send_batch(of(*DAY_1, event(8, SlotTaken(1), uptime_s=800)))
    again = event(4_000_000_000, Gap(8, 3_999_999_999, GapCause.UNUSED), boot=9)
    hub.send_batch(of(again, told(4_000_000_001, 1, *DAY_1, again)))
    assert verdicts(hub) == [BOTH_AGREE]


def test_too_many_rows_for_one_seal_are_told(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile count does not fill the hub's memory."""
    monkeypatch.setattr(accounts, "SEALED_ROWS_MAX", 6)
    know(hub)
    hub.send_batch(of(*DAY_1, FIRST))
    assert verdicts(hub) == [SealVerdict(Seal.TOO_LONG, Seal.TOO_LONG)]


def test_a_verdict_of_an_older_release_is_read() -> None:
    """It knew no seals."""
    plain = {"differs": ["samples"], "here": {"samples": 3}, "lost": 0, "forgotten": 0}
    assert from_plain(json.loads(json.dumps(plain))).seals is None


def test_the_order_of_rows_does_not_matter() -> None:
    """The hub reads batches as they came."""
    links: list[Link] = list(seal.links(of(*DAY_1), lambda _: True))
    begun = seal.begin(KEY, 1, 1)
    assert seal.chain(begun, reversed(links)) == seal.chain(begun, links)


def test_a_card_that_forgot_a_row_is_not_called_edited(hub: TestHub) -> None:
    """The hub has more than the site counted: the counts differ, and the seal of that lane cannot tell."""
    know(hub)
    hub.send_batch(of(*DAY_1, told(8, 1, *DAY_1[:2], *DAY_1[3:])))
    assert verdicts(hub) == [SealVerdict(Seal.AGREES, Seal.ROWS_FORGOTTEN)]


def test_a_count_of_which_nothing_is_here_is_no_mistake(hub: TestHub) -> None:
    """All its numbers were given up."""
    know(hub)
    hub.send_batch(of(FIRST, event(20, Gap(1, 7, GapCause.OUTBOX_DAMAGED))))
    assert verdicts(hub) == [SealVerdict(Seal.ROWS_LOST, Seal.ROWS_LOST)]
