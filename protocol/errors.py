"""The one error of the wire: what arrived is not what the specification allows."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a payload is refused; the value is the label of the hub's counter."""

    TRUNCATED = "truncated"
    OVERSIZED = "oversized"
    UNKNOWN_VERSION = "unknown_version"
    MALFORMED = "malformed"
    UNKNOWN_SITE = "unknown_site"


class WireError(Exception):
    """A payload or topic that must be refused; `refusal` says why to a counter, the message to a person."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal
