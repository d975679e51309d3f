"""The serial ports of this machine, each once, by the name that stays when other adapters are plugged in or pulled.

Left out are ports without hardware behind them and the ports on which the system itself talks.
"""

from __future__ import annotations

from pathlib import Path

_NAMES = (
    "dev/serial/by-path/*",
    "dev/serial/by-id/*",
    "dev/serial0",
    "dev/serial1",
    "dev/ttyAMA*",
    "dev/ttyUSB*",
    "dev/ttyACM*",
    "dev/ttyS*",
)
"""Best first: where it is plugged in, then which adapter it is, then whatever the kernel called it today."""
_NO_HARDWARE = "0"


def serial_ports(root: Path = Path("/")) -> list[str]:
    """List the names of the ports; `root` is where `dev` and `sys` are."""
    talking = _consoles(root)
    found: dict[Path, str] = {}
    for pattern in _NAMES:
        for path in sorted(root.glob(pattern)):
            device = path.resolve()
            if device.exists() and device.name not in talking and _real(root, device.name):
                found.setdefault(device, str(path))
    return list(found.values())


def _consoles(root: Path) -> set[str]:
    """Name the ports on which the kernel says what it does: a question there could be taken for a login."""
    return set(_read(root / "sys/class/tty/console/active").split())


def _real(root: Path, device: str) -> bool:
    """Say whether there is hardware; the kernel makes some names, ttyS0 to ttyS3, whether there is or not."""
    return not device.startswith("ttyS") or _read(root / "sys/class/tty" / device / "type") not in ("", _NO_HARDWARE)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
