"""A new hub on paper: the answers to a few questions, and what follows from them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from firmware_config import load

SYSTEM = "/etc/kayasol-hub"
"""A hub that is set up here is one of the system: it has users, units and folders of its own."""

SETTINGS, SECRET, PAGES = "hub.yaml", "hub-secret", "pages.pem"
BROKER, AUTHORITY, STORE = "broker", "authority", "store"
LEDGER = "ledger.db"

QUESTIONS = {
    "name": "What is the hub called (mostly the town or the programme)?",
    "hosts": "By which name or address do the sites reach it (several with spaces between)?",
    "broker": "Which broker: nats (comes along) or mosquitto (of the system)?",
    "pages": "The pages: proxy (behind a web server that has a certificate) or own (HTTPS by itself)?",
}
PROPOSED = {"name": "Kayasol", "broker": "nats", "pages": "proxy"}
"""What a person who answers nothing gets; the sites' way to the hub nobody can guess."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A hub to be, in full."""

    directory: str
    name: str
    hosts: tuple[str, ...]
    kind: Literal["mosquitto", "nats"]
    own_pages: bool
    state: str
    hub_user: str | None
    broker_user: str | None
    rest: dict[str, Any]

    def path(self, *names: str) -> str:
        """Name something in the folder of the hub."""
        return "/".join([self.directory, *names])

    @property
    def is_system(self) -> bool:
        """Say whether the hub is the system's, with its units."""
        return self.directory == SYSTEM


def read_answers(text: str, origin: str) -> dict[str, Any]:
    """Read a file of answers; raises `ConfigError` naming file, line and key."""
    return load(text, "init", origin).data


def answer(key: str, said: str) -> Any:  # noqa: ANN401  a list or a text
    """Take what a person said; raises `ConfigError` when it is no answer to this question."""
    value = said.split() if key == "hosts" else said
    return load(json.dumps({key: value}), "init", "your answer").data[key]


def plan(answers: dict[str, Any], directory: str, *, as_root: bool) -> Plan:
    """Settle everything that the answers leave open; they must have every key of `QUESTIONS`."""
    kind, system = answers["broker"], directory == SYSTEM
    given = system and as_root
    return Plan(
        directory=directory,
        name=answers["name"],
        hosts=tuple(answers["hosts"]),
        kind=kind,
        own_pages=answers["pages"] == "own",
        state=answers.get("state", "/var/lib/kayasol-hub" if system else f"{directory}/state"),
        hub_user=answers.get("hub_user", "kayasol-hub" if given else None),
        broker_user=answers.get("broker_user", _unit(kind) if given else None),
        rest=answers,
    )


def hub_yaml(plan: Plan) -> str:
    """Write the settings of the hub."""
    own, rest = plan.own_pages, plan.rest
    site_port = rest.get("tcp_port", 8883)
    hub_port = rest.get("hub_port", 8884) if plan.kind == "mosquitto" else site_port
    web = {
        "host": "0.0.0.0" if own else "127.0.0.1",  # noqa: S104  pages of its own are for everybody
        "tcp_port": rest.get("web_port", 8443 if own else 8080),
        **({"tls_file": plan.path(PAGES)} if own else {}),
    }
    managed: dict[str, Any] = {"kind": plan.kind, "directory": plan.path(BROKER)}
    if plan.broker_user is not None:
        managed["owner"] = plan.broker_user
    managed |= {key: rest[key] for key in ("address", "program") if key in rest}
    managed["tcp_port"] = site_port
    if plan.kind == "nats":
        managed["store"] = _store(plan)
    managed |= _telling(plan)
    lines = [
        f"name: {_yaml(plan.name)}",
        f"hosts: {_yaml(list(plan.hosts))}",
        f"authority: {_yaml(plan.path(AUTHORITY))}",
        f"database: {_yaml(f'sqlite:///{plan.state}/{LEDGER}')}",
        "broker:",
        "  host: 127.0.0.1",
        f"  tcp_port: {hub_port}",
        "  tls: true",
        f"  ca_file: {_yaml(plan.path(AUTHORITY, 'ca.pem'))}",
        "  username: hub",
        f"  password_file: {_yaml(plan.path(SECRET))}",
        "  managed:",
        *(f"    {key}: {_yaml(value)}" for key, value in managed.items()),
        "web:",
        *(f"  {key}: {_yaml(value)}" for key, value in web.items()),
    ]
    return "\n".join([*lines, ""])


def parts(directory: str) -> list[str]:
    """Name everything that is made in the folder of a hub."""
    return [f"{directory}/{name}" for name in (SETTINGS, AUTHORITY, BROKER, STORE, SECRET, PAGES)]


@dataclass(frozen=True, slots=True)
class Commands:
    """How the programs are called on this machine."""

    hub: str
    broker: str


def next_steps(plan: Plan, configuration: str, call: Commands) -> str:
    """Say what the person does now."""
    hub = f"{call.hub} --config {plan.path(SETTINGS)}"
    if plan.is_system and plan.kind == "mosquitto":
        start = (
            f"  ln -s {configuration} /etc/mosquitto/conf.d/kayasol.conf && systemctl restart mosquitto\n"
            "  systemctl enable --now kayasol-hub\n"
        )
    elif plan.is_system:
        start = "  systemctl enable --now kayasol-broker kayasol-hub\n"
    elif plan.kind == "mosquitto":
        start = (
            f"  {call.broker} -c FILE, which says `include_dir {plan.path(BROKER)}`\n"
            f"  and `pid_file {_telling(plan).get('pid_file')}`\n"
            f"  {hub} serve\n"
        )
    else:
        start = f"  {call.broker} -c {configuration}\n  {hub} serve\n"
    return (
        f"The hub {plan.name} is set up in {plan.directory}. Start it:\n{start}"
        f"Enrol a site, whose site.yaml says uplink: {{host: {plan.hosts[0]}, …}}:\n"
        f"  {hub} site add site.yaml --bundle FOLDER\n"
        f"Every day, by cron: {hub} broker renew\n"
        f"Copy {plan.path(AUTHORITY)} to a safe place now: without it, every site would have to be visited; whoever\n"
        "has it can pass for this hub.\n"
    )


def _telling(plan: Plan) -> dict[str, Any]:
    """Say how the broker is told to read its files anew."""
    told: dict[str, Any] = {key: plan.rest[key] for key in ("reload", "pid_file") if key in plan.rest}
    if told:
        return told
    if plan.is_system:
        return {"reload": ["systemctl", "reload", _unit(plan.kind)]}
    return {"pid_file": plan.path(STORE, "broker.pid")}


def _store(plan: Plan) -> str:
    default = "/var/lib/kayasol-broker" if plan.is_system else plan.path(STORE)
    return str(plan.rest.get("store", default))


def _unit(kind: str) -> str:
    """Name the unit of the broker, which is its user too."""
    return "mosquitto" if kind == "mosquitto" else "kayasol-broker"


def _yaml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
