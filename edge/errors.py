"""What can go wrong at the edge, sorted by what the caller must do about it."""

from __future__ import annotations


class EdgeError(Exception):
    """Base of all; the message is a sentence for a technician."""


class RetryLater(EdgeError):
    """The world is not ready (line silent, broker away, disk full); the same call may succeed later."""


class Refused(EdgeError):
    """The other side understood and said no (an unsupported register, a wrong password); asking again is useless."""
