"""How a site swaps its one-time token for a device key, and what it needs from the world for that. Pure.

The key is made here and written down whole before it is offered. So a power cut at any moment ends in the same key
being offered again, which the hub takes as often as it comes; another one it would refuse.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from edge.errors import EdgeError, Refused, RetryLater

AGAIN_S = (60.0, 6 * 3600.0)
"""How soon after the first attempt that failed the next one comes, and how late one comes at most."""

_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an offer: taken, refused for good, or not heard."""

    error: EdgeError | None = None


class Desk(Protocol):
    """The hub's desk for keys. Neither call waits."""

    def offer(self, token: str, key: bytes) -> None:
        """Begin to offer a key in the background."""

    def answer(self) -> Answer | None:
        """Hand over what came of the offer, once; None while nothing did."""


class Keyring(Protocol):
    """The site's token and key on its card; every call may raise `RetryLater`."""

    def token(self) -> str | None:
        """Read the one-time token; None when there is none, or when it is spent."""

    def candidate(self) -> bytes:
        """Give the key to offer: the device key, else one made once, which no power cut changes any more."""

    def adopt(self, token: str) -> bytes:
        """Make the candidate the device key, for good, and spend the token."""


class Enrolment:
    """One site's way to its device key; asks at once, then ever less often, and stops when it is refused."""

    def __init__(self, desk: Desk, keyring: Keyring, chance: random.Random) -> None:
        self._desk = desk
        self._keyring = keyring
        self._chance = chance
        self._wait_s = AGAIN_S[0]
        self._next_s: float | None = 0.0
        self._token: str | None = None
        self.told: str | None = None
        """What keeps this site from having its key, in a sentence; None when nothing does."""

    def step(self, now_s: float) -> bytes | None:
        """Do what is due; returns the device key once, when the hub has taken it."""
        try:
            if self._token is not None:
                return self._hear(self._token)
            if self._next_s is not None and now_s >= self._next_s:
                self._ask()
        except RetryLater as error:
            self._later(error, now_s)
        return None

    def _ask(self) -> None:
        token = self._keyring.token()
        if token is None:
            self._next_s = self.told = None
            return
        self._desk.offer(token, self._keyring.candidate())
        self._token = token

    def _hear(self, token: str) -> bytes | None:
        answer = self._desk.answer()
        if answer is None:
            return None
        self._token = None
        if answer.error is None:
            key = self._keyring.adopt(token)
            self._next_s = self.told = None
            return key
        if not isinstance(answer.error, Refused):
            raise answer.error
        self._next_s = None
        self.told = f"the hub refuses our enrolment: {answer.error}"
        return None

    def _later(self, error: RetryLater, now_s: float) -> None:
        self._next_s = now_s + self._wait_s * self._chance.uniform(1 - _JITTER, 1 + _JITTER)
        self._wait_s = min(2 * self._wait_s, AGAIN_S[1])
        self.told = f"not enrolled yet: {error}; this is tried again"
