"""A site as the hub knows it, read from the same `site.yaml` that the Pi gets. Pure."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firmware_config import load
from hub.broker.credentials import HUB
from hub.ports import Site


def site_from_yaml(text: str, origin: str, board_text: Callable[[str], str]) -> Site:
    """Read what the hub needs of a site; raises `ConfigError` naming file, line and key."""
    document = load(text, "site", origin)
    site, kiosk = document.data["site"], document.data.get("kiosk")
    if site["id"] == HUB:
        document.refuse(("site", "id"), f"{HUB} is the hub's own name on the broker; give the site another id")
    slots: list[int] = []
    if kiosk is not None:
        board = load(board_text(kiosk["board"]), "board", f"board {kiosk['board']}")
        slots = kiosk.get("slots", [int(slot) for slot in board.data["slots"]])
    timezone = site.get("timezone", "Africa/Ouagadougou")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones, like Africa, is none
        document.refuse(("site", "timezone"), f"there is no time zone {timezone!r}")
    return Site(
        site=site["id"],
        name=site["name"],
        kind=site["kind"],
        commune=site["commune"],
        shard=site["shard"],
        latitude=site.get("latitude"),
        longitude=site.get("longitude"),
        timezone=timezone,
        slots=tuple(sorted(slots)),
    )
