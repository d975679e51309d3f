"""Key and token on a card: whole or not at all, for the agent alone, and the same key however often power goes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.errors import RetryLater
from edge.io.device_key import KeyFiles, read_key, write_key
from protocol.seal import KEY_BYTES

KEY = b"k" * KEY_BYTES
WORDS = "a-long-token"


class Cut(Exception):
    """The power went."""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Give a card with a token on it."""
    (tmp_path / "enrolment-token").write_text(f"{WORDS}\n", "ascii")
    return tmp_path


def keyring(card: Path) -> KeyFiles:
    """Read the card as a fresh start does."""
    return KeyFiles(card / "device-key", card / "enrolment-token")


def test_a_key_is_kept_for_the_agent_alone(tmp_path: Path) -> None:
    """What is written is read, and nobody else may read it."""
    path = tmp_path / "device-key"
    assert read_key(path) is None
    write_key(path, KEY)
    assert read_key(path) == KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["device-key"]


def test_a_first_start_makes_one_key_and_spends_its_token(card: Path) -> None:
    """The candidate is the same at every start; once it is taken, the token is gone and the key is there."""
    assert keyring(card).token() == WORDS
    key = keyring(card).candidate()
    assert len(key) == KEY_BYTES
    assert keyring(card).candidate() == key
    assert read_key(card / "device-key") is None
    assert keyring(card).adopt(WORDS) == key == read_key(card / "device-key")
    assert keyring(card).token() is None
    assert [found.name for found in card.iterdir()] == ["device-key"]


def test_each_site_draws_a_key_of_its_own(tmp_path: Path) -> None:
    """Two cards never have the same one."""
    for name in "ab":
        (tmp_path / name).mkdir()
    assert keyring(tmp_path / "a").candidate() != keyring(tmp_path / "b").candidate()


@contextmanager
def power_for(steps: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the power go after so many flushes, renames and removals."""
    left = [steps]
    with monkeypatch.context() as patched:
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
            real = getattr(owner, name)

            def cut(*arguments: object, _real: object = real, **named: object) -> object:
                if left[0] == 0:
                    raise Cut
                left[0] -= 1
                return _real(*arguments, **named)  # type: ignore[operator]  # a function of the library

            patched.setattr(owner, name, cut)
        yield


def test_power_may_go_at_any_moment(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was done until then, the hub is offered one key only, and that is the key in the end."""
    offered: set[bytes] = set()
    for steps in range(40):
        with power_for(steps, monkeypatch):
            try:
                files = keyring(card)
                if (token := files.token()) is None:
                    break
                assert token == WORDS
                offered.add(files.candidate())
                files.adopt(token)
            except Cut:
                continue
            break
    else:
        pytest.fail("the key is never kept")
    assert offered == {read_key(card / "device-key")}
    assert keyring(card).token() is None


def test_a_new_token_registers_the_key_that_is_there(card: Path) -> None:
    """A hub that lost its keys learns the same one again."""
    first = keyring(card).candidate()
    keyring(card).adopt(WORDS)
    (card / "enrolment-token").write_text("another-token\n", "ascii")
    assert keyring(card).token() == "another-token"
    assert keyring(card).candidate() == first
    assert keyring(card).adopt("another-token") == first


def test_a_spent_token_that_cannot_be_removed_is_spent_all_the_same(
    card: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not offered at every start; the log says what to do."""
    unlink = Path.unlink

    def no(path: Path, missing_ok: bool = False) -> None:  # noqa: FBT001, FBT002  as pathlib has it
        if path.name == "enrolment-token":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    keyring(card).candidate()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", no)
        keyring(card).adopt(WORDS)
        (card / "enrolment-token").write_text(f"{WORDS}\n", "ascii")
        assert keyring(card).token() is None
    assert "is spent and cannot be removed" in caplog.text
    assert keyring(card).token() is None
    assert not (card / "enrolment-token").exists()


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"6b6b", b"zz" * 32 + b" - 00000000\n"])
def test_a_damaged_key_is_as_good_as_none(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Rows sealed with a garbled key would look as if somebody had edited them."""
    path = tmp_path / "device-key"
    path.write_bytes(damage)
    assert read_key(path) is None
    assert "rows are not sealed" in caplog.text


def test_a_bit_that_the_card_lost_is_noticed(tmp_path: Path) -> None:
    """One digit of the key is another one."""
    path = tmp_path / "device-key"
    write_key(path, KEY)
    path.write_bytes(path.read_bytes().replace(b"6b", b"6a", 1))
    assert read_key(path) is None


def test_a_key_that_others_may_read_is_used_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever put it there by hand learns how to close it."""
    path = tmp_path / "device-key"
    write_key(path, KEY)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert read_key(path) == KEY
    assert f"chmod 600 {path}" in caplog.text


def test_what_cannot_be_read_or_written_is_said_and_tried_again(tmp_path: Path) -> None:
    """The agent goes on without a key."""
    (tmp_path / "enrolment-token").write_bytes(b"\xff")
    with pytest.raises(RetryLater, match="cannot be read"):
        keyring(tmp_path).token()
    with pytest.raises(RetryLater, match="cannot be written"):
        KeyFiles(tmp_path / "nowhere" / "device-key", tmp_path / "enrolment-token").candidate()
