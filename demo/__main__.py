"""`make demo`: see the system work on this machine, from simulated registers to pages, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from demo import broker, compare
from demo.broker import DemoError
from demo.people import TOKENS, SignIn, add_people, administrators_token
from demo.processes import Processes, free_port, require_free, wait_for_page, wait_for_port
from demo.sites import COMMUNE, SITES
from hub.access.places import slug

BAR = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo, or compare a running one with the truth; returns the exit code."""
    arguments = _parser().parse_args(argv)
    directory = Path(arguments.directory).resolve()
    try:
        if arguments.command == "compare":
            return print_comparison(directory)
        run(directory, arguments)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEverything that the demo started has been stopped.")
    return 0


def run(directory: Path, arguments: argparse.Namespace) -> None:
    """Start everything, fill the history, then watch until somebody stops it."""
    require_free(arguments.port)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    began = time.monotonic()  # noqa: TID251  the person's own patience is measured
    mqtt_port = free_port()
    base_url = f"http://127.0.0.1:{arguments.port}"
    with Processes(directory) as processes:
        processes.start("broker", broker.command(arguments.broker, directory / "broker", mqtt_port, free_port()))
        wait_for_port(mqtt_port, processes)
        people = _start_hub(directory, processes, mqtt_port, arguments.port)
        wait_for_page(f"{base_url}/readyz", processes)
        print(f"Broker ({arguments.broker}) and hub run. {arguments.days} days now pass in three simulated villages …")
        _fill(directory, processes, arguments.days)
        took_s = time.monotonic() - began  # noqa: TID251
        (directory / "demo.json").write_text(json.dumps({"url": base_url, "days": arguments.days}), "utf-8")
        print(f"\nAfter {took_s:.0f} s, what happened in the villages beside what the hub says:\n")
        wait_for_page(f"{base_url}/", processes)
        agrees = print_comparison(directory) == 0
        _say_what_to_look_at(base_url, directory, people, agrees=agrees)
        while not arguments.once:
            time.sleep(1)
            processes.check()


def print_comparison(directory: Path) -> int:
    """Print truth and hub side by side; returns 0 when they agree."""
    try:
        demo = json.loads((directory / "demo.json").read_text("utf-8"))
    except OSError as error:
        raise DemoError(f"no demo has run in {directory}; start one: make demo") from error
    agrees = True
    for site in SITES:
        truth = compare.read_truth(directory / site.site)
        start = datetime.fromisoformat(truth["until"]) - timedelta(days=demo["days"])
        try:
            outbox = directory / site.site / "outbox" / "outbox.db"
            hub = compare.Hub(demo["url"], administrators_token(directory))
            lines = compare.compare(hub, site.site, truth, start, outbox)
        except OSError as error:
            raise DemoError(f"the hub at {demo['url']} does not answer; is the demo running?") from error
        print(compare.table(site.name, lines))
        agrees = agrees and all(line.agrees for line in lines)
    return 0 if agrees else 1


def _start_hub(directory: Path, processes: Processes, mqtt_port: int, web_port: int) -> list[SignIn]:
    config = directory / "hub.yaml"
    config.write_text(
        f"database: sqlite:///{directory}/ledger.db\n"
        f"broker: {{host: 127.0.0.1, tcp_port: {mqtt_port}}}\n"
        f"web: {{host: 127.0.0.1, tcp_port: {web_port}}}\n",
        "utf-8",
    )
    hub = [sys.executable, "-m", "hub", "--config", str(config)]
    for site in SITES:
        home = directory / site.site
        home.mkdir()
        ports = {"broker_port": mqtt_port, "controller_port": free_port()}
        (home / "history.yaml").write_text(site.settings(home, **ports, live=False), "utf-8")
        (home / "site.yaml").write_text(site.settings(home, **ports, live=True), "utf-8")
        done = subprocess.run(  # noqa: S603  our own command
            [*hub, "site", "add", str(home / "site.yaml")], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise DemoError(f"the site {site.site} cannot be enrolled: {done.stderr.strip()}")
    now_ms = time.time_ns() // 1_000_000
    commune = slug(COMMUNE)
    people = add_people(f"sqlite:///{directory}/ledger.db", directory, SITES[0].site, commune, now_ms)
    processes.start("hub", [*hub, "serve"])
    return people


def _fill(directory: Path, processes: Processes, days: int) -> None:
    """Start the sites and draw one bar until all of them are live."""
    progress = {site.site: 0.0 for site in SITES}
    live: set[str] = set()
    with selectors.DefaultSelector() as waiting:
        for site in SITES:
            command = [sys.executable, "-m", "demo.site", site.site, str(directory / site.site), str(days)]
            process = processes.start(site.site, command, talks=True)
            assert process.stdout is not None  # noqa: S101  it talks
            waiting.register(process.stdout, selectors.EVENT_READ, site.site)
        while len(live) < len(SITES):
            processes.check()
            for key, _ in waiting.select(timeout=1):
                line = key.fileobj.readline()  # type: ignore[union-attr]  # registered above as a file
                said = json.loads(line) if line else {}
                progress[key.data] = said.get("progress", progress[key.data])
                if "live" in said:
                    live.add(key.data)
            _draw(sum(progress.values()) / len(progress), days)


def _draw(share: float, days: int) -> None:
    filled = round(share * BAR)
    sys.stdout.write(f"\r  [{'#' * filled}{'.' * (BAR - filled)}] day {share * days:4.0f} of {days}")
    sys.stdout.flush()


def _say_what_to_look_at(base_url: str, directory: Path, people: Sequence[SignIn], *, agrees: bool) -> None:
    print("\nThe hub agrees with the villages.\n" if agrees else "\nThe hub DIFFERS from the villages, see above.\n")
    print(f"Open  {base_url}/   and from now on the sites are live: values move every ten seconds.\n")
    for site in SITES:
        print(f"  {base_url}/sites/{site.site:<18} {site.look_at}")
    print("\nSign in as one of these; each sees what its role may:\n")
    for one in people:
        print(f"  {one.name:<16}{one.secret:<20}{one.sees}")
    print(f"\nThe API wants a token of a role, from {directory}/{TOKENS}:  curl -H 'Authorization: Bearer …'")
    print(f"  {base_url}/api/v1/sites/{SITES[0].site}/series?metric=panel_power_w&start=…&end=…   the API")
    print(f"  {base_url}/api/v1/openapi.json   its description;   {base_url}/metrics   the hub's counters")
    print("\nIn another terminal: make compare. Ctrl-C here stops everything.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["run", "compare"], default="run")
    parser.add_argument("--port", type=int, default=8080, help="of the pages and the API (default %(default)s)")
    parser.add_argument("--broker", choices=["nats", "mosquitto"], default="nats")
    parser.add_argument("--days", type=int, default=60, help="of history (default %(default)s)")
    parser.add_argument("--directory", default=".demo", help="everything it writes (default %(default)s)")
    parser.add_argument("--once", action="store_true", help="stop after the comparison")
    return parser


if __name__ == "__main__":
    sys.exit(main())
