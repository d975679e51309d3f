"""`kayasol-edge`: run the agent, find and look at devices, check settings, show the status, export the outbox."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType

from edge import VERSION, commands, profiles, wiring
from edge.enrolment import Enrolment
from edge.errors import EdgeError
from edge.io import system
from edge.report import lines_of, status_of
from edge.settings import Settings, parse
from firmware_config import ConfigError, board_text, load, profile_text

STATUS_EVERY_S = 30.0
STEP_S = 0.25
_LOG = logging.getLogger("edge")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. What goes wrong is said in a sentence on stderr."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser(words).parse_args(words)
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        if arguments.command in ("decode", "dump", "scan"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough is no error
        if arguments.command == "decode":
            return _decode(arguments.profile, arguments.frames)
        if arguments.command == "scan":
            return int(_scanning().scan(arguments, sys.stdout, sys.stderr))
        settings = _settings(arguments.site)
        match arguments.command:
            case "run":
                enrolment = wiring.enrolment(settings, Path(arguments.site))
                return run(settings, enrolment, mock_pins=arguments.mock_pins, powered_at=arguments.powered_at)
            case "check":
                print("\n".join(commands.check(settings)))
            case "dump":
                _inspection().dump(settings, arguments.device, sys.stdout)
            case "status":
                return _print_status(settings, as_json=arguments.json)
            case _:
                print(_exporting().export(settings, arguments.to, arguments.outbox, kept=arguments.all))
    except (ConfigError, EdgeError) as error:
        print(f"kayasol-edge: {error}", file=sys.stderr)
        return 2
    return 0


def run(settings: Settings, enrolment: Enrolment | None, *, mock_pins: Path | None, powered_at: datetime | None) -> int:
    """Run the agent until SIGTERM or Ctrl-C, then stop cleanly."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if mock_pins is not None:
        commands.drive_mock_pins(settings, mock_pins)
    clock = system.SystemClock() if powered_at is None else commands.simulated_pi(powered_at)
    step_s = min(STEP_S, settings.kiosk.sample_interval_s) if settings.kiosk is not None else STEP_S
    with wiring.real_agent(settings, clock.boot_id) as (agent, outbox, link):
        now = clock.now()
        agent.start(now, clock.boot_id)
        _LOG.info("%s runs, version %s, epoch %016x", settings.site, VERSION, outbox.epoch)
        system.notify("READY=1")
        next_status_s = 0.0
        while not stopping:
            now = clock.now()
            agent.step(now)
            if enrolment is not None and (key := enrolment.step(now.uptime_s)) is not None:
                _LOG.info("the hub has our device key: rows are sealed from here on")
                outbox.use_key(key)
            if now.uptime_s >= next_status_s:
                next_status_s = now.uptime_s + STATUS_EVERY_S
                link_state = {
                    "connected": link.connected(),
                    "last_error": link.last_error,
                    "refused_acks": link.refused_acks,
                }
                told = {"enrolment": None if enrolment is None else enrolment.told}
                commands.write_status(settings, status_of(agent, outbox, link_state, now) | told)
                system.notify("WATCHDOG=1")
            time.sleep(step_s)
        system.notify("STOPPING=1")
        agent.commit(clock.now().uptime_s)
    _LOG.info("%s stopped", settings.site)
    return 0


def _decode(profile: str, path: Path) -> int:
    document = load(profile_text(profile), "device", f"profile {profile}")
    try:
        text = sys.stdin.read() if path == Path("-") else path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    _inspection().decode(profiles.parse(document), text.split("\n"), sys.stdout)
    return 0


def _print_status(settings: Settings, *, as_json: bool) -> int:
    status = commands.read_status(settings)
    print(json.dumps(status, indent=2, ensure_ascii=False) if as_json else "\n".join(lines_of(status)))
    return 0


def _settings(path: str) -> Settings:
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return parse(text, path, profile_text=profile_text, board_text=board_text)


def _scanning() -> ModuleType:
    """Load what only a technician needs when one needs it: the agent runs in little memory."""
    from edge import scanning  # noqa: PLC0415

    return scanning


def _inspection() -> ModuleType:
    """Load what looks at devices, likewise."""
    from edge import inspection  # noqa: PLC0415

    return inspection


def _exporting() -> ModuleType:
    """Load what writes courier files, likewise."""
    from edge import exporting  # noqa: PLC0415

    return exporting


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kayasol-edge", description="The agent of one solar site.")
    parser.add_argument("--version", action="version", version=f"kayasol-edge {VERSION}")
    parser.add_argument("--site", default="/etc/kayasol/site.yaml", metavar="FILE", help="default: %(default)s")
    parser.add_argument("--verbose", action="store_true", help="log every retry")
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run_verb = verbs.add_parser("run", help="read, keep and deliver until stopped")
    run_verb.add_argument(
        "--mock-pins", type=Path, metavar="FILE", help="take pin levels from a simulated village instead of a Pi"
    )
    run_verb.add_argument(
        "--powered-at", type=datetime.fromisoformat, metavar="TIME", help="when the simulated village's Pi got power"
    )
    verbs.add_parser("check", help="say what the settings mean, without touching any device")
    dump_verb = verbs.add_parser("dump", help="read every register of a device once, as JSON")
    dump_verb.add_argument("device", nargs="?", help="name in site.yaml; default: all")
    scan_verb = verbs.add_parser("scan", help="find the devices that are connected")
    if "scan" in argv:
        _scanning().add_arguments(scan_verb)
    decode_verb = verbs.add_parser("decode", help="say what captured requests and responses mean, as JSON")
    decode_verb.add_argument("--profile", required=True, metavar="NAME")
    decode_verb.add_argument("frames", type=Path, metavar="FILE", help="JSON lines; - for standard input")
    status_verb = verbs.add_parser("status", help="show what the running agent last said of itself")
    status_verb.add_argument("--json", action="store_true", help="for programs")
    export_verb = verbs.add_parser("export", help="write what the hub lacks to a folder, for a courier")
    export_verb.add_argument("--to", required=True, type=Path, metavar="FOLDER")
    export_verb.add_argument(
        "--all", action="store_true", help="also what the hub has acknowledged and the site still keeps"
    )
    export_verb.add_argument(
        "--outbox", type=Path, metavar="FILE", help="what is still sound in a damaged outbox that was set aside"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
