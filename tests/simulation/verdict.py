"""What must hold when the dust has settled: the hub has what was committed, once, rightly dated, and knows the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from sqlalchemy import select

from hub.answers.loss import loss
from hub.io import tables as t
from hub.io.boots import read_dater
from hub.seals import Seal
from protocol import batch
from protocol.events import ChargingSession, EndReason, Gap, GapCause, Lane, SlotTaken
from protocol.ranges import Range, contains, union
from tests.simulation.faults import Kind
from tests.simulation.kiosk import Plug
from tests.simulation.life import START_MS, Life
from tests.simulation.site import COMMIT_S, DEBOUNCE_S, SCARCE_ROWS
from tests.simulation.truth import Content, Identity, Row, Watch, contents_of

WHOLE_S = 1.0
"""Rows carry whole seconds."""


class Verdict:
    """Judges one life that has been lived; `complaints` is empty when every promise held."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._truth = life.truth
        self.complaints = [*life.truth.complaints, *life.centre.complaints]
        self.checked: Counter[str] = Counter()
        self._stored = self._archive()
        self._check_rows()
        self._check_account()
        self._check_seals()
        self._check_sessions()
        self._check_closed()
        self._check_dates()
        self._check_kiosk()
        self._check_polls()

    def _complain(self, text: str) -> None:
        if len(self.complaints) < 40:
            self.complaints.append(text)

    def _archive(self) -> dict[Identity, Content]:
        """Read all that the hub has; nothing may be there twice."""
        stored: dict[Identity, Content] = {}
        with self._life.centre.ledger.reading() as connection:
            for epoch, payload in connection.execute(select(t.archive.c.epoch, t.archive.c.payload)):
                for seq, content in contents_of(batch.decode(payload)):
                    if (epoch, seq) in stored:
                        self._complain(f"row {epoch:016x}/{seq} is in the archive twice")
                    stored[epoch, seq] = content
        return stored

    def _check_rows(self) -> None:
        """Each committed row is in the hub once and as it was; nothing else is there; what is missing was destroyed."""
        for identity, row in self._truth.rows.items():
            self.checked[row.lane.name.lower()] += 1
            content = self._stored.get(identity)
            if content == row.content:
                continue
            if content is not None:
                self._complain(f"row {_name(identity)} is {content} in the hub and was {row.content}")
            elif row.at_s <= self._life.settled_s and not row.destroyed and not self._given_up(identity, row):
                self._complain(
                    f"row {_name(identity)} of lane {row.lane.name} was committed and is not in the hub: {row.content}"
                )
        for identity in self._stored.keys() - self._truth.rows.keys():
            self._complain(f"row {_name(identity)} is in the hub and was never committed: {self._stored[identity]}")

    def _given_up(self, identity: Identity, row: Row) -> bool:
        """Say whether a row was given up and declared, for a cause that it may have, or still waits for a budget."""
        epoch, seq = identity
        counts_bytes, scarce = self._life.traits.counts_bytes, self._life.traits.rows_max == SCARCE_ROWS
        waits = epoch == self._life.network.epoch and seq in self._life.left_waiting
        if counts_bytes and row.lane > Lane.MONEY and waits:
            return True
        causes = []
        if row.spoilt:
            causes.append(GapCause.OUTBOX_DAMAGED)
        if row.lane >= Lane.SUMMARY and (scarce or Kind.DISK_FULL in self._truth.faults):
            # Where room is scarce, samples that the hub has are not kept either: one that is set back lacks them.
            causes += [GapCause.DISK_FULL, GapCause.LET_GO]
        if row.lane is Lane.TELEMETRY and counts_bytes:
            causes.append(GapCause.SHED_BUDGET)
        return contains(self._declared(epoch, *causes), seq)

    def _declared(self, epoch: int, *causes: GapCause) -> list[Range]:
        found: list[Range] = []
        for (row_epoch, _), content in self._stored.items():
            if row_epoch == epoch and _is(content, Gap.kind):
                _, first, last, cause, *_ = content[4]
                found += [(first, last)] if cause in causes else []
        return union(found)

    def _check_account(self) -> None:
        """Hold what the hub counts against what it has; the present epoch lacks only what a card forgot."""
        answer = loss(self._life.centre.ledger, "simulated")
        present = self._life.network.epoch
        received = Counter(epoch for epoch, _ in self._stored)
        for epoch in answer.epochs:
            number = int(epoch.epoch, 16)
            self.checked["numbers accounted for"] += 1
            if epoch.received != received[number]:
                self._complain(f"epoch {epoch.epoch}: {epoch.received} rows counted, {received[number]} there")
            if number == present and any(not self._destroyed(number, gap) for gap in epoch.missing_ranges):
                self._complain(f"{epoch.missing} numbers are missing without a cause: {epoch.missing_ranges[:5]}")

    def _destroyed(self, epoch: int, missing: Range) -> bool:
        """Say whether a card that went back took just these rows with it, or they wait for a better day."""
        for seq in range(missing[0], min(missing[1], missing[0] + 5000) + 1):
            row = self._truth.rows.get((epoch, seq))
            if (row is None or not row.destroyed) and seq not in self._life.left_waiting:
                return False
        return True

    def _check_seals(self) -> None:
        """No card is called edited that nobody edited; only a spoilt one may lose the note of its running count."""
        allowed = {Seal.AGREES, Seal.ROWS_LOST}
        if any(row.spoilt for row in self._truth.rows.values()):
            allowed |= {Seal.BEGUN_ANEW, Seal.ROWS_FORGOTTEN}
        ledger, later_ms = self._life.centre.ledger, self._life.network.now_ms + 10 * 86_400_000
        while ledger.compare_tally(later_ms):
            pass
        for found in loss(ledger, "simulated").tallies:
            for seal in () if found.seals is None else (found.seals.events, found.seals.samples):
                self.checked[f"seals {seal}"] += 1
                if seal not in allowed:
                    self._complain(f"the seal of rows {found.first_seq} to {found.last_seq} says {seal}: {found}")

    def _check_sessions(self) -> None:
        """Each charge that was recorded is in the ledger once, and closed if its end was recorded."""
        taken = {identity for identity, content in self._stored.items() if _is(content, SlotTaken.kind)}
        ended = {
            (identity[0], content[4][2]): content
            for identity, content in self._stored.items()
            if _is(content, ChargingSession.kind)
        }
        with self._life.centre.ledger.reading() as connection:
            rows = connection.execute(select(t.sessions)).all()
        known = {(row.epoch, row.taken_seq) for row in rows}
        self.checked["charging sessions"] += len(rows)
        if known != taken | ended.keys():
            self._complain(f"sessions in the ledger: {len(known)}; recorded: {len(taken | ended.keys())}")
        closed = {(row.epoch, row.taken_seq) for row in rows if row.ended_seq is not None}
        if closed != ended.keys():
            self._complain(f"ended sessions in the ledger: {len(closed)}; recorded: {len(ended)}")

    def _check_closed(self) -> None:
        """Each charge that began on a sound card is open there still, or has just one end, whatever interrupted it."""
        ends: Counter[Identity] = Counter()
        for (epoch, _), row in self._truth.rows.items():
            if _is(row.content, ChargingSession.kind):
                ends[epoch, row.content[4][2]] += 1
        for identity, row in self._truth.rows.items():
            if not _is(row.content, SlotTaken.kind) or row.spoilt:
                continue
            self.checked["charges followed to their end"] += 1
            still_open = identity[0] == self._life.network.epoch and identity[1] in self._life.left_open
            if ends[identity] + still_open != 1:
                and_open = " and is still open" if still_open else ""
                self._complain(f"the charge {_name(identity)} has {ends[identity]} ends{and_open}")

    def _check_dates(self) -> None:
        """No date is further from the truth than it says; what has no date could not have one."""
        epochs = {epoch for epoch, _ in self._stored}
        with self._life.centre.ledger.reading() as connection:
            daters = {epoch: read_dater(connection, "simulated", epoch) for epoch in epochs}
        for (epoch, seq), content in self._stored.items():
            boot, uptime_s = content[:2]
            boot_s = self._truth.boots.get((epoch, boot))
            if boot_s is None:
                self._complain(f"row {epoch:016x}/{seq} belongs to boot {boot}, which never was")
                continue
            date = daters[epoch].date(boot, uptime_s)
            self.checked[f"dates {date.quality}"] += 1
            true_ms = START_MS + (boot_s + uptime_s) * 1000
            off_ms = 0 if date.utc_ms is None else date.utc_ms - true_ms
            if abs(off_ms) > (date.error_ms or 0) + 1000 * WHOLE_S:
                self._complain(f"row {_name((epoch, seq))} is dated {off_ms} ms off, give or take {date.error_ms} ms")

    def _check_kiosk(self) -> None:
        """Every phone that an agent saw come or go is recorded, to the second; no other is."""
        taken: dict[tuple[int, int], list[Content]] = defaultdict(list)
        ended: dict[tuple[int, int], list[Content]] = defaultdict(list)
        for (epoch, _), row in self._truth.rows.items():
            if _is(row.content, SlotTaken.kind):
                taken[epoch, row.content[0]].append(row.content)
            elif _is(row.content, ChargingSession.kind) and row.content[4][7] == EndReason.UNPLUGGED:
                ended[epoch, row.content[4][5]].append(row.content)
        for watch in self._truth.watches:
            if not watch.sound:
                continue
            for plug in self._life.kiosk.plugs:
                self._check_plug(watch, plug, taken[watch.epoch, watch.boot], ended[watch.epoch, watch.boot])

    def _check_plug(self, watch: Watch, plug: Plug, taken: list[Content], ended: list[Content]) -> None:
        seen_from_s = max(plug.start_s, watch.first_look_s)
        settled_s = seen_from_s + DEBOUNCE_S + 0.1
        if plug.end_s < settled_s or watch.last_step_s < settled_s + COMMIT_S:
            return
        self.checked["phones seen to come"] += 1
        if plug.start_s > watch.first_look_s and not any(
            content[4][1] == plug.slot and abs(content[1] - (plug.start_s - watch.boot_s)) <= WHOLE_S
            for content in taken
        ):
            self._complain(f"a phone came to slot {plug.slot} at {plug.start_s:.0f} s and nobody recorded it")
        gone_s = plug.end_s + DEBOUNCE_S + 0.1
        if watch.last_step_s < gone_s or _back(self._life.kiosk.plugs, plug):
            return
        self.checked["phones seen to go"] += 1
        if not any(
            content[4][1] == plug.slot and abs(content[4][6] - (plug.end_s - watch.boot_s)) <= WHOLE_S
            for content in ended
        ):
            self._complain(f"a phone left slot {plug.slot} at {plug.end_s:.0f} s and nobody recorded it")

    def _check_polls(self) -> None:
        """While an agent watched and the controller answered, no sample is missing but the last minute's."""
        tables: dict[tuple[int, int], list[int]] = defaultdict(list)
        for (epoch, _), row in self._truth.rows.items():
            if row.content[2] is not None and row.content[3] == 0:
                tables[epoch, row.content[0]].append(row.content[1])
        for watch in self._truth.watches:
            if not watch.sound or not watch.answered:
                continue
            uptimes = tables[watch.epoch, watch.boot]
            for due_s in _grid(watch):
                self.checked["polls due"] += 1
                if not any(due_s <= uptime_s <= due_s + WHOLE_S for uptime_s in uptimes):
                    self._complain(f"the poll due {due_s:.0f} s after the boot at {watch.boot_s:.0f} s left no sample")


def _grid(watch: Watch) -> Iterator[float]:
    """Name the uptimes at which a poll was due, and its row long enough there to be committed."""
    first_s, last_s = watch.first_look_s - watch.boot_s, watch.last_step_s - watch.boot_s - COMMIT_S - 600
    due_s = (first_s // watch.poll_interval_s + 1) * watch.poll_interval_s
    while due_s < last_s:
        yield due_s
        due_s += watch.poll_interval_s


def _back(plugs: list[Plug], gone: Plug) -> bool:
    """Say whether a phone came back before its leaving counted."""
    return any(plug.slot == gone.slot and 0 < plug.start_s - gone.end_s < DEBOUNCE_S + 0.1 for plug in plugs)


def _is(content: Content, kind: int) -> bool:
    return content[2] is None and content[4][0] == kind


def _name(identity: Identity) -> str:
    return f"{identity[0]:016x}/{identity[1]}"
