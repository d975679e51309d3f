"""Who may enter the broker: the file, and what changes it. Pure."""

from __future__ import annotations

import re
from datetime import date

import bcrypt
import pytest

from firmware_config import ConfigError
from hub.broker.credentials import (
    Credential,
    Credentials,
    Hashes,
    added,
    parse,
    render,
    replaced,
    revoked,
)
from hub.errors import BadRequest, NotFound
from hub.io.passwords import hashes_of, new_secret

DAY = date(2026, 11, 29)
HASHES = Hashes("$7$101$c2FsdA==$aGFzaA==", "$2b$04$hash")
HUB = Credential("hub", None, DAY, HASHES)
A = Credential("ecole-a", 3, DAY, HASHES)
FIRST: Credentials = {"hub": HUB, "ecole-a": A}


def test_what_is_written_is_read_again() -> None:
    """The hub first, then the sites by name, one a line."""
    both = added(FIRST, Credential("csps-b", 15, DAY, HASHES))
    lines = [line for line in render(both).splitlines() if not line.startswith("#")]
    assert [line.split(" ")[:3] for line in lines] == [
        ["hub", "-", "2026-11-29"],
        ["csps-b", "15", "2026-11-29"],
        ["ecole-a", "3", "2026-11-29"],
    ]
    assert parse(render(both), "credentials") == both


def test_a_site_gets_one_secret_and_another_only_when_it_is_asked_for() -> None:
    """A secret that is replaced by mistake shuts a site out until somebody drives there."""
    with pytest.raises(BadRequest, match="ecole-a has a secret already, which only its bundle tells"):
        added(FIRST, A)
    newer = Credential("ecole-a", 3, date(2027, 1, 1), HASHES)
    assert replaced(FIRST, newer)["ecole-a"] == newer
    assert replaced({"hub": HUB}, newer)["ecole-a"] == newer


def test_a_shard_is_for_good() -> None:
    """What waits for a site on the old shard would never be taken."""
    with pytest.raises(BadRequest, match="ecole-a was enrolled on shard 3, and a shard is for good; not 4"):
        replaced(FIRST, Credential("ecole-a", 4, DAY, HASHES))


def test_no_site_has_the_hubs_name() -> None:
    """It would read what all sites send."""
    with pytest.raises(BadRequest, match="hub is the hub's own name"):
        added({}, Credential("hub", 3, DAY, HASHES))


def test_a_site_is_struck_off() -> None:
    """And nobody else; a slip of the pen is told."""
    assert revoked(FIRST, "ecole-a") == {"hub": HUB}
    with pytest.raises(NotFound, match=r"no site 'ecole-b' may enter the broker; did you mean ecole-a\?"):
        revoked(FIRST, "ecole-b")
    with pytest.raises(NotFound, match=r"no site 'x' may enter the broker$"):
        revoked(FIRST, "x")
    with pytest.raises(BadRequest, match="hub is the hub itself"):
        revoked(FIRST, "hub")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ecole-b 3 2026-11-29 $7$x", "line 2: has 4 fields, not 5"),
        ("École 3 2026-11-29 $7$x $2b$x", "line 2: 'École' is no name"),
        ("ecole-b 16 2026-11-29 $7$x $2b$x", "line 2: '16' is no shard of ecole-b"),
        ("ecole-b - 2026-11-29 $7$x $2b$x", "line 2: '-' is no shard of ecole-b"),
        ("ecole-b 3 yesterday $7$x $2b$x", "line 2: 'yesterday' is no date"),
        ("ecole-b 3 2026-11-29 secret $2b$x", "line 2: the hashes of ecole-b are not those"),
        ("hub - 2026-11-29 $7$x $2b$x", "line 2: hub stands twice"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(line: str, words: str) -> None:
    """File, line and what is wrong; nothing is guessed, for a guess may let somebody in."""
    with pytest.raises(ConfigError, match=re.escape(f"credentials {words}")):
        parse(f"hub - 2026-11-29 $7$x $2b$x\n{line}\n", "credentials")


def test_a_file_without_the_hub_is_refused() -> None:
    """It was cut, and would shut everybody out."""
    with pytest.raises(ConfigError, match="hub is missing: the file is cut"):
        parse("", "credentials")


def test_a_secret_is_long_and_its_hashes_are_of_it() -> None:
    """256 bits of chance; no two hashes of it are alike."""
    secret = new_secret()
    assert len(secret) == 43
    one, other = hashes_of(secret), hashes_of(secret)
    assert one != other
    assert bcrypt.checkpw(secret.encode(), one.nats.encode())
    assert secret not in f"{one}"
    assert one.mosquitto.startswith("$7$101$")
