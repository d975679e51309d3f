"""The ledger over SQLAlchemy Core, its sole importer with the modules beside it: SQLite by default, or PostgreSQL.

One transaction per ingest step. SQLite runs in WAL mode with synchronous=FULL, so a commit that returned survives a
power cut; readers see the last commit and wait for nobody.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from hub.account_store import AgentStart, EpochTimes, TallyRecord
from hub.errors import CONTENTS, Refused, RetryLater
from hub.io import accounts
from hub.io import boots as boot_rows
from hub.io import tables as t
from hub.io.access_tables import communes
from hub.io.accounts import Due
from hub.io.communes import commune_of
from hub.io.enrolment import EnrolmentTables
from hub.io.files import mark_of, read_mark
from hub.io.live import LiveTable
from hub.io.rest import Rest
from hub.io.rows import event_record, presence, session_record, site_of
from hub.io.transaction import SqlTransaction
from hub.numbers import Numbers
from hub.ports import ClockReading, Dating, EventRecord, Presence, SessionRecord, Site
from hub.tallies import Verdict

_LOG = logging.getLogger(__name__)
_MIGRATIONS = Path(__file__).parent / "migrations"

CHECKED_MAX_BYTES = 2**30
"""A larger file is not read through at every start; a backup checks it whole."""

_SITES = (
    select(t.sites, communes.c.name.label("commune_name"))
    .join(communes, t.sites.c.commune == communes.c.commune)
    .order_by(t.sites.c.name)
)

_DAMAGED = ("malformed", "not a database")


class SqlLedger(LiveTable, EnrolmentTables):
    """A `Ledger` in one database; `url` is SQLAlchemy's, such as `sqlite:////var/lib/kayasol-hub/ledger.db`."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.url = url
        self.path = path_of(url)
        """The file of an SQLite ledger; None for a server."""

        self.rest = Rest()

    def migrate(self, version: str = "head") -> None:
        """Bring the tables to a version, the present one; each migration and its record commit together."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self.engine.connect() as connection:
                _check(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, version)
                connection.commit()
        except DBAPIError as error:
            raise _refusal(self.engine, "cannot be opened", error) from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[SqlTransaction]:
        """See `Ledger.begin`."""
        try:
            with self.engine.execution_options(writes=True).begin() as connection:
                yield SqlTransaction(connection)
        except (DataError, IntegrityError) as error:
            raise Refused(f"the ledger cannot hold this: {error.orig}") from error
        except DBAPIError as error:
            raise _refusal(self.engine, "refuses", error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection to read from."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise RetryLater(f"the ledger cannot be read: {error}") from error

    def last_backup_ms(self) -> int | None:
        """See `Ledger.last_backup_ms`."""
        return None if self.path is None else read_mark(mark_of(self.path))

    def add_site(self, site: Site, programme: str | None = None) -> bool:
        """Enrol a site, or update what is known of it; returns whether it is new.

        A commune that is new joins the programme, or the only one that there is; else it is a `BadRequest`.
        """
        with self.begin() as transaction:
            values = {
                "name": site.name, "kind": site.kind, "shard": site.shard, "latitude": site.latitude,
                "longitude": site.longitude, "timezone": site.timezone, "slots": json.dumps(site.slots),
                "commune": commune_of(transaction.connection, site.commune, programme),
            }  # fmt: skip
            updated = transaction.connection.execute(t.sites.update().where(t.sites.c.site == site.site).values(values))
            if updated.rowcount:
                return False
            now_ms = time.time_ns() // 1_000_000
            transaction.connection.execute(t.sites.insert().values(site=site.site, added_at_ms=now_ms, **values))
        return True

    def sites(self) -> list[Site]:
        """See `Ledger.sites`."""
        with self.reading() as connection:
            return [site_of(row) for row in connection.execute(_SITES)]

    def presence(self, site: str) -> Presence:
        """See `Ledger.presence`."""
        with self.reading() as connection:
            return presence(connection.execute(select(t.site_states).where(t.site_states.c.site == site)).first())

    def sessions(self, site: str, start_ms: int, end_ms: int) -> list[SessionRecord]:
        """See `Ledger.sessions`."""
        c = t.sessions.c
        touches = (c.start_ms < end_ms) & (func.coalesce(c.end_ms, end_ms) > start_ms)
        query = select(t.sessions).where(c.site == site, touches | c.start_ms.is_(None))
        with self.reading() as connection:
            rows = connection.execute(query.order_by(c.start_ms, c.epoch, c.taken_seq))
            return [session_record(row) for row in rows]

    def open_sessions(self, site: str) -> list[SessionRecord]:
        """See `Ledger.open_sessions`."""
        c = t.sessions.c
        query = select(t.sessions).where(c.site == site, c.ended_seq.is_(None)).order_by(c.slot, c.start_ms)
        with self.reading() as connection:
            return [session_record(row) for row in connection.execute(query)]

    def events(self, site: str, kinds: Sequence[int], start_ms: int) -> list[EventRecord]:
        """See `Ledger.events`."""
        c = t.events.c
        query = select(t.events).where(c.site == site, c.kind.in_(kinds), func.coalesce(c.utc_ms, start_ms) >= start_ms)
        with self.reading() as connection:
            return [event_record(row) for row in connection.execute(query.order_by(c.epoch, c.seq))]

    def dating(self, site: str) -> Dating:
        """See `Ledger.dating`."""
        with self.reading() as connection:
            return boot_rows.dating(connection, site)

    def controller_clock(self, site: str) -> ClockReading | None:
        """See `Ledger.controller_clock`."""
        with self.reading() as connection:
            return boot_rows.controller_clock(connection, site)

    def rejected(self, site: str) -> Mapping[str, int]:
        """See `Ledger.rejected`."""
        c = t.rejects.c
        query = select(c.refusal, func.count().label("messages")).where(c.site == site).group_by(c.refusal)
        with self.reading() as connection:
            return {row.refusal: row.messages for row in connection.execute(query.order_by(c.refusal))}

    def numbers(self, site: str) -> Mapping[int, Numbers]:
        """See `Ledger.numbers`."""
        with self.reading() as connection:
            return accounts.numbers(connection, site)

    def epoch_times(self, site: str) -> list[EpochTimes]:
        """See `Ledger.epoch_times`."""
        with self.reading() as connection:
            return accounts.epoch_times(connection, site)

    def tallies(self, site: str, limit: int) -> list[TallyRecord]:
        """See `Ledger.tallies`."""
        with self.reading() as connection:
            return accounts.tallies(connection, site, limit)

    def compare(self, site: str, record: TallyRecord) -> Verdict | None:
        """See `Ledger.compare`."""
        with self.reading() as connection:
            return accounts.compare(connection, site, record)

    def compare_tally(self, now_ms: int) -> bool:
        """Compare one tally that is due with what is here; False when there is none."""
        with self.reading() as connection:
            due = accounts.due_tally(connection, now_ms, self.rest.resting())
            if due is None:
                return False
            with self.rest.after(due.site):
                verdict = _verdict(connection, due)
        with self.begin() as transaction:
            accounts.note(transaction.connection, due, verdict, now_ms)
        return True

    def agent_starts(self, site: str, limit: int) -> list[AgentStart]:
        """See `Ledger.agent_starts`."""
        with self.reading() as connection:
            return accounts.agent_starts(connection, site, limit)


def _verdict(connection: Connection, due: Due) -> Verdict | None:
    """Compare a tally; one that wakes a mistake of ours waits, and keeps no other site's from its turn."""
    try:
        return accounts.compare(connection, due.site, due.record)
    except CONTENTS:
        _LOG.exception("a tally of %s cannot be compared", due.site)
        return None


