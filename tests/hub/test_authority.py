"""The hub's own authority: what it signs, what it believes, and when a certificate is due."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from hub.broker.renewal import RENEW_WITHIN, VALID_FOR, Held, why_due
from hub.errors import BadRequest, RetryLater
from hub.io import authority

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOSTS = ("hub.example.org", "203.0.113.5", "2001:DB8::5")
NAMES = frozenset({"hub.example.org", "203.0.113.5", "2001:db8::5", "localhost", "127.0.0.1"})


def test_a_server_is_believed_under_all_its_names(tmp_path: Path) -> None:
    """By who trusts the authority, strictly checked; the hub reaches it on loopback too."""
    made = authority.create(tmp_path, "Kaya", NOW)
    for_broker = made.issue(HOSTS, NOW, for_broker=True)
    held = made.root.held(for_broker)
    assert held == Held(NAMES, NOW + VALID_FOR, ours=True)
    _shake_hands(tmp_path, for_broker, "hub.example.org")
    _shake_hands(tmp_path, for_broker, "2001:db8::5")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _shake_hands(tmp_path, for_broker, "other.example.org")


def test_a_pi_that_woke_up_long_ago_still_believes_its_broker(tmp_path: Path) -> None:
    """A broker's certificate begins before any clock; that of the pages no earlier than browsers allow."""
    made = authority.create(tmp_path, "Kaya", NOW)
    broker, pages = (made.issue(HOSTS, NOW, for_broker=which) for which in (True, False))
    assert _begins(broker) == datetime(1970, 1, 1, tzinfo=UTC)
    assert _begins(pages) == NOW - timedelta(days=1)


def test_an_authority_is_read_again_and_kept_from_others(tmp_path: Path) -> None:
    """Its key is its owner's alone; a second one is not made in its place."""
    made = authority.create(tmp_path, "Kaya", NOW)
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    read = authority.read(tmp_path)
    assert read.root == made.root
    assert made.root.held(read.issue(HOSTS, NOW, for_broker=True)) == Held(NAMES, NOW + VALID_FOR, ours=True)
    with pytest.raises(BadRequest, match="is there already and is not overwritten"):
        authority.create(tmp_path, "Kaya", NOW)


def test_what_another_authority_signed_is_not_ours(tmp_path: Path) -> None:
    """Even one of the same name."""
    mine = authority.create(tmp_path / "mine", "Kaya", NOW)
    other = authority.create(tmp_path / "other", "Kaya", NOW)
    held = mine.root.held(other.issue(HOSTS, NOW, for_broker=True))
    assert held == Held(NAMES, NOW + VALID_FOR, ours=False)
    (tmp_path / "mine" / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(RetryLater, match=r"ca\.key and ca\.pem do not belong together"):
        authority.read(tmp_path / "mine")


def test_an_authority_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Missing, garbled: file, reason and what to do; a server's file that is no certificate counts as none."""
    with pytest.raises(RetryLater, match=r"ca\.pem cannot be read: No such file"):
        authority.read(tmp_path)
    made = authority.create(tmp_path, "Kaya", NOW)
    assert made.root.held(None) is None
    assert made.root.held(b"no certificate") is None
    (tmp_path / "ca.key").write_bytes(b"no key")
    with pytest.raises(RetryLater, match=r"ca\.key cannot be used: .*put back your copy"):
        authority.read(tmp_path)
    (tmp_path / "ca.pem").write_bytes(b"no certificate")
    with pytest.raises(RetryLater, match=r"ca\.pem cannot be used: .*put back your copy"):
        authority.read_root(tmp_path)


def test_nothing_outlives_the_authority(tmp_path: Path) -> None:
    """A certificate ends with it at the latest."""
    made = authority.create(tmp_path, "Kaya", NOW)
    late = made.root.ends - timedelta(days=10)
    held = made.root.held(made.issue(HOSTS, late, for_broker=True))
    assert held is not None
    assert held.ends == made.root.ends


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (None, "there is none yet"),
        (Held(NAMES, NOW + VALID_FOR, ours=False), "another authority signed it"),
        (Held(NAMES - {"203.0.113.5"}, NOW + VALID_FOR, ours=True), "it does not name 203.0.113.5"),
        (Held(NAMES, NOW + RENEW_WITHIN - timedelta(seconds=1), ours=True), "it ends on 2027-04-10"),
        (Held(NAMES, NOW + RENEW_WITHIN, ours=True), None),
        (Held(NAMES | {"old.example.org"}, NOW + VALID_FOR, ours=True), None),
    ],
)
def test_a_certificate_is_due_in_time(held: Held | None, why: str | None) -> None:
    """Long before it ends, or when the hub has a new name; one that is of others, or missing, at once."""
    assert why_due(held, HOSTS, NOW) == why


def _shake_hands(directory: Path, pem: bytes, name: str) -> None:
    """Have a client meet a server in memory, as strict as OpenSSL can be."""
    (directory / "server.pem").write_bytes(pem)
    client, server = (
        ssl.create_default_context(cafile=str(directory / "ca.pem")),
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    )
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server.load_cert_chain(directory / "server.pem")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname=name)
    theirs = server.wrap_bio(up, down, server_side=True)
    for _ in range(3):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ours.version() == "TLSv1.3"


def _begins(pem: bytes) -> datetime:
    return x509.load_pem_x509_certificate(pem).not_valid_before_utc
