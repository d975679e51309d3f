"""Secrets that are taken, waits for those who guess, and the record that shows what was changed."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.access.audit import Act, Entry, first_broken, following
from hub.access.lockout import FIRST_WAIT_MS, FORGOTTEN_MS, FREE, LONGEST_WAIT_MS, Attempts
from hub.access.people import Invitation, SignIn, limits
from hub.access.roles import Grant, Level, Role, Scope
from hub.access.secrets import Weakness, digest, form_key, name_key, normal, same, weakness
from hub.io.hashing import is_common

NOON_MS = 1_795_435_200_000


@pytest.mark.parametrize(
    ("secret", "passphrase", "weak"),
    [
        ("582913", False, None),
        ("58291", False, Weakness.TOO_SHORT),
        ("5829135829134", False, Weakness.TOO_LONG),
        ("582913", True, Weakness.ONLY_DIGITS),
        ("111111", False, Weakness.TOO_REGULAR),
        ("123456", False, Weakness.TOO_REGULAR),
        ("987654", False, Weakness.TOO_REGULAR),
        ("583583", False, Weakness.TOO_REGULAR),
        ("112233", False, Weakness.TOO_COMMON),
        ("cheval pile", False, Weakness.TOO_SHORT),
        ("cheval pile agrafe", True, None),
        ("motdepassemotdepasse", True, Weakness.TOO_REGULAR),
        ("1q2w3e4r5t6y", True, Weakness.TOO_COMMON),
        ("la porte d'Awa Sawadogo", True, Weakness.HAS_NAME),
        ("x y" * 100, True, Weakness.TOO_LONG),
    ],
)
def test_what_is_easily_guessed_is_not_taken(secret: str, passphrase: bool, weak: Weakness | None) -> None:  # noqa: FBT001
    """Short, regular, common, named after oneself, or digits where more is at stake."""
    assert weakness(secret, "Awa Sawadogo", passphrase=passphrase, common=is_common) == weak


def test_names_and_secrets_have_one_form() -> None:
    """However a keyboard writes accents, capitals and spaces."""
    assert name_key("  Awa  SANOGÓ ") == name_key("awa sanogo")
    assert normal("e\u0301cole ") == normal("\u00e9cole")
    assert digest("a") != digest("b")
    assert same(form_key("a"), form_key("a"))
    assert not same(form_key("a"), form_key("b"))


def test_waits_double_up_to_a_day() -> None:
    """Four wrong ones are free, then half a minute, a minute, two, and so on."""
    tries = [Attempts(), *accumulate(range(30), lambda known, _: known.failed(NOON_MS), initial=Attempts())][1:]
    waits = [known.open_at_ms() - known.last_ms for known in tries]
    assert waits[: FREE + 1] == [0] * (FREE + 1)
    assert waits[FREE + 1] == FIRST_WAIT_MS
    assert all(later in (2 * wait, LONGEST_WAIT_MS) for wait, later in pairwise(waits[FREE + 1 :]))
    assert waits[-1] == LONGEST_WAIT_MS


def test_six_digits_would_take_a_guesser_centuries() -> None:
    """With the waits, half of a million guesses."""
    known, now_ms = Attempts(), NOON_MS
    for _ in range(100):
        now_ms = max(now_ms, known.open_at_ms())
        known = known.failed(now_ms)
    a_guess_ms = known.open_at_ms() - now_ms
    assert 500_000 * a_guess_ms > 1000 * 365 * 86_400_000


def test_old_mistakes_are_forgotten() -> None:
    """After a week without any, one begins anew."""
    known = Attempts(9, NOON_MS)
    assert known.failed(NOON_MS + FORGOTTEN_MS).failures == 1
    assert known.failed(NOON_MS + FORGOTTEN_MS - 1).failures == 10


def test_sign_ins_run_out_by_idling_and_in_whole() -> None:
    """Sooner for those who may do much."""
    boss = limits([Grant(Role.ADMINISTRATOR, Scope(Level.HUB))])
    treasurer = limits([Grant(Role.ASSOCIATION, Scope(Level.SITE, "ecole-a"))])
    assert (boss.idle_ms, boss.whole_ms) < (treasurer.idle_ms, treasurer.whole_ms)
    used = SignIn(1, NOON_MS, NOON_MS, "phone")
    assert used.holds(boss, NOON_MS + boss.idle_ms - 1)
    assert not used.holds(boss, NOON_MS + boss.idle_ms)
    assert not replace(used, seen_ms=NOON_MS + boss.whole_ms).holds(boss, NOON_MS + boss.whole_ms)


def test_a_link_serves_once_and_not_for_ever() -> None:
    """Used or old, it is of no use."""
    link = Invitation((), None, "test", NOON_MS)
    assert link.holds(NOON_MS - 1)
    assert not link.holds(NOON_MS)
    assert not replace(link, used_ms=1).holds(NOON_MS - 1)


def record(count: int) -> list[Entry]:
    """Write some lines."""
    entries: list[Entry] = []
    for number in range(count):
        act = Act(NOON_MS + number, "Awa", "did", f"thing {number}", {"why": "é"})
        entries.append(following(entries[-1] if entries else None, act))
    return entries


@given(at=st.integers(0, 9), what=st.sampled_from(["at_ms", "actor", "action", "subject", "details"]))
def test_a_changed_line_is_found(at: int, what: str) -> None:
    """Whatever of it was changed."""
    entries = record(10)
    assert first_broken(entries) is None
    changed: dict[str, Any] = {"at_ms": 1, "actor": "x", "action": "x", "subject": "x", "details": {}}
    entries[at] = replace(entries[at], act=replace(entries[at].act, **{what: changed[what]}))
    assert first_broken(entries) == at + 1


@given(at=st.integers(0, 8))
def test_a_line_taken_out_is_found(at: int) -> None:
    """And one that was put in another place."""
    entries = record(10)
    assert first_broken(entries[:at] + entries[at + 1 :]) == at + 1
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    assert first_broken(entries) == at + 1
