"""Rebuild: what follows from the archive is computed anew, and is what it was."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from hub import commands
from hub.errors import BadRequest, NotFound
from hub.io import tables as t
from hub.io.ledger import SqlLedger
from hub.io.rebuild import Difference, rebuild
from protocol import batch, control
from protocol.control import SiteState
from protocol.events import SlotTaken
from protocol.topics import Channel
from tests.hub import histories
from tests.hub.builders import NOON_MS, SITE, TestHub, anchor, event, of, samples

Dump = dict[str, list[tuple[object, ...]]]


def dump(ledger: SqlLedger) -> Dump:
    """Read every row of every table."""
    with ledger.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in t.metadata.tables.values()
        }


def lived(directory: Path, seed: int) -> TestHub:
    """Give a hub behind which a random history lies."""
    chance = random.Random(seed)  # noqa: S311
    hub = TestHub(directory)
    at_ms = histories.START_MS + 30 * histories.DAY_MS
    for sent in histories.batches(chance):
        at_ms += chance.randrange(3_600_000)
        hub.send_batch(sent, at_ms=at_ms)
        if chance.random() < 0.1:
            hub.send(Channel.STATE, control.encode_state(SiteState(online=True, epoch=sent.epoch)), at_ms=at_ms)
        while chance.random() < 0.5 and hub.store.roll_up(at_ms):
            pass
    return hub


def silent(_: int) -> None:
    """Show no progress."""


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**9))
def test_a_rebuild_changes_nothing_of_any_history(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Late anchors, gaps, repeats, several boots and epochs: every row of every table stays as it was."""
    hub = lived(tmp_path_factory.mktemp("hub"), seed)
    before = dump(hub.ledger)
    checked = rebuild(hub.ledger, SITE, silent, check=True)
    assert (checked.differences, dump(hub.ledger)) == ([], before)
    rebuilt = rebuild(hub.ledger, SITE, silent, check=False)
    assert (rebuilt.differences, dump(hub.ledger)) == ([], before)
    assert (rebuilt.batches, rebuilt.rows) == (len(before["archive"]), hub.consumer.counters.rows)
    hub.ledger.close()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**9))
def test_a_rebuild_mends_whatever_was_damaged(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Derived rows that were deleted or altered are found by a check, left by it, and brought back by a rebuild."""
    hub = lived(tmp_path_factory.mktemp("hub"), seed)
    while hub.store.roll_up(NOON_MS + 40 * histories.DAY_MS):
        pass
    before = dump(hub.ledger)
    chance = random.Random(seed)  # noqa: S311
    with hub.ledger.begin() as transaction:
        for table in (t.receipts, t.anchors, t.sessions, t.events):
            if chance.random() < 0.5:
                transaction.connection.execute(delete(table))
        transaction.connection.execute(update(t.archive).values(start_ms=None, end_ms=1, first_boot=99))
        transaction.connection.execute(update(t.site_states).values(latest="{}", newest_ms=5))
    damaged = dump(hub.ledger)
    assert rebuild(hub.ledger, SITE, silent, check=True).differences
    assert dump(hub.ledger) == damaged
    assert rebuild(hub.ledger, SITE, silent, check=False).differences
    assert dump(hub.ledger) == before
    hub.ledger.close()


def test_every_table_with_rows_of_a_site_is_either_rebuilt_or_known_to_stay() -> None:
    """A table that is added must be placed: as following from the archive, or as not."""
    of_a_site = {table for table in t.metadata.tables.values() if "site" in table.columns}
    assert of_a_site - set(t.DERIVED) == {
        t.sites, t.site_states, t.archive, t.rejects, t.live_views, t.device_keys, t.enrolment_tokens,
    }  # fmt: skip


def test_what_differs_is_said_by_table(hub: TestHub) -> None:
    """Rows that lack, rows too many and rows that are wrong are counted apart."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [60], [100]), event(3, SlotTaken(1), uptime_s=90)))
    with hub.ledger.begin() as transaction:
        transaction.connection.execute(delete(t.anchors))
        transaction.connection.execute(update(t.sessions).values(slot=7))
        transaction.connection.execute(
            insert(t.receipts).values(site=SITE.site, epoch=9, cause="", first_seq=1, last_seq=5)
        )
    found = rebuild(hub.ledger, SITE, silent, check=True).differences
    assert found == [
        Difference("receipts", 0, 1, 0), Difference("anchors", 1, 0, 0), Difference("sessions", 0, 0, 1),
    ]  # fmt: skip


def test_a_site_that_said_its_present_epoch_keeps_it(hub: TestHub) -> None:
    """A new card that has sent no row yet is not forgotten."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [60], [100])))
    hub.send(Channel.STATE, control.encode_state(SiteState(online=True, epoch=77, software="2")))
    rebuild(hub.ledger, SITE, silent, check=False)
    presence = hub.ledger.presence(SITE.site)
    assert (presence.epoch, presence.software, presence.online) == (77, "2", True)


@pytest.mark.parametrize(
    ("payload", "words"),
    [(b"noise", "cannot be read"), (batch.encode(of(event(1, SlotTaken(1)))), "repeats rows of an earlier one")],
)
def test_a_damaged_archive_changes_nothing(hub: TestHub, payload: bytes, words: str) -> None:
    """What cannot be replayed whole is not replayed at all, and the others are."""
    hub.send_batch(of(event(1, SlotTaken(1)), event(2, SlotTaken(2))))
    with hub.ledger.begin() as transaction:
        transaction.connection.execute(
            insert(t.archive).values(site=SITE.site, epoch=1, received_at_ms=1, payload=payload)
        )
        transaction.connection.execute(delete(t.sessions))
    before = dump(hub.ledger)
    with pytest.raises(BadRequest, match=words):
        rebuild(hub.ledger, SITE, silent, check=False)
    assert dump(hub.ledger) == before
    out = io.StringIO()
    assert commands.rebuild_sites(hub.ledger, None, out, io.StringIO(), check=False) == 1
    assert "nothing of this site was changed" in out.getvalue()


def test_the_command_says_what_it_found_and_mended(hub: TestHub) -> None:
    """A check ends with 1 when there is something to mend; a rebuild mends it; then all is well."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [60], [100])))
    with hub.ledger.begin() as transaction:
        transaction.connection.execute(delete(t.anchors))
    told = []
    codes = []
    for check in (True, False, True):
        out = io.StringIO()
        codes.append(commands.rebuild_sites(hub.ledger, SITE.site, out, io.StringIO(), check=check))
        told.append(out.getvalue())
    assert codes == [1, 0, 0]
    assert told == [
        "ecole-a: 2 rows in 1 batch: differs from the archive in anchors (1 lacking, 0 too many, 0 wrong)\n",
        "ecole-a: 2 rows in 1 batch: mended anchors (1 lacking, 0 too many, 0 wrong)\n",
        "ecole-a: 2 rows in 1 batch: everything is as the archive says\n",
    ]


def test_a_site_that_is_not_enrolled_cannot_be_rebuilt(hub: TestHub) -> None:
    """A slip in the name is said."""
    with pytest.raises(NotFound, match="there is no site 'ecole-x'"):
        commands.rebuild_sites(hub.ledger, "ecole-x", io.StringIO(), io.StringIO(), check=False)
