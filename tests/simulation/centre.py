"""The hub of a simulated life: the real consumer over the real ledger, killed, stopped and set back at will."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event
from sqlalchemy.util import LRUCache

from hub.account_store import AHEAD
from hub.enrolment_store import Offer
from hub.ingest import courier
from hub.ingest.consumer import Consumer
from hub.io.ledger import SqlLedger
from hub.ports import Site
from protocol.control import Ack
from tests.simulation.network import HubKilled, Network
from tests.simulation.truth import KEY

SITE = Site("simulated", "Simulated", "school", "Kaya", 0, 13.09, -1.08, "Africa/Ouagadougou", (1, 2, 3, 4))
_TEMPLATES: list[TemporaryDirectory[str]] = []
_COMPILED: LRUCache[Any, Any] = LRUCache(1000)


@cache
def _empty_ledger() -> Path:
    """Migrate once; every life begins with a copy."""
    _TEMPLATES.append(TemporaryDirectory(prefix="kayasol-simulation-"))
    path = Path(_TEMPLATES[0].name) / "ledger.db"
    ledger = SqlLedger(f"sqlite:///{path}")
    ledger.migrate()
    ledger.add_site(SITE)
    ledger.enrol(Offer(SITE.site, ledger.new_token(SITE.site, 0), KEY), 0)
    ledger.close()
    return path


class Stuck(Exception):
    """The hub cannot go on, which no fault explains."""


class Centre:
    """One hub; its ledger is a file in `folder`."""

    def __init__(self, folder: Path, network: Network, chance: random.Random) -> None:
        self.path = folder / "ledger.db"
        self._network = network
        self._chance = chance
        shutil.copy(_empty_ledger(), self.path)
        self.statements_left: int | None = None
        """SQL statements until the hub is killed."""

        self.dies_at_commit = False
        self.complaints: list[str] = []
        network.witness = self._witness
        self.backups: list[tuple[float, Path]] = []
        self.start()

    def start(self) -> None:
        """Start the hub's process."""
        self.ledger = SqlLedger(f"sqlite:///{self.path}")
        # Lives of one process share what SQLAlchemy has compiled; a hub in the world compiles once and runs for months.
        self.ledger.engine._compiled_cache = _COMPILED  # noqa: SLF001  there is no public way
        event.listen(self.ledger.engine, "before_cursor_execute", self._count)
        event.listen(self.ledger.engine, "commit", self._before_commit)
        self._consumer: Consumer | None = Consumer(self.ledger, self._network)

    @property
    def running(self) -> bool:
        """Say whether the process is there."""
        return self._consumer is not None

    def stop(self) -> None:
        """End the process; what was not committed is gone, and so is what it had taken from the broker."""
        self._consumer = None
        self.statements_left, self.dies_at_commit = None, False
        self.ledger.close()

    def step(self, now_ms: int) -> bool:
        """Take a turn; False when the hub was killed in it."""
        if self._consumer is None:
            return True
        try:
            self._consumer.step(now_ms)
        except HubKilled:
            self.stop()
            return False
        if self._consumer.counters.retries:
            raise Stuck("the ledger refuses what arrived, and no disk is full")
        return True

    def take(self, path: Path, now_ms: int) -> bool:
        """Import a courier file; False when the hub was killed meanwhile."""
        try:
            with path.open("rb") as file:
                courier.take(self.ledger, file, now_ms, lambda _: None)
        except HubKilled:
            self.stop()
            return False
        return True

    def back_up(self, at_s: float) -> None:
        """Copy the ledger, as the operator does every night."""
        target = self.path.with_name(f"backup-{len(self.backups)}.db")
        self.statements_left = None
        with self.ledger.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
            raw = connection.connection.driver_connection
            assert raw is not None
            connection.rollback()
            raw.execute("VACUUM INTO ?", (str(target),))
        self.backups.append((at_s, target))

    def set_back(self) -> float | None:
        """Put the newest backup in the ledger's place; returns when it was made, None when there is none."""
        if not self.backups:
            return None
        at_s, copy = self.backups[-1]
        self.stop()
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, self.path)
        self.start()
        return at_s

    def _witness(self, ack: Ack) -> None:
        """Hold an ack against what another reader finds committed at this moment."""
        query = "SELECT count(*) FROM receipts WHERE epoch = ? AND first_seq <= ? AND last_seq >= ? AND cause <> ?"
        with closing(sqlite3.connect(self.path)) as reader:
            (found,) = reader.execute(query, (ack.epoch, ack.upto, ack.upto, AHEAD)).fetchone()
        if ack.upto and not found:
            self.complaints.append(f"row {ack.upto} is acknowledged and not committed")

    def _before_commit(self, _: object) -> None:
        if self.dies_at_commit:
            self.dies_at_commit = False
            raise HubKilled

    def _count(self, *_: object) -> None:
        if self.statements_left is not None:
            self.statements_left -= 1
            if self.statements_left < 0:
                self.statements_left = None
                raise HubKilled
