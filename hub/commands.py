"""The commands beside `serve`: what they read, say and leave; each returns its exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from hub.errors import BadRequest, HubError, NotFound
from hub.ingest import courier as courier_ingest
from hub.ingest.courier import Outcome
from hub.ingest.turn import Counters
from hub.io import backup, rebuild
from hub.io.backup import Contents
from hub.io.ledger import SqlLedger
from hub.io.rebuild import Rebuilt
from hub.progress import Progress
from protocol.courier import SUFFIX

DONE, INCOMPLETE = 0, 1
Clock = Callable[[], int]


def import_files(ledger: SqlLedger, paths: Sequence[Path], now_ms: Clock, out: TextIO, err: TextIO) -> int:
    """Take courier files, each as far as it can be; says of every file what was new and what was refused."""
    outcomes: list[Outcome] = []
    for path in _courier_files(paths):
        outcome = _import_one(ledger, path, now_ms(), err)
        out.write(f"{path}: {_told(outcome)}\n")
        out.writelines(f"    refused: {reason}\n" for reason in outcome.reasons)
        outcomes.append(outcome)
    total = Counters()
    for outcome in outcomes:
        total.add(outcome.done, now_ms())
    failed = sum(outcome.refused is not None for outcome in outcomes)
    out.write(f"in all: {_count(len(outcomes), 'file')}, {_counted(total)}")
    out.write(f"; {_count(failed, 'file')} refused\n" if failed else "\n")
    return DONE if all(outcome.whole for outcome in outcomes) else INCOMPLETE


def _import_one(ledger: SqlLedger, path: Path, now_ms: int, err: TextIO) -> Outcome:
    try:
        with path.open("rb") as file:
            progress = Progress(err, path.name, os.fstat(file.fileno()).st_size, err.isatty())
            try:
                return courier_ingest.take(ledger, file, now_ms, progress.at)
            finally:
                progress.close()
    except OSError as error:
        return Outcome(refused=f"the file cannot be read: {error.strerror}")


def _courier_files(paths: Sequence[Path]) -> Iterator[Path]:
    """List the files, and those that lie in the folders and below; what systems hide on a stick is passed over."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(
            Path(folder) / name
            for folder, _, names in os.walk(path)
            for name in names
            if name.endswith(SUFFIX) and not name.startswith(".")
        )
        if not found:
            raise BadRequest(f"there is no *{SUFFIX} file in {path}")
        yield from found


def _told(outcome: Outcome) -> str:
    taken = f"{outcome.site}, {_counted(outcome.done)}"
    if outcome.refused is None:
        return taken
    if outcome.done.messages == 0:
        return f"refused whole: {outcome.refused}"
    return f"{taken}; then it had to stop: {outcome.refused}; import it again, nothing is taken twice"


def _counted(done: Counters) -> str:
    new = f"{done.rows} new" if done.rows else "nothing new"
    parts = [f"{_count(done.rows_offered, 'row')} in {_count(done.batches, 'batch')}, {new}"]
    for refusal, count in sorted(done.rejected.items()):
        parts.append(f"{_count(count, 'payload')} refused ({refusal}) and kept aside")
    if done.withheld:
        parts.append(f"{_count(done.withheld, 'batch')} not taken, for their schema is neither here nor in the file")
    return "; ".join(parts)


def back_up(ledger: SqlLedger, to: Path, now_ms: int, out: TextIO) -> int:
    """Copy the ledger beside a running hub, and say what the checked copy holds."""
    out.write(f"{to}: {_held(backup.back_up(ledger, to, now_ms))}; checked, it is sound\n")
    return DONE


def restore(url: str, source: Path, out: TextIO) -> int:
    """Put a backup in the ledger's place, and say what follows."""
    restored = backup.restore(url, source)
    out.write(f"the ledger is now that of {source}: {_held(restored.contents)}\n")
    if restored.aside is not None:
        out.write(f"the one before is kept as {restored.aside}: delete it when all is well\n")
    out.write(
        "start the hub: with its next batch, each site learns what this ledger lacks and sends it again, as far as\n"
        "it keeps it (money, alarms and notes 90 days, samples 3 days); what it no longer keeps is declared.\n"
        "What a site cannot send over its link, `kayasol-edge export --all` brings on a stick.\n"
    )
    return DONE


def rebuild_sites(ledger: SqlLedger, name: str | None, out: TextIO, err: TextIO, *, check: bool) -> int:
    """Compute one site or all anew from the archive, or say what would change."""
    sites = [site for site in ledger.sites() if name in {None, site.site}]
    if name is not None and not sites:
        raise NotFound(f"there is no site {name!r}")
    code = DONE
    for site in sites:
        progress = Progress(err, site.site, rebuild.count_batches(ledger, site.site), err.isatty())
        try:
            rebuilt = rebuild.rebuild(ledger, site, progress.at, check=check)
        except HubError as error:
            progress.close()
            out.write(f"{error}; nothing of this site was changed\n")
            code = INCOMPLETE
            continue
        progress.close()
        out.write(f"{site.site}: {_rebuilt(rebuilt, check=check)}\n")
        if check and rebuilt.differences:
            code = INCOMPLETE
    return code


def _rebuilt(rebuilt: Rebuilt, *, check: bool) -> str:
    replayed = f"{_count(rebuilt.rows, 'row')} in {_count(rebuilt.batches, 'batch')}"
    if not rebuilt.differences:
        return f"{replayed}: everything is as the archive says"
    told = ", ".join(
        f"{found.table} ({found.lacking} lacking, {found.surplus} too many, {found.wrong} wrong)"
        for found in rebuilt.differences
    )
    return f"{replayed}: {'differs from the archive in' if check else 'mended'} {told}"


def _held(contents: Contents) -> str:
    newest = "nothing received yet"
    if contents.newest_ms is not None:
        newest = f"the newest received {datetime.fromtimestamp(contents.newest_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    size = f"{contents.bytes / 1_000_000:.1f} MB"
    return f"{size}, {_count(contents.sites, 'site')}, {_count(contents.rows, 'row')}, {newest}"


def _count(number: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"
