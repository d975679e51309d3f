"""Commands about a site: enrolled, with the bundle that lets it in, or told anew what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from firmware_config import ConfigError, board_text, load
from hub.broker_commands import DONE, keeping
from hub.bundle import FILES, Bundle, check_uplink
from hub.enrol import site_from_yaml
from hub.errors import BadRequest, RetryLater
from hub.io.authority import ROOT
from hub.io.files import PRIVATE, PUBLIC, make_folder, read_whole, write_new
from hub.io.ledger import SqlLedger
from hub.ports import Site
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A `site.yaml` as given, and the programme of its commune, if that is new."""

    origin: str
    text: str
    programme: str | None = None

    @classmethod
    def read(cls, path: Path, programme: str | None = None) -> SiteFile:
        """Read it; raises `ConfigError`."""
        try:
            return cls(str(path), path.read_text("utf-8"), programme)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error

    def site(self) -> Site:
        """Read what the hub needs of the site; raises `ConfigError`."""
        return site_from_yaml(self.text, self.origin, board_text)


def add(ledger: SqlLedger, file: SiteFile, out: TextIO) -> int:
    """Enrol a site, or update what is known of it; raises `BadRequest` when its shard would change."""
    site = file.site()
    held = next((known for known in ledger.sites() if known.site == site.site), None)
    if held is not None and held.shard != site.shard:
        raise BadRequest(f"{site.site} was enrolled on shard {held.shard}, and a shard is for good; not {site.shard}")
    told = "is enrolled" if ledger.add_site(site, file.programme) else "is updated"
    out.write(f"{site.site}: {site.name} ({site.commune}) {told}, shard {site.shard}\n")
    return DONE


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a bundle goes; `anew` gives a site another secret than the one it has."""

    path: Path
    anew: bool


def add_with_bundle(
    settings: Settings, ledger: SqlLedger, file: SiteFile, folder: Folder, now: datetime, out: TextIO
) -> int:
    """Enrol a site, write what its Pi needs into a folder, and have the broker let it in."""
    site, document = file.site(), load(file.text, "site", file.origin)
    with keeping(settings, now, out) as keeper:
        check_uplink(document, keeper.managed.hosts)
        secret, credentials = keeper.with_secret(site.site, site.shard, anew=folder.anew)
        authority = read_whole(Path(keeper.managed.authority) / ROOT, "put back your copy of it")
        _check_empty(folder.path)
        add(ledger, file, out)
        token = _new_token(ledger, site.site, now) if "enrolment" in document.data else None
        _write(Bundle(file.text.encode(), authority, secret, token), folder.path)
        try:
            keeper.let_in(credentials)
        except RetryLater as error:
            complaint = f"{site.site} is enrolled and its bundle is written, but the broker does not let it in yet: "
            raise RetryLater(f"{complaint}{error}. Then: kayasol-hub broker apply") from error
    out.write(f"{folder.path} holds what its Pi needs. Its secret is nowhere else: bring it there unseen\n")
    return DONE


def _new_token(ledger: SqlLedger, site: str, now: datetime) -> str:
    """Draw a token for a first start; those of earlier bundles open nothing any more."""
    now_ms = int(now.timestamp() * 1000)
    ledger.withdraw_tokens(site, now_ms)
    return ledger.new_token(site, now_ms)


def _check_empty(folder: Path) -> None:
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise BadRequest(f"{folder} holds {', '.join(there)} already; give an empty folder for the bundle")


def _write(bundle: Bundle, folder: Path) -> None:
    make_folder(folder, 0o700)
    for name, file in bundle.files().items():
        write_new(folder / name, file.contents, PRIVATE if file.private else PUBLIC)
