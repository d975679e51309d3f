"""What can go wrong at the edge, sorted by what the caller must do about it."""

from __future__ import annotations

EXCEPTIONS = {
    1: "does not know this function",
    2: "does not know this address",
    3: "does not read this many words at once",
    4: "reports a fault of its own",
    6: "is busy",
}
"""What a device says by an exception of Modbus, by its code."""


class EdgeError(Exception):
    """Base of all; the message is a sentence for a technician."""


class RetryLater(EdgeError):
    """The world is not ready (line silent, broker away, disk full); the same call may succeed later."""


class Refused(EdgeError):
    """The other side understood and said no (an unsupported register, a wrong password); asking again is useless."""
