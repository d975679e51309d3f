"""Copies of an SQLite ledger: made while the hub runs, checked, and put back in its place.

At every moment, a power cut included, the name of a backup or of the ledger stands for the old file or for the new
one, whole.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, func, make_url, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hub.errors import BadRequest, RetryLater
from hub.io import files
from hub.io import tables as t
from hub.io.ledger import SqlLedger, path_of, revisions

_SQLITE_HEAD = b"SQLite format 3\0"
_BUSY, _DAMAGED = 5, (11, 26)  # SQLITE_BUSY; SQLITE_CORRUPT and SQLITE_NOTADB


@dataclass(frozen=True, slots=True)
class Contents:
    """What a copy of a ledger holds."""

    bytes: int
    sites: int
    rows: int
    newest_ms: int | None
    """When the newest batch was received."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done: what the ledger holds now, and where the one before it is kept."""

    contents: Contents
    aside: Path | None


def back_up(ledger: SqlLedger, to: Path, now_ms: int) -> Contents:
    """Copy the ledger as it is at one moment, beside a hub that goes on; raises `BadRequest` or `RetryLater`."""
    if ledger.path is None:
        raise BadRequest(f"this ledger is on a server, which makes the copy: {_on_server(ledger.url, to)[0]}")
    _require_sqlite(ledger.path, "is no ledger yet: there is nothing to back up")
    to = to.absolute()
    if to.exists():
        if to.resolve() == ledger.path or to.samefile(ledger.path):
            raise BadRequest(f"{to} is the ledger itself; name another file")
        _require_sqlite(to, "is there already and is no backup; name another file")
    part = to.with_name(to.name + ".part")
    try:
        files.remove(part)
        with _raw(ledger.engine, f"copying {ledger.path} to {to}") as execute:
            execute("VACUUM INTO ?", (str(part),))
        contents = inspect(part)
        files.put_in_place(part, to)
        files.write_mark(files.mark_of(ledger.path), now_ms, ledger.path)
    except OSError as error:
        files.remove(part)
        raise RetryLater(f"the backup {to} cannot be written: {error.strerror}") from error
    except (RetryLater, BadRequest):
        files.remove(part)
        raise
    return contents


def restore(url: str, source: Path) -> Restored:
    """Put a copy in the ledger's place and keep the one before; raises `BadRequest` or `RetryLater`.

    The copy is checked and migrated beside the ledger first; only then do names change.
    """
    path = path_of(url)
    if path is None:
        raise BadRequest(f"this ledger is on a server, which takes the copy back: {_on_server(url, source)[1]}")
    if not path.parent.is_dir():
        raise RetryLater(f"there is no folder {path.parent}")
    _require_sqlite(source, "is no copy of a ledger")
    with files.alone(path):
        if path.exists() and path.samefile(source):
            raise BadRequest(f"{source} is the ledger itself")
        fresh = path.with_name(path.name + ".restoring")
        try:
            files.remove(fresh)
            contents = _prepare(source, fresh, path if path.exists() else path.parent)
            aside = _set_aside(path)
            files.put_in_place(fresh, path)
        except OSError as error:
            files.remove(fresh)
            raise RetryLater(f"{source} cannot be restored: {error.strerror}") from error
        except (RetryLater, BadRequest):
            files.remove(fresh)
            raise
    return Restored(contents, aside)


def inspect(path: Path) -> Contents:
    """Check a copy through and through and count what it holds; raises `BadRequest` for what is no sound ledger."""
    how = {"mode": "ro", "immutable": "1", "uri": "true"}
    engine = create_engine(URL.create("sqlite", database=f"file:{quote(str(path))}", query=how), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            if found != "ok":
                raise BadRequest(f"{path} is damaged: {found}")
            revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            if revision not in revisions():
                raise BadRequest(f"{path} was made by a newer release of kayasol-hub: install that one")
            rows = select(func.sum(t.receipts.c.last_seq - t.receipts.c.first_seq + 1)).where(t.receipts.c.cause == "")
            return Contents(
                path.stat().st_size,
                connection.execute(select(func.count()).select_from(t.sites)).scalar_one(),
                connection.execute(rows).scalar() or 0,
                connection.execute(select(func.max(t.archive.c.received_at_ms))).scalar(),
            )
    except DBAPIError as error:
        raise BadRequest(f"{path} is no sound ledger: {error.orig}") from error
    finally:
        engine.dispose()


def _prepare(source: Path, fresh: Path, owner: Path) -> Contents:
    """Lay a checked and migrated copy of `source` beside the ledger."""
    for suffix in ("", "-wal"):  # a copy made by hand may have its log beside it
        beside = source.with_name(source.name + suffix)
        if beside.exists():
            shutil.copyfile(beside, fresh.with_name(fresh.name + suffix))
    _close_log(fresh)
    inspect(fresh)
    ledger = SqlLedger(URL.create("sqlite", database=str(fresh)).render_as_string())
    try:
        ledger.migrate()
    finally:
        ledger.close()
    _close_log(fresh)
    files.give_to_owner_of(owner, fresh)
    return inspect(fresh)


def _close_log(path: Path) -> None:
    """Bring everything into the one file; refused while anybody else has it open."""
    engine = create_engine(URL.create("sqlite", database=str(path)), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with _raw(engine, str(path)) as execute:
        execute("PRAGMA journal_mode=DELETE")


def _set_aside(path: Path) -> Path | None:
    """Give the present ledger a second name, so that its first can pass to another in one step."""
    with suppress(BadRequest):  # so damaged that SQLite does not open it: its log goes with it, for whoever may mend it
        if path.exists():
            _require_sqlite(path, "is damaged")
            _close_log(path)
    # A log that stayed would be taken for that of the ledger that comes.
    found = [suffix for suffix in files.FAMILY if path.with_name(path.name + suffix).exists()]
    if not found:
        return None
    numbered = (path.with_name(f"{path.name}.before-restore-{number}") for number in count(1))
    # A restore that was killed may have given the name already.
    aside = next(name for name in numbered if not name.exists() or (path.exists() and name.samefile(path)))
    if path.exists() and not aside.exists():
        os.link(path, aside)
    for suffix in found:
        if suffix:
            path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
    files.synchronise(path.parent)
    return aside


@contextmanager
def _raw(engine: Engine, what: str) -> Iterator[Callable[..., object]]:
    """Give SQLite's own connection, outside any transaction; raises `BadRequest` for damage, else `RetryLater`."""
    connection = None
    try:
        connection = engine.raw_connection()
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=5000")
        yield cursor.execute
        cursor.close()
    except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            raise BadRequest(f"{what}: it is damaged ({cause})") from error
        if code == _BUSY:
            raise RetryLater(f"{what}: it is in use by another program, end that first ({cause})") from error
        raise RetryLater(f"{what}: {cause}") from error
    finally:
        if connection is not None:
            connection.close()


def _require_sqlite(path: Path, complaint: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE_HEAD))
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}") from error
    if head != _SQLITE_HEAD:
        raise BadRequest(f"{path} {complaint}")


def _on_server(url: str, file: Path) -> tuple[str, str]:
    """Give the lines that copy a ledger out of a PostgreSQL server, and back; the password is asked for."""
    server = make_url(url)
    port = f" --port={server.port}" if server.port is not None else ""
    where = f"--host={server.host}{port} --username={server.username} --dbname={server.database}"
    file_name = shlex.quote(str(file))
    return (
        f"pg_dump {where} --format=custom --file={file_name}",
        f"stop the hub, then pg_restore {where} --clean --if-exists --single-transaction {file_name}",
    )
