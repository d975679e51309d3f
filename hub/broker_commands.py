"""Commands about the broker: its files written, tried out and read by it; certificates renewed; sites let in or out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from hub.broker import credentials as pure
from hub.broker.credentials import Credential, Credentials
from hub.broker.door import CERTIFICATE, door_of
from hub.broker.renewal import why_due
from hub.errors import BadRequest, RetryLater
from hub.io import authority as authorities
from hub.io import broker as programs
from hub.io.credential_file import CredentialFile, kept
from hub.io.files import PRIVATE, owner_of, write_over
from hub.io.passwords import hashes_of, new_secret
from hub.settings import BrokerSettings, ManagedBroker, Settings

DONE = 0
_RESTART = (
    "see its log; a changed port or address is read at a start only: `kayasol-hub broker apply --no-reload`, "
    "then restart it"
)


@dataclass(frozen=True, slots=True)
class Keeper:
    """The broker's door and the file of those who may enter, held by one command alone."""

    broker: BrokerSettings
    managed: ManagedBroker
    file: CredentialFile
    now: datetime
    out: TextIO

    def with_secret(self, site: str, shard: int, *, anew: bool) -> tuple[str, Credentials]:
        """Draw a secret for a site; gives it, the only time that it is told, and the credentials that let it in.

        Nothing is changed yet: `let_in` does that, once the secret is where it is needed.
        """
        secret = new_secret()
        credential = Credential(site, shard, self.now.astimezone(UTC).date(), hashes_of(secret))
        change = pure.replaced if anew else pure.added
        return secret, change(self.file.read(), credential)

    def let_in(self, credentials: Credentials) -> None:
        """Have these and no others enter from now on: first on the disk, then at the broker."""
        self.file.write(credentials)
        self.apply()

    def apply(self, *, reload: bool = True) -> None:
        """Write the broker's files as the settings and credentials have them, try them out, have the broker read them.

        Raises `RetryLater` when the files are no good or the broker does not take them; then the old ones are in place.
        """
        check = new_secret()
        door = door_of(self.managed, self.broker, self.file.read(), hashes_of(check))
        certificate = self._certificate()
        programs.try_out(self.managed, door, certificate, check)
        texts = programs.files_of(self.managed.kind, door)
        before = programs.snapshot(self.managed, [*texts, CERTIFICATE])
        try:
            programs.put(
                self.managed, {name: text.encode() for name, text in texts.items()} | {CERTIFICATE: certificate}
            )
        except RetryLater:
            programs.put_back(self.managed, before)
            raise
        if not reload:
            self.out.write("the broker's files are written; it reads them when it is started anew\n")
        elif not programs.runs(self.broker):
            self.out.write("the broker's files are written; it does not run now, and reads them when it starts\n")
        else:
            self._have_read(before, check)

    def _have_read(self, before: dict[str, bytes | None], check: str) -> None:
        try:
            programs.reload(self.managed)
        except RetryLater as error:
            complaint = f"the broker's new files are in place, but it still goes by the old ones: {error}"
            raise RetryLater(complaint) from error
        why = programs.until_read(self.broker, check)
        if why is not None:
            programs.put_back(self.managed, before)
            programs.reload(self.managed)
            raise RetryLater(f"the broker did not take its new files ({why}), so the old ones are back; {_RESTART}")
        self.out.write("the broker has read its new files\n")

    def _certificate(self) -> bytes:
        """Give the broker's certificate, a new one when it is due."""
        path = Path(self.managed.directory) / CERTIFICATE
        pem, why = _due(self.managed, path, self.now)
        if why is None and pem is not None:
            return pem
        self.out.write(f"the broker's certificate is made anew: {why}\n")
        return authorities.read(Path(self.managed.authority)).issue(self.managed.hosts, self.now, for_broker=True)


@contextmanager
def keeping(settings: Settings, now: datetime, out: TextIO) -> Iterator[Keeper]:
    """Hold the door of this hub's broker against other commands; raises `BadRequest` or `RetryLater`."""
    managed = managed_of(settings)
    with kept(Path(managed.authority)) as file:
        yield Keeper(settings.broker, managed, file, now, out)


def managed_of(settings: Settings) -> ManagedBroker:
    """Give what the hub knows of its own broker; raises `BadRequest` when it does not manage one."""
    if settings.broker.managed is None:
        raise BadRequest(
            "this hub does not manage its broker: its hub.yaml has no broker.managed (see docs/broker.md); "
            "`kayasol-hub init` writes one that has"
        )
    return settings.broker.managed


def apply(settings: Settings, now: datetime, out: TextIO, *, reload: bool) -> int:
    """Write, try out and have read the broker's files."""
    with keeping(settings, now, out) as keeper:
        keeper.apply(reload=reload)
    return DONE


def renew(settings: Settings, now: datetime, out: TextIO) -> int:
    """Renew the certificates that are due; made to be run every day."""
    with keeping(settings, now, out) as keeper:
        managed, nothing = keeper.managed, True
        if _due(managed, Path(managed.directory) / CERTIFICATE, now)[1] is not None:
            keeper.apply()
            nothing = False
        if settings.web_tls_file is not None:
            nothing = not _renew_pages(managed, Path(settings.web_tls_file), now, out) and nothing
        ends = authorities.read_root(Path(managed.authority)).ends
    out.write(f"{'nothing is due; ' if nothing else ''}sites trust this hub's authority until {ends:%Y-%m-%d}\n")
    return DONE


def revoke(settings: Settings, site: str, now: datetime, out: TextIO) -> int:
    """Shut a site out, also while it is connected."""
    with keeping(settings, now, out) as keeper:
        credentials = pure.revoked(keeper.file.read(), site)
        try:
            keeper.let_in(credentials)
        except RetryLater as error:
            raise RetryLater(
                f"{site} is struck off, but the broker still lets it in: {error}. Then: kayasol-hub broker apply"
            ) from error
    out.write(f"{site} may not enter any more; what it sent stays\n")
    return DONE


def _renew_pages(managed: ManagedBroker, path: Path, now: datetime, out: TextIO) -> bool:
    """Renew the pages' certificate if it is ours and due; one that somebody else looks after is left alone."""
    pem, why = _due(managed, path, now)
    held = authorities.read_root(Path(managed.authority)).held(pem)
    if why is None or held is None or not held.ours:
        return False
    renewed = authorities.read(Path(managed.authority)).issue(managed.hosts, now, for_broker=False)
    write_over(path, renewed, PRIVATE, owner_of(path))
    out.write(f"the certificate of the pages is renewed: {why}; the hub uses it from the next connection on\n")
    return True


def _due(managed: ManagedBroker, path: Path, now: datetime) -> tuple[bytes | None, str | None]:
    try:
        pem = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise RetryLater(f"{path} cannot be read: {error.strerror}; run this as root") from error
    return pem, why_due(authorities.read_root(Path(managed.authority)).held(pem), managed.hosts, now)
