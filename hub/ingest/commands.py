"""Commands on their way to the sites: asked for in the ledger, by whichever process, and sent by the ingest."""

from __future__ import annotations

import logging

from hub.errors import RetryLater
from hub.ports import Inbox, Ledger
from protocol.live import LiveCommand
from protocol.topics import Address

_LOG = logging.getLogger(__name__)

LOOK_EVERY_MS = 1000
STALE_MS = 60_000
"""A command that could not be sent for so long is not sent any more: nobody watches by now."""


class Commands:
    """Sends what was asked of the sites in these shards."""

    def __init__(self, ledger: Ledger, inbox: Inbox, shards: range) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._shards = shards
        self._next_look_ms = 0

    def step(self, now_ms: int) -> int:
        """Send what waits; returns how many commands that were."""
        if now_ms < self._next_look_ms:
            return 0
        self._next_look_ms = now_ms + LOOK_EVERY_MS
        try:
            return self._send(now_ms)
        except RetryLater as error:
            _LOG.warning("commands wait: %s", error)
            return 0

    def _send(self, now_ms: int) -> int:
        waiting = self._ledger.unsent_commands(now_ms - STALE_MS)
        if not waiting:
            return 0
        shards = {site.site: site.shard for site in self._ledger.sites() if site.shard in self._shards}
        sent = 0
        for record in waiting:
            address = Address(shards[record.site], record.site) if record.site in shards else None
            command = LiveCommand(record.command_id, record.seconds)
            if address is not None and self._inbox.publish_command(address, command):
                self._ledger.command_sent(record, now_ms)
                sent += 1
        return sent
