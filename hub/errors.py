"""What can go wrong at the hub, sorted by what the caller must do about it."""

from __future__ import annotations


class HubError(Exception):
    """Base of all; the message is a sentence for the operator or the caller of the API."""


class RetryLater(HubError):
    """Something outside is not ready (disk full, broker away); nothing was lost, try again."""


class Refused(HubError):
    """What was asked for cannot be done with these values, now or later; nothing was changed."""


class NotFound(HubError):
    """What was asked for does not exist; asking again is useless."""


class BadRequest(HubError):
    """The question cannot be answered as put; the message says what would be valid."""
