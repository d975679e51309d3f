"""Hashes that are slow on purpose: right, alike for nobody, and never so many at once that the hub stands still."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from hub.errors import RetryLater
from hub.io.hashing import Argon2Hasher, is_common, new_key


def test_a_secret_matches_its_own_hash_alone() -> None:
    """Not another's, not a damaged one, and nobody's never."""
    hasher = Argon2Hasher()
    stored = hasher.hash("quatre mots sans rapport")
    assert stored.startswith("$argon2id$")
    assert hasher.matches(stored, "quatre mots sans rapport")
    assert not hasher.matches(stored, "quatre mots sans rapports")
    assert not hasher.matches(stored[:-3], "quatre mots sans rapport")
    assert not hasher.matches(None, "quatre mots sans rapport")
    assert stored != hasher.hash("quatre mots sans rapport")


def test_whoever_comes_when_too_many_wait_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood at the door takes no more memory than a few hashes, and is told to come again."""
    hasher = Argon2Hasher(at_once=1, patience_s=0.05)
    busy, done = Event(), Event()

    def slow(*_: object) -> str:
        busy.set()
        done.wait(10)
        return "hash"

    monkeypatch.setattr("argon2.PasswordHasher.hash", slow)
    first = Thread(target=hasher.hash, args=("x",))
    first.start()
    assert busy.wait(10)
    with pytest.raises(RetryLater, match="try again in a minute"):
        hasher.matches(None, "x")
    done.set()
    first.join()
    assert hasher.hash("x") == "hash"


def test_keys_and_common_secrets() -> None:
    """A key has 256 bits of chance; the list knows what everybody uses."""
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) >= 43
    assert is_common("password1")
    assert not is_common("quatre mots sans rapport")
