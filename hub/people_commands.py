"""The commands for people: `user`, `programme` and `audit`. Whoever may run them on the hub may do everything there."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from hub.access.audit import Act, Entry, first_broken
from hub.access.people import Account
from hub.access.roles import LEVELS, Grant, Level, Role, Scope
from hub.access.secrets import name_key
from hub.errors import BadRequest, NotFound, RetryLater
from hub.people import inviting, tokens
from hub.people.caller import caller_of
from hub.people.inviting import OPERATOR
from hub.people.ports import Door

DONE, BROKEN = 0, 1
SHOWN = 20


def run(door: Door, arguments: argparse.Namespace, now_ms: int, public_url: str) -> int:
    """Run one of these commands; returns the exit code."""
    match arguments.command:
        case "user":
            _user(door, arguments, now_ms, public_url, sys.stdout)
        case "programme":
            _add_programme(door, arguments.name, now_ms, sys.stdout)
        case _ if arguments.audit_command == "verify":
            return _verify(door, arguments.sum, sys.stdout)
        case _:
            _show(door, arguments.last, sys.stdout)
    return DONE


def _user(door: Door, arguments: argparse.Namespace, now_ms: int, public_url: str, out: TextIO) -> None:
    match arguments.user_command:
        case "invite":
            out.write(_link(public_url, inviting.invite(door, OPERATOR, [_grant(door, arguments)], now_ms)))
        case "add":
            grant = _grant(door, arguments)
            link = inviting.invite(door, OPERATOR, [grant], now_ms)
            inviting.join(door, link, arguments.name, _secret(arguments.secret_file), now_ms)
            out.write(f"{arguments.name} may sign in as {inviting.text(grant)}\n")
        case "token":
            whom = _named(door, arguments.name)
            caller = caller_of(whom, whom.grants, door.store.places())
            grant = _grant(door, arguments)
            out.write(f"{tokens.make(door, caller, arguments.title, grant, arguments.days, now_ms)}\n")
        case "reset":
            out.write(_link(public_url, inviting.reset(door, OPERATOR, _named(door, arguments.name).account, now_ms)))
        case "close":
            whom = _named(door, arguments.name)
            inviting.close(door, OPERATOR, whom.account, now_ms)
            out.write(f"the account of {whom.name} is closed\n")
        case _:
            for account in door.store.accounts():
                roles = ", ".join(map(inviting.text, account.grants))
                out.write(f"{account.name}: {roles or 'no role'}\n")


def _link(public_url: str, key: str) -> str:
    return f"{public_url}/invitation/{key}\nvalid once, for two weeks; it is not shown again\n"


def _add_programme(door: Door, name: str, now_ms: int, out: TextIO) -> None:
    programme = door.store.add_programme(name, Act(now_ms, OPERATOR.name, "added the programme", name[:80]))
    out.write(f"{programme}: the programme {name} is known; name its communes with: site add --programme {programme}\n")


def _show(door: Door, last: int, out: TextIO) -> None:
    for entry in reversed(door.store.audit(last)):
        act = entry.act
        at = datetime.fromtimestamp(act.at_ms / 1000, UTC)
        details = " ".join(f"{name}={value!r}" for name, value in sorted(act.details.items()))
        line = f"{entry.number} {at:%Y-%m-%d %H:%M:%S} {act.actor}: {act.action} {act.subject} {details}"
        out.write(f"{line.rstrip()}\n")


def _verify(door: Door, known: str | None, out: TextIO) -> int:
    sums: list[str] = []

    def told() -> Iterator[Entry]:
        for entry in door.store.audit_from_the_first():
            sums.append(entry.sum.hex())
            yield entry

    broken = first_broken(told())
    if broken is not None:
        out.write(f"line {broken} is not what was written, or does not follow the one before\n")
        return BROKEN
    if known is not None and known not in sums:
        out.write(f"all {len(sums)} lines follow each other, but none has the sum {known}: the end was cut off\n")
        return BROKEN
    last = sums[-1] if sums else "none"
    out.write(f"all {len(sums)} lines are as they were written; the last sum, to keep elsewhere: {last}\n")
    return DONE


def add_parsers(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the commands."""
    users = verbs.add_parser("user", help="people: invite, add, give a token, list").add_subparsers(
        dest="user_command", required=True
    )
    invite = users.add_parser("invite", help="make a link that lets somebody join")
    add = users.add_parser("add", help="add somebody whose secret is known already")
    token = users.add_parser("token", help="make a token for a program, in somebody's name")
    for parser in (add, token):
        parser.add_argument("name", metavar="NAME")
    for parser in (invite, add, token):
        parser.add_argument("--role", required=True, choices=[str(role) for role in Role])
        parser.add_argument(
            "--in", dest="scope", metavar="SCOPE", required=True,
            help="hub, programme:SLUG, commune:SLUG or site:ID",
        )  # fmt: skip
    add.add_argument("--secret-file", metavar="FILE", help="where the secret stands; asked for when left out")
    token.add_argument("--title", default="kayasol-hub", help="to know it by (default %(default)s)")
    token.add_argument("--days", type=int, default=90, help="how long it is valid (default %(default)s)")
    users.add_parser("list", help="list everybody and their roles")
    for name, help_text in (("reset", "make a link to choose a new secret with"), ("close", "close an account")):
        users.add_parser(name, help=help_text).add_argument("name", metavar="NAME")
    programmes = verbs.add_parser("programme", help="sets of communes").add_subparsers(
        dest="programme_command", required=True
    )
    programmes.add_parser("add", help="add a programme").add_argument("name", metavar="NAME")
    record = verbs.add_parser("audit", help="who did what").add_subparsers(dest="audit_command", required=True)
    verify = record.add_parser("verify", help="see that no line was changed or taken out")
    verify.add_argument("--sum", help="a sum kept from an earlier time: its line must still be there")
    show = record.add_parser("show", help="show the newest lines")
    show.add_argument("--last", type=int, default=SHOWN, metavar="N", help="how many (default %(default)s)")


def _grant(door: Door, arguments: argparse.Namespace) -> Grant:
    role = Role(arguments.role)
    level, _, name = str(arguments.scope).partition(":")
    try:
        scope = Scope(Level(level), name)
    except ValueError as error:
        raise BadRequest(f"--in {arguments.scope}: say hub, programme:SLUG, commune:SLUG or site:ID") from error
    if scope.level not in LEVELS[role]:
        raise BadRequest(f"the role {role} is given in a {' or '.join(sorted(LEVELS[role]))}, not in {arguments.scope}")
    if scope.level is not Level.HUB and scope not in door.store.places():
        raise NotFound(f"there is no {scope.level} {name!r} here")
    return Grant(role, scope)


def _named(door: Door, name: str) -> Account:
    found = door.store.account_named(name_key(name))
    if found is None:
        raise NotFound(f"nobody is called {name!r}; kayasol-hub user list shows who is")
    return found


def _secret(path: str | None) -> str:
    if path is None:
        return getpass.getpass("secret: ")
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RetryLater(f"the secret file {path} cannot be read: {error}") from error
