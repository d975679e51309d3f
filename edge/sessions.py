"""Charging sessions from settled slot changes: opened, closed, and carried across a restart of the agent.

After a restart, a session goes on if its slot is still taken, the Pi did not reboot and the session was seen within
`resume_within_s`. Otherwise it ends at the last moment it was seen, and the reason says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from edge.ports import OpenSession
from edge.slots import Change
from protocol.events import ChargingSession, EndReason, SlotTaken

RESUME_WITHIN_S = 120


@dataclass(slots=True)
class SessionBook:
    """The open sessions of this boot, by slot, and those that an earlier run left behind."""

    boot: int
    resume_within_s: float = RESUME_WITHIN_S
    open: dict[int, OpenSession] = field(default_factory=dict)
    left_open: dict[int, OpenSession] = field(default_factory=dict)

    def recover(self, left_open: Iterable[OpenSession], uptime_s: int) -> list[ChargingSession]:
        """Take over what the outbox had open; returns the sessions that cannot go on."""
        ended = []
        for session in left_open:
            if session.last_boot != self.boot:
                ended.append(_end(session, EndReason.POWER_LOSS))
            elif uptime_s - session.last_uptime_s > self.resume_within_s:
                ended.append(_end(session, EndReason.AGENT_STOPPED))
            else:
                self.left_open[session.slot] = session
        return ended

    def opens(self, change: Change) -> SlotTaken | None:
        """Tell which event a newly taken slot is worth; None when it only goes on."""
        if change.found and change.slot in self.left_open:
            self.open[change.slot] = self.left_open.pop(change.slot)
            return None
        return SlotTaken(change.slot, found=change.found)

    def opened(self, change: Change, taken_seq: int) -> None:
        """Note a session under the seq of its `SlotTaken`."""
        start_s = int(change.uptime_s)
        self.open[change.slot] = OpenSession(
            change.slot, taken_seq, self.boot, start_s, self.boot, start_s, found=change.found
        )

    def closes(self, change: Change) -> ChargingSession | None:
        """End the session of a slot that became free."""
        session = self.open.pop(change.slot, None)
        if session is None:
            return None
        return _end(self._seen(session, int(change.uptime_s)), EndReason.UNPLUGGED)

    def first_look_done(self) -> list[ChargingSession]:
        """End what was left open by an earlier run and is no longer there."""
        ended = [_end(session, EndReason.AGENT_STOPPED) for session in self.left_open.values()]
        self.left_open.clear()
        return ended

    def snapshot(self, uptime_s: int) -> list[OpenSession]:
        """List the open sessions as seen at this uptime, for the outbox to keep."""
        return [self._seen(session, uptime_s) for session in self.open.values()] + list(self.left_open.values())

    def _seen(self, session: OpenSession, uptime_s: int) -> OpenSession:
        return replace(session, last_boot=self.boot, last_uptime_s=uptime_s)


def _end(session: OpenSession, reason: EndReason) -> ChargingSession:
    return ChargingSession(
        slot=session.slot,
        taken_seq=session.taken_seq,
        start_boot=session.start_boot,
        start_uptime_s=session.start_uptime_s,
        end_boot=session.last_boot,
        end_uptime_s=session.last_uptime_s,
        reason=reason,
        found=session.found,
    )
