"""What a site's Pi is given so that its hub lets it in: a folder for the boot partition or a stick. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_config import Document
from hub.broker.renewal import named

SETTINGS, AUTHORITY, SECRET = "site.yaml", "ca.pem", "broker-secret"


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of a bundle."""

    contents: bytes
    private: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """The whole of it. What proves the first start (the one-time enrolment token) joins here, as one more field."""

    site_yaml: bytes
    authority: bytes
    secret: str

    def files(self) -> dict[str, BundleFile]:
        """Lay out its files by name; the secret is told here and nowhere else."""
        return {
            SETTINGS: BundleFile(self.site_yaml, private=False),
            AUTHORITY: BundleFile(self.authority, private=False),
            SECRET: BundleFile(f"{self.secret}\n".encode(), private=True),
        }


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
