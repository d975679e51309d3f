"""What a site's Pi is given so that its hub lets it in: a folder for the boot partition or a stick. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_config import Document
from hub.broker.renewal import named

SETTINGS, AUTHORITY, SECRET, TOKEN = "site.yaml", "ca.pem", "broker-secret", "enrolment-token"
FILES = (SETTINGS, AUTHORITY, SECRET, TOKEN)


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of a bundle."""

    contents: bytes
    private: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """The whole of it; a site without `enrolment` in its settings has no use for a token."""

    site_yaml: bytes
    authority: bytes
    secret: str = field(repr=False)
    token: str | None = field(repr=False)

    def files(self) -> dict[str, BundleFile]:
        """Lay out its files by name; secret and token are told here and nowhere else."""
        files = {
            SETTINGS: BundleFile(self.site_yaml, private=False),
            AUTHORITY: BundleFile(self.authority, private=False),
            SECRET: BundleFile(f"{self.secret}\n".encode(), private=True),
        }
        if self.token is not None:
            files[TOKEN] = BundleFile(f"{self.token}\n".encode(), private=True)
        return files


def check_uplink(document: Document, hosts: tuple[str, ...]) -> None:
    """Refuse a `site.yaml` with which this hub could not be reached; raises `ConfigError` naming line and key."""
    uplink, site = document.data["uplink"], document.data["site"]["id"]
    if uplink["host"].lower() not in named(hosts):
        document.refuse(
            ("uplink", "host"),
            f"{uplink['host']} is not among this hub's hosts ({', '.join(hosts)}), so the site would refuse its "
            "certificate; correct it, or add it to hosts in hub.yaml and run kayasol-hub broker apply",
        )
    if not uplink.get("tls", True):
        document.refuse(("uplink", "tls"), "must be true: this hub's broker speaks nothing but TLS")
    if uplink.get("username", site) != site:
        document.refuse(("uplink", "username"), f"must be {site}, the site's id, or left out")
