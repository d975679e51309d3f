"""`kayasol-hub`: serve everything, or ingest and web apart; enrol a site; look after the ledger."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from firmware_config import ConfigError, board_text
from hub import VERSION, commands, people_commands, settings
from hub.enrol import site_from_yaml
from hub.errors import HubError
from hub.io.door import door_of
from hub.io.files import in_use
from hub.io.ledger import SqlLedger, path_of
from hub.io.logs import configure
from hub.service import serve


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. What goes wrong is said in a sentence on stderr."""
    arguments = _parser().parse_args(argv)
    configure(as_json=arguments.log_json, level=logging.DEBUG if arguments.verbose else logging.INFO)
    try:
        config = _settings(arguments.config)
        if arguments.command == "restore":
            return commands.restore(config.database, arguments.file, sys.stdout)
        with in_use(path_of(config.database)), closing(SqlLedger(config.database)) as ledger:
            return _run(arguments, config, ledger)
    except (ConfigError, HubError) as error:
        print(f"kayasol-hub: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nkayasol-hub: stopped; what was committed stays", file=sys.stderr)
        return 130


def _run(arguments: argparse.Namespace, config: settings.Settings, ledger: SqlLedger) -> int:
    if arguments.command == "backup":  # a copy before an upgrade is a copy of what was there before it
        return commands.back_up(ledger, arguments.to, _now_ms(), sys.stdout)
    ledger.migrate()
    match arguments.command:
        case "serve" | "ingest" | "web" as parts:
            return serve(config, ledger, ingest=parts != "web", web=parts != "ingest")
        case "site":
            print(_add_site(ledger, arguments.file, arguments.programme))
        case "user" | "programme" | "audit":
            return people_commands.run(door_of(ledger), arguments, _now_ms(), config.public_url)
        case "import":
            return commands.import_files(ledger, arguments.files, _now_ms, sys.stdout, sys.stderr)
        case "rebuild":
            return commands.rebuild_sites(ledger, arguments.site, sys.stdout, sys.stderr, check=arguments.check)
        case _:
            print("the ledger is up to date")
    return 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _add_site(ledger: SqlLedger, path: str, programme: str | None) -> str:
    site = site_from_yaml(_read(path), path, board_text)
    new = ledger.add_site(site, programme)
    return f"{site.site}: {site.name} ({site.commune}) {'is enrolled' if new else 'is updated'}, shard {site.shard}"


def _settings(path: str | None) -> settings.Settings:
    return settings.parse("{}" if path is None else _read(path), path or "defaults")


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kayasol-hub", description="The centre of a programme of solar sites.")
    parser.add_argument("--version", action="version", version=f"kayasol-hub {VERSION}")
    parser.add_argument("--config", metavar="FILE", help="hub.yaml; without it, a hub on this machine alone")
    parser.add_argument("--verbose", action="store_true", help="log more")
    parser.add_argument("--log-json", action="store_true", help="one JSON object a line, for log collectors")
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verbs.add_parser("serve", help="ingest, API and pages in one process")
    verbs.add_parser("ingest", help="take batches from the broker only")
    verbs.add_parser("web", help="API and pages only")
    verbs.add_parser("migrate", help="bring the ledger up to date and stop")
    site = verbs.add_parser("site", help="enrol a site").add_subparsers(dest="site_command", required=True)
    add = site.add_parser("add", help="enrol a site, or update what is known of it")
    add.add_argument("file", metavar="site.yaml")
    add.add_argument("--programme", metavar="SLUG", help="where its commune belongs, if that is new")
    take = verbs.add_parser("import", help="take courier files that `kayasol-edge export` wrote")
    take.add_argument("files", metavar="FILE|FOLDER", type=Path, nargs="+")
    backup = verbs.add_parser("backup", help="copy the ledger while the hub runs")
    backup.add_argument("--to", metavar="FILE", type=Path, required=True)
    restore = verbs.add_parser("restore", help="put a backup in the ledger's place, and keep the one before")
    restore.add_argument("file", metavar="FILE", type=Path)
    rebuild = verbs.add_parser("rebuild", help="compute anew, from the batches as received, all that follows from them")
    rebuild.add_argument("--site", metavar="SITE", help="this site only; default: all")
    rebuild.add_argument("--check", action="store_true", help="change nothing, say what would change")
    people_commands.add_parsers(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
