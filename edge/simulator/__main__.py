"""`python -m edge.simulator serve`: one simulated village live, on real Modbus lines and a pin file.

It lives through its past first, so that batteries and counters are those of a site in use. It sends nothing anywhere.

    serve --site site.yaml --seed 7 --pins pins   the devices of a site on its own lines, and its pins
    serve --profile NAME --tcp-port 1502          any device family, for any program that reads Modbus TCP
    serve --profile NAME --rtu ./line             the same on a serial line, a pseudo-terminal of that name
    serve --profile NAME@3 --profile OTHER        several families on one line, by unit number
    serve --list                                  the names of the families

All devices show the same village: what one calls its panels' power, the other does too, within a second.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from edge import settings as site_settings
from edge.settings import Connection, Settings
from edge.simulator.chosen import chosen, listed
from edge.simulator.live import Live, Wired
from edge.simulator.village import Village, VillageSpec, health_centre, school, unlucky_school
from firmware_config import ConfigError, board_text, profile_text

_PRESETS = {"school": school, "health-centre": health_centre, "unlucky-school": unlucky_school}
_NAME = "simulated"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m edge.simulator", description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="serve one simulated village on the wall clock")
    what = serve.add_mutually_exclusive_group(required=True)
    what.add_argument("--site", type=Path, help="site.yaml of the site to simulate")
    what.add_argument(
        "--profile", action="append", metavar="NAME[@UNIT]", help="device family to simulate; may be given again"
    )
    what.add_argument("--list", action="store_true", help="list the device families and end")
    serve.add_argument("--seed", type=int, default=1, help="the same seed gives the same village")
    serve.add_argument("--kind", choices=sorted(_PRESETS), default="school")
    serve.add_argument("--past-days", type=int, default=30, help="days lived before now")
    serve.add_argument("--pins", type=Path, help="pin file to write for the edge's mock pins; only with --site")
    line = serve.add_mutually_exclusive_group()
    line.add_argument("--tcp-port", type=int, help="serve all devices on this local TCP port (0: any)")
    line.add_argument("--rtu", help="serve all devices on a pseudo-terminal of this name")
    arguments = parser.parse_args(argv)
    if arguments.pins is not None and arguments.site is None:
        parser.error("--pins needs --site, which says what is wired to which pin")
    return arguments


def _spec(arguments: argparse.Namespace, settings: Settings | None, now: datetime) -> VillageSpec:
    """Describe the village of this site, begun `--past-days` before now."""
    start = now.replace(second=0, microsecond=0) - timedelta(days=arguments.past_days)
    spec = _PRESETS[arguments.kind](arguments.seed, start, _NAME if settings is None else settings.site)
    if settings is None:
        return spec
    return replace(spec, slots=max(settings.kiosk.slots, default=0) if settings.kiosk else 0)


def _connection(arguments: argparse.Namespace) -> Connection | None:
    """Say which line replaces the site's own, if any; without a site there is always one."""
    if arguments.rtu is not None:
        return Connection(port=arguments.rtu)
    if arguments.tcp_port is not None or arguments.site is None:
        return Connection(host="127.0.0.1", tcp_port=arguments.tcp_port or 0)
    return None


def _settings(path: Path) -> Settings:
    return site_settings.parse(
        path.read_text(encoding="utf-8"), str(path), profile_text=profile_text, board_text=board_text
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted; returns the exit code."""
    arguments = _arguments(argv)
    connection = _connection(arguments)
    settings: Settings | None = None
    try:
        if arguments.list:
            sys.stdout.write(listed())
            return 0
        if arguments.site is not None:
            settings = _settings(arguments.site)
        wired: Wired = settings or chosen(arguments.profile, connection or Connection())
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    now = datetime.now(UTC)  # noqa: TID251 - the one place where a served village meets the clock
    village = Village(_spec(arguments, settings, now))
    village.advance(now)
    with Live(village, wired, lambda: datetime.now(UTC)) as live:  # noqa: TID251 - likewise
        for served in live.serve(instead=connection):
            sys.stdout.write(f"simulated {served.device}, unit {served.unit}, listens at {served.where}\n")
        sys.stdout.flush()
        if arguments.pins is not None:
            live.drive_pins(arguments.pins, stop)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
