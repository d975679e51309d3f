"""`kayasol-hub init`: a new hub in an empty folder, by a few questions or by none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from firmware_config import ConfigError
from hub import settings as hub_settings
from hub import setup
from hub.broker.credentials import HUB, Credential, added
from hub.broker_commands import DONE, keeping, managed_of
from hub.errors import BadRequest, HubError
from hub.io import authority as authorities
from hub.io import broker as programs
from hub.io.credential_file import kept
from hub.io.files import PRIVATE, PUBLIC, give_to, make_folder, write_new
from hub.io.ledger import SqlLedger
from hub.io.passwords import hashes_of, new_secret
from hub.settings import Settings
from hub.setup import Plan

Ask = Callable[[str], str]


def init(directory: Path, answers: dict[str, Any], ask: Ask | None, now: datetime, out: TextIO) -> int:
    """Set a hub up; raises `BadRequest` when one is there, or when a question stays open that nobody is asked."""
    _refuse_what_is_there(directory.absolute())
    plan = setup.plan(_answered(answers, ask, out), str(directory.absolute()), as_root=os.geteuid() == 0)
    text = setup.hub_yaml(plan)
    settings = hub_settings.parse(text, setup.SETTINGS)
    managed = managed_of(settings)
    call = setup.Commands(_called(), programs.program_of(managed))
    with _undone_on_failure(plan):
        _make(plan, settings, now, out)
        make_folder(Path(plan.state), 0o700, plan.hub_user)
        _migrate(plan, settings)
        write_new(Path(plan.path(setup.SETTINGS)), text.encode(), PUBLIC)
    out.write(setup.next_steps(plan, programs.configuration_of(managed), call))
    return DONE


def _answered(answers: dict[str, Any], ask: Ask | None, out: TextIO) -> dict[str, Any]:
    """Ask for what was not answered yet, again and again until it is an answer."""
    answers = dict(answers)
    for key, question in setup.QUESTIONS.items():
        proposed = setup.PROPOSED.get(key)
        if key not in answers and ask is None:
            if proposed is None:
                raise BadRequest(
                    f"nobody is there to answer: {question} Say it by --{key.removesuffix('s')} or --answers"
                )
            answers[key] = proposed
        while key not in answers and ask is not None:
            said = ask(question + (f" [{proposed}] " if proposed else " ")).strip() or proposed or ""
            try:
                answers[key] = setup.answer(key, said)
            except ConfigError as error:
                out.write(f"  {error}\n")
    return answers


def _called() -> str:
    """Name this program as it was called, so that what we print can be run."""
    return sys.argv[0] if Path(sys.argv[0]).name == "kayasol-hub" else "kayasol-hub"


def _refuse_what_is_there(directory: Path) -> None:
    there = [path.name for path in map(Path, setup.parts(str(directory))) if path.exists()]
    if there:
        raise BadRequest(
            f"{directory} holds {', '.join(there)} already, and nothing of it is overwritten: a new authority "
            "would shut out every site. To change a hub, change its hub.yaml and run kayasol-hub broker apply"
        )


@contextmanager
def _undone_on_failure(plan: Plan) -> Iterator[None]:
    """Leave nothing half made: none of it was there before, and nobody relies on it yet."""
    try:
        yield
    except (HubError, ConfigError, KeyboardInterrupt):
        for path in map(Path, setup.parts(plan.directory)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        raise


def _make(plan: Plan, settings: Settings, now: datetime, out: TextIO) -> None:
    """Make the authority, the certificates, the hub's own secret, and the broker's files."""
    make_folder(Path(plan.directory), 0o755)
    folder = Path(plan.path(setup.AUTHORITY))
    authority = authorities.create(folder, plan.name, now)
    # The broker's user may read its files and not put others in their place.
    make_folder(Path(plan.path(setup.BROKER)), 0o755)
    if not plan.is_system:
        make_folder(Path(plan.path(setup.STORE)), 0o700, plan.broker_user)
    secret = new_secret()
    write_new(Path(plan.path(setup.SECRET)), f"{secret}\n".encode(), PRIVATE, plan.hub_user)
    if plan.own_pages:
        pages = authority.issue(plan.hosts, now, for_broker=False)
        write_new(Path(plan.path(setup.PAGES)), pages, PRIVATE, plan.hub_user)
    with kept(folder) as file:
        file.write(added({}, Credential(HUB, None, now.astimezone(UTC).date(), hashes_of(secret))))
    with keeping(settings, now, out) as keeper:
        keeper.apply(reload=False)


def _migrate(plan: Plan, settings: Settings) -> None:
    with closing(SqlLedger(settings.database)) as ledger:
        ledger.migrate()
    give_to(plan.hub_user, Path(plan.state, setup.LEDGER))
