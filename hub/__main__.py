"""`kayasol-hub`: set a hub up; serve all, or ingest and web apart; enrol a site; look after broker and ledger."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from firmware_config import ConfigError
from hub import VERSION, broker_commands, commands, people_commands, settings, setup, site_commands
from hub.errors import HubError
from hub.io.door import door_of
from hub.io.files import in_use
from hub.io.ledger import SqlLedger, path_of
from hub.io.logs import configure
from hub.service import serve
from hub.setup_command import init


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. What goes wrong is said in a sentence on stderr."""
    arguments = _parser().parse_args(argv)
    configure(as_json=arguments.log_json, level=logging.DEBUG if arguments.verbose else logging.INFO)
    try:
        if arguments.command == "init":
            return _init(arguments)
        config = _settings(arguments.config)
        if arguments.command == "restore":
            return commands.restore(config.database, arguments.file, sys.stdout)
        if arguments.command == "broker" or getattr(arguments, "site_command", None) == "revoke":
            return _broker(arguments, config)  # works beside a ledger that is damaged or being restored
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
    code = 0
    match arguments.command:
        case "serve" | "ingest" | "web" as parts:
            code = serve(config, ledger, ingest=parts != "web", web=parts != "ingest")
        case "site":
            code = _add_site(arguments, config, ledger)
        case "user" | "programme" | "audit":
            code = people_commands.run(door_of(ledger), arguments, _now_ms(), config.public_url)
        case "import":
            code = commands.import_files(ledger, arguments.files, _now_ms, sys.stdout, sys.stderr)
        case "rebuild":
            code = commands.rebuild_sites(ledger, arguments.site, sys.stdout, sys.stderr, check=arguments.check)
        case _:
            print("the ledger is up to date")
    return code


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the command's own moment


def _init(arguments: argparse.Namespace) -> int:
    answers = {} if arguments.answers is None else setup.read_answers(_read(arguments.answers), arguments.answers)
    for key in setup.QUESTIONS:
        if getattr(arguments, key) is not None:
            answers[key] = getattr(arguments, key)
    checked = setup.read_answers(json.dumps(answers), "the answers")
    ask = input if sys.stdin.isatty() and arguments.answers is None else None
    return init(arguments.directory, checked, ask, _now(), sys.stdout)


def _broker(arguments: argparse.Namespace, config: settings.Settings) -> int:
    if arguments.command == "site":
        return broker_commands.revoke(config, arguments.site, _now(), sys.stdout)
    if arguments.broker_command == "renew":
        return broker_commands.renew(config, _now(), sys.stdout)
    return broker_commands.apply(config, _now(), sys.stdout, reload=not arguments.no_reload)


def _add_site(arguments: argparse.Namespace, config: settings.Settings, ledger: SqlLedger) -> int:
    file = site_commands.SiteFile.read(Path(arguments.file), arguments.programme)
    if arguments.bundle is None:
        return site_commands.add(ledger, file, sys.stdout)
    folder = site_commands.Folder(arguments.bundle, arguments.new_secret)
    return site_commands.add_with_bundle(config, ledger, file, folder, _now(), sys.stdout)


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
    _site_parsers(verbs.add_parser("site", help="enrol a site, or shut it out"))
    _broker_parsers(verbs.add_parser("broker", help="write the broker's files, renew certificates"))
    _init_parser(verbs.add_parser("init", help="set a new hub up"))
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


def _site_parsers(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="site_command", required=True, metavar="COMMAND")
    add = verbs.add_parser("add", help="enrol a site, or update what is known of it")
    add.add_argument("file", metavar="site.yaml")
    add.add_argument("--programme", metavar="SLUG", help="where its commune belongs, if that is new")
    add.add_argument("--bundle", metavar="FOLDER", type=Path, help="let it into the broker; its secret goes here")
    add.add_argument("--new-secret", action="store_true", help="with --bundle: another secret than the one it has")
    revoke = verbs.add_parser("revoke", help="shut a site out of the broker, at once")
    revoke.add_argument("site", metavar="SITE")


def _broker_parsers(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="broker_command", required=True, metavar="COMMAND")
    apply = verbs.add_parser("apply", help="write the broker's files, try them out, have the broker read them")
    apply.add_argument("--no-reload", action="store_true", help="leave it to you to start the broker anew")
    verbs.add_parser("renew", help="renew the certificates that are due; for every day")


def _init_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="FOLDER", type=Path, nargs="?", default=Path(setup.SYSTEM))
    parser.add_argument("--answers", metavar="FILE", help="answers in YAML; nothing is asked")
    parser.add_argument("--name", help=setup.QUESTIONS["name"])
    parser.add_argument("--host", dest="hosts", action="append", help=setup.QUESTIONS["hosts"])
    parser.add_argument("--broker", choices=["nats", "mosquitto"])
    parser.add_argument("--pages", choices=["proxy", "own"])


if __name__ == "__main__":
    sys.exit(main())
