"""The hub's own certificate authority; sole importer of cryptography.

A broker's certificate begins in 1970: a Pi without a clock chip may wake up weeks back, or at the beginning of time,
and must reach its hub to learn better. That of the pages begins yesterday, for some browsers take none that is valid
for more than 825 days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.broker.renewal import VALID_FOR, Held, named
from hub.errors import RetryLater
from hub.io.files import PRIVATE, PUBLIC, make_folder, read_whole, write_new

KEY, ROOT = "ca.key", "ca.pem"
ROOT_VALID_FOR = timedelta(days=30 * 365)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MARGIN = timedelta(days=1)
_ADVICE = "run this as the user who set the hub up, mostly root"


@dataclass(frozen=True, slots=True)
class Root:
    """What sites trust: the authority without its key, which may be kept elsewhere."""

    certificate: x509.Certificate

    @property
    def ends(self) -> datetime:
        """Say until when sites can trust it."""
        return self.certificate.not_valid_after_utc

    def held(self, pem: bytes | None) -> Held | None:
        """Say what a server's PEM tells of itself; None when there is none, or none that can be read."""
        if pem is None:
            return None
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, x509.ExtensionNotFound):
            return None
        hosts = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
        return Held(frozenset(hosts), certificate.not_valid_after_utc, self._signed(certificate))

    def _signed(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Authority:
    """A root and the key that signs in its name."""

    key: ec.EllipticCurvePrivateKey
    root: Root

    def issue(self, hosts: Iterable[str], now: datetime, *, for_broker: bool) -> bytes:
        """Make a new key and its certificate for a server with these names, in one PEM."""
        names = named(hosts)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0][:64]))
            .issuer_name(self.root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(BEGINNING if for_broker else now - _MARGIN)
            .not_valid_after(min(now + VALID_FOR, self.root.ends))
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return _key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM)


def create(directory: Path, name: str, now: datetime) -> Authority:
    """Make an authority in a folder; raises `BadRequest` when one is there, for a new one would shut every site out."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{name} site authority")
    root = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGINNING)
        .not_valid_after(now + ROOT_VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    make_folder(directory, 0o755)
    write_new(directory / KEY, _key_pem(key), PRIVATE)
    write_new(directory / ROOT, root.public_bytes(serialization.Encoding.PEM), PUBLIC)
    return Authority(key, Root(root))


def read(directory: Path) -> Authority:
    """Open the authority in a folder; raises `RetryLater` in a sentence."""
    root, key_pem = read_root(directory), read_whole(directory / KEY, _ADVICE)
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise RetryLater(f"{directory / KEY} cannot be used: {error}; put back your copy of it") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.certificate.public_key():
        raise RetryLater(f"{directory / KEY} and {ROOT} do not belong together; put back your copy of both")
    return Authority(key, root)


def read_root(directory: Path) -> Root:
    """Read what sites trust; raises `RetryLater` in a sentence."""
    pem = read_whole(directory / ROOT, _ADVICE)
    try:
        return Root(x509.load_pem_x509_certificate(pem))
    except ValueError as error:
        raise RetryLater(f"{directory / ROOT} cannot be used: {error}; put back your copy of it") from error


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
