"""What benchmarks need around the thing they measure: a broker with and without TLS, a hub, a certificate."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from demo.processes import Processes, free_port, wait_for_port


@dataclass(frozen=True, slots=True)
class World:
    """A running broker and hub; `tls_port` is the side that is measured, `plain_port` the hub's own."""

    directory: Path
    tls_port: int
    plain_port: int
    ca_file: Path
    processes: Processes

    def enrol(self, site_yaml: Path) -> None:
        """Make a site known to the hub."""
        command = [sys.executable, "-m", "hub", "--config", str(self.directory / "hub.yaml"), "site", "add"]
        subprocess.run([*command, str(site_yaml)], check=True, capture_output=True)

    def start_hub(self) -> None:
        """Start the ingest and wait until it listens."""
        command = [sys.executable, "-m", "hub", "--config", str(self.directory / "hub.yaml"), "ingest"]
        self.processes.start("hub", command)
        log = self.directory / "hub.log"
        while "connected to the broker" not in log.read_text("utf-8"):
            self.processes.check()
            time.sleep(0.05)


@contextmanager
def world() -> Iterator[World]:
    """Start a broker in a folder of its own, and end everything afterwards."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kayasol-bench-")))
        directory.chmod(0o755)
        processes = stack.enter_context(Processes(directory))
        ca_file = certificate(directory)
        tls_port, plain_port = free_port(), free_port()
        processes.start("broker", _mosquitto(directory, tls_port, plain_port))
        wait_for_port(plain_port, processes)
        (directory / "hub.yaml").write_text(
            f"database: sqlite:///{directory}/ledger.db\nbroker: {{tcp_port: {plain_port}}}\n", "utf-8"
        )
        yield World(directory, tls_port, plain_port, ca_file, processes)


def certificate(directory: Path, address: str = "127.0.0.1") -> Path:
    """Make a certificate for an address (ECDSA P-256), signed by itself; returns the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.now(UTC)  # noqa: TID251  a certificate has dates
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "broker.crt").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (directory / "broker.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "broker.crt"


def _mosquitto(directory: Path, tls_port: int, plain_port: int) -> Sequence[str]:
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if found is None:
        raise SystemExit("mosquitto is not installed: apt-get install mosquitto")
    config = directory / "mosquitto.conf"
    config.write_text(
        f"""\
user root
per_listener_settings false
allow_anonymous true
listener {plain_port} 127.0.0.1
listener {tls_port} 127.0.0.1
certfile {directory}/broker.crt
keyfile {directory}/broker.key
""",
        "utf-8",
    )
    return [found, "-c", str(config)]
