"""Who may enter the broker: names, shards and hashes, one a line. Pure; the secrets themselves are in no file of ours.

A file and not a table of the ledger: a ledger that is restored from a copy must not let a thief in again, nor shut out
a site that was enrolled since, and a site can be shut out while the ledger is damaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import NoReturn

from firmware_config import ConfigError
from hub.errors import BadRequest, NotFound
from protocol.topics import SHARDS, is_name

HUB = "hub"
"""The hub's own name on the broker; no site may have it."""

_HEAD = """\
# Who may enter the broker: name, shard, since when, and the hashes for Mosquitto and for nats-server.
# Written by kayasol-hub alone. The secrets are not here: a site's left once, in its bundle.
"""
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Hashes:
    """What each kind of broker keeps of a secret, so that a programme may change its broker and no site notices."""

    mosquitto: str
    nats: str


@dataclass(frozen=True, slots=True)
class Credential:
    """One who may enter; the hub has no shard."""

    name: str
    shard: int | None
    since: date
    hashes: Hashes


Credentials = Mapping[str, Credential]


def added(credentials: Credentials, new: Credential) -> Credentials:
    """Let one more in; raises `BadRequest` when the name may enter already, or is not a site's to have."""
    if new.name == HUB and new.shard is not None:
        raise BadRequest(f"{HUB} is the hub's own name on the broker; give the site another id")
    if new.name in credentials:
        raise BadRequest(
            f"{new.name} has a secret already, which only its bundle tells; --new-secret makes another one "
            "and shuts the site out until it has it"
        )
    return {**credentials, new.name: new}


def replaced(credentials: Credentials, new: Credential) -> Credentials:
    """Let a name in with another secret from now on; raises `BadRequest` when its shard would change."""
    held = credentials.get(new.name)
    if held is not None and held.shard != new.shard:
        raise BadRequest(f"{new.name} was enrolled on shard {held.shard}, and a shard is for good; not {new.shard}")
    return added(revoked(credentials, new.name) if held is not None else credentials, new)


def revoked(credentials: Credentials, name: str) -> Credentials:
    """Shut one out; raises `NotFound` when the name is not let in anyway, `BadRequest` for the hub itself."""
    if name == HUB:
        raise BadRequest(f"{HUB} is the hub itself; without it, nothing that sites send would be taken")
    if name not in credentials:
        close = get_close_matches(name, [known for known in credentials if known != HUB], 1)
        raise NotFound(f"no site {name!r} may enter the broker" + (f"; did you mean {close[0]}?" if close else ""))
    return {known: credential for known, credential in credentials.items() if known != name}


def render(credentials: Credentials) -> str:
    """Lay out the file, sorted by name."""
    return _HEAD + "".join(_line(credential) for credential in _sorted(credentials.values()))


def parse(text: str, origin: str) -> Credentials:
    """Read the file; raises `ConfigError` naming the line that cannot be used."""
    found: dict[str, Credential] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line and not line.startswith("#"):
            credential = _credential(line.split(" "), origin, number)
            if credential.name in found:
                _refuse(origin, number, f"{credential.name} stands twice")
            found[credential.name] = credential
    if HUB not in found:
        _refuse(origin, 1, f"{HUB} is missing: the file is cut or was changed by hand; put back the last copy")
    return found


def _sorted(credentials: Iterable[Credential]) -> list[Credential]:
    return sorted(credentials, key=lambda credential: (credential.shard is not None, credential.name))


def _line(credential: Credential) -> str:
    shard = "-" if credential.shard is None else str(credential.shard)
    hashes = credential.hashes
    return f"{credential.name} {shard} {credential.since.isoformat()} {hashes.mosquitto} {hashes.nats}\n"


def _credential(fields: list[str], origin: str, number: int) -> Credential:
    if len(fields) != _FIELDS:
        _refuse(origin, number, f"has {len(fields)} fields, not {_FIELDS}")
    name, shard, since, mosquitto, nats = fields
    if not is_name(name):
        _refuse(origin, number, f"{name!r} is no name")
    if (name == HUB) != (shard == "-") or (name != HUB and shard not in {str(known) for known in range(SHARDS)}):
        _refuse(origin, number, f"{shard!r} is no shard of {name}")
    if not mosquitto.startswith("$7$") or not nats.startswith("$2"):
        _refuse(origin, number, f"the hashes of {name} are not those that the brokers take")
    try:
        day = date.fromisoformat(since)
    except ValueError:
        _refuse(origin, number, f"{since!r} is no date")
    return Credential(name, None if shard == "-" else int(shard), day, Hashes(mosquitto, nats))


def _refuse(origin: str, number: int, complaint: str) -> NoReturn:
    raise ConfigError(f"{origin} line {number}: {complaint}")
