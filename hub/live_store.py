"""The part of the ledger that holds live views: one a site, no history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from protocol.live import Live, LiveCommand
from protocol.topics import Address


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """The live view last asked of a site, and the newest values that came of it."""

    site: str
    command_id: int
    asked_at_ms: int
    seconds: int
    sent_at_ms: int | None
    received_at_ms: int | None
    ends_at_ms: int | None
    code: int | None
    latest: Mapping[str, tuple[float, int]]


class LiveStore(Protocol):
    """What was asked of the sites, and what came of it."""

    def ask_live(self, site: str, seconds: int, now_ms: int) -> None:
        """Ask for a live view, in place of any before."""

    def live(self, site: str) -> LiveRecord | None:
        """Read the live view that was last asked of a site."""

    def unsent_commands(self, since_ms: int) -> list[LiveRecord]:
        """List the live views asked since then whose command was not sent yet."""

    def command_sent(self, record: LiveRecord, now_ms: int) -> None:
        """Note that a command was handed to the broker."""


class LiveTransaction(Protocol):
    """What one ingest step does with live values."""

    def live(self, site: str, live: Live, values: Mapping[str, tuple[float, int]], received_at_ms: int) -> None:
        """Note live values that answer the command last given to a site; drop others."""


class Commander(Protocol):
    """The way of commands to the sites."""

    def publish_command(self, address: Address, command: LiveCommand) -> bool:
        """Send a command to a site; False when the broker is not there."""
