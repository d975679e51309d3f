"""A site's way to its key: whatever is cut off in the middle ends in the same key, asked for ever less often."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from edge.enrolment import AGAIN_S, Answer, Enrolment
from edge.errors import Refused, RetryLater

HOUR_S = 3600.0


@dataclass
class MemoryKeyring:
    """A `Keyring` that tests look into; while `full`, nothing can be written."""

    waiting: str | None = "token"
    held: bytes | None = None
    full: bool = False

    def token(self) -> str | None:
        """See `Keyring.token`."""
        return self.waiting

    def candidate(self) -> bytes:
        """See `Keyring.candidate`."""
        if self.full:
            raise RetryLater("the disk is full")
        self.held = self.held or b"made once"
        return self.held

    def adopt(self, token: str) -> bytes:
        """See `Keyring.adopt`."""
        assert token == self.waiting
        key = self.candidate()
        self.waiting = None
        return key


@dataclass
class MemoryDesk:
    """A `Desk` that answers when a test says so."""

    offers: list[tuple[str, bytes]] = field(default_factory=list)
    coming: Answer | None = None

    def offer(self, token: str, key: bytes) -> None:
        """See `Desk.offer`."""
        self.offers.append((token, key))

    def answer(self) -> Answer | None:
        """See `Desk.answer`."""
        answer, self.coming = self.coming, None
        return answer


def enrolment(desk: MemoryDesk, keyring: MemoryKeyring) -> Enrolment:
    """Begin the way of one site."""
    return Enrolment(desk, keyring, random.Random(1))  # noqa: S311  a test is repeatable


def test_a_first_start_swaps_its_token_for_a_key() -> None:
    """It offers at once, waits without asking twice, and gives the key once."""
    desk, keyring = MemoryDesk(), MemoryKeyring()
    way = enrolment(desk, keyring)
    assert [way.step(now_s) for now_s in (0, 1, 2)] == [None] * 3
    assert desk.offers == [("token", b"made once")]
    desk.coming = Answer()
    assert [way.step(now_s) for now_s in (3, 4, 10 * HOUR_S)] == [b"made once", None, None]
    assert (keyring.waiting, way.told, len(desk.offers)) == (None, None, 1)


def test_without_a_token_nothing_is_asked() -> None:
    """A site that is enrolled, or never was to be."""
    desk = MemoryDesk()
    way = enrolment(desk, MemoryKeyring(waiting=None))
    assert [way.step(now_s) for now_s in (0, HOUR_S)] == [None, None]
    assert (desk.offers, way.told) == ([], None)


def test_a_hub_that_is_away_is_asked_ever_less_often() -> None:
    """From a minute to six hours, with jitter, and always with the same key; meanwhile the reason is told."""
    desk, keyring = MemoryDesk(), MemoryKeyring()
    way = enrolment(desk, keyring)
    asked: list[float] = []
    for now_s in range(0, 4 * 86_400, 10):
        before = len(desk.offers)
        way.step(now_s)
        if len(desk.offers) > before:
            asked.append(now_s)
            desk.coming = Answer(RetryLater("no network"))
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert AGAIN_S[0] * 0.8 <= pauses[0] <= AGAIN_S[0] * 1.2 + 20
    assert AGAIN_S[1] * 0.8 <= max(pauses) <= AGAIN_S[1] * 1.2 + 20
    assert len(asked) < 30
    assert set(desk.offers) == {("token", b"made once")}
    assert way.told == "not enrolled yet: no network; this is tried again"


def test_a_refusal_is_final_until_somebody_looks() -> None:
    """Asking again would be useless; a new token comes with a new start."""
    desk = MemoryDesk()
    way = enrolment(desk, MemoryKeyring())
    way.step(0)
    desk.coming = Answer(Refused("this token is too old"))
    assert [way.step(now_s) for now_s in (1, HOUR_S, 86_400)] == [None] * 3
    assert len(desk.offers) == 1
    assert way.told == "the hub refuses our enrolment: this token is too old"


@pytest.mark.parametrize("at", [0, 1])
def test_a_full_disk_is_waited_for(at: int) -> None:
    """Neither a key that cannot be written down is offered, nor one that cannot be kept is used."""
    desk, keyring = MemoryDesk(), MemoryKeyring()
    way = enrolment(desk, keyring)
    keyring.full = at == 0
    way.step(0)
    keyring.full = True
    desk.coming = Answer()
    assert way.step(1) is None
    assert way.told == "not enrolled yet: the disk is full; this is tried again"
    keyring.full = False
    way.step(HOUR_S)
    desk.coming = Answer()
    assert way.step(HOUR_S + 1) == b"made once"
    assert {key for _, key in desk.offers} == {b"made once"}