def revisions() -> set[str]:
    """Name the versions of the tables that this release can bring up to the present one."""
    return {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}


def path_of(url: str) -> Path | None:
    """Give the file of an SQLite ledger, links followed; None for a database server or one in memory."""
    parsed = _url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database)).resolve()


def _url(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Refused(f"database: {url!r:.60} is no address of a ledger; see docs/install.md") from error


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(_url(url))
    except (ArgumentError, ImportError, ValueError) as error:
        raise Refused(f"database: {_url(url)!r} cannot be used: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_settings)
        event.listen(engine, "begin", _begin)
    return engine


def _check(connection: Connection) -> None:
    """Look for damage in a file of SQLite before anything is written to it; raises as SQLite does."""
    if connection.dialect.name != "sqlite":
        return
    pages, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size"))
    if pages * size <= CHECKED_MAX_BYTES:
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
        if found != "ok":
            raise DatabaseError("PRAGMA quick_check", None, ValueError(f"malformed: {found}"))
    connection.rollback()


def _refusal(engine: Engine, what: str, error: DBAPIError) -> RetryLater:
    """Say what the database says and, when it is damaged, what to do."""
    where, why = engine.url.render_as_string(hide_password=True), str(error.orig)
    if not any(word in why for word in _DAMAGED):
        return RetryLater(f"the ledger {where} {what}: {why}")
    return RetryLater(
        f"the ledger {where} is damaged ({why}). Stop the hub and put the last backup in its place: kayasol-hub restore"
        " FILE. The sites then send again what it lacks, as far as they still keep it. Until then they keep their rows"
    )


def _sqlite_settings(connection: object, _: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3.Connection; SQLAlchemy begins by itself
    cursor = connection.cursor()  # type: ignore[attr-defined]  # likewise
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Give a reader one snapshot; have a writer take the lock at once, so that two queue instead of failing."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
