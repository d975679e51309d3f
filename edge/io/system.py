"""The Pi itself: clocks, boot id, temperatures, space, signals to systemd. The edge reads no clock elsewhere."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from edge.clock import Instant

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MEMORY = Path("/proc/meminfo")
_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")
_RTC = Path("/sys/class/rtc")
_ASK_EVERY_S = 10.0
_JUMP_S = 0.5
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class SystemClock:
    """The clocks of this machine.

    Whether the wall clock is synchronised is asked every ten seconds, and whenever that clock was set: to set it ends
    its being synchronised. The chip, if there is one, is read as often, and only while the wall clock is not.
    """

    def __init__(self, chips: Path = _RTC) -> None:
        self.boot_id = _BOOT_ID.read_text("ascii").strip()
        self._chips = chips
        self._synced = False
        self._asked_s = -1e9
        self._offset_s = 0.0

    def now(self) -> Instant:
        """Read them all at once."""
        uptime_s, utc = time.clock_gettime(time.CLOCK_BOOTTIME), utc_now()
        offset_s = utc.timestamp() - uptime_s
        rtc = None
        if uptime_s - self._asked_s > _ASK_EVERY_S or abs(offset_s - self._offset_s) > _JUMP_S:
            self._asked_s, self._synced = uptime_s, _clock_is_synced()
            rtc = None if self._synced else chip_time(self._chips)
        self._offset_s = offset_s
        return Instant(uptime_s, utc, self._synced, rtc)


def utc_now() -> datetime:
    """Read the wall clock."""
    return datetime.now(UTC)  # noqa: TID251  the one place


def chip_time(chips: Path) -> datetime | None:
    """Read the first clock chip of this machine, to the second; None when it has none, or one that does not answer.

    The kernel names only real chips here: fake-hwclock, which merely remembers when it was last asked, is none.
    """
    for chip in sorted(chips.glob("rtc*")):
        try:
            return datetime.fromtimestamp(int((chip / "since_epoch").read_text("ascii")), UTC)
        except (OSError, ValueError, OverflowError):
            continue
    return None


def notify(message: str) -> None:
    """Tell systemd `READY=1`, `WATCHDOG=1` or `STOPPING=1`; silent when it did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.sendto(message.encode(), address.replace("@", "\0", 1))


class SystemProbe:
    """A `Probe` of this machine; the space is that of the outbox's file system."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def readings(self) -> Mapping[str, int | None]:
        """See `Probe.readings`."""
        return {
            "cpu_temp_c": _cpu_temp_tenths(),
            "memory_free_mb": _memory_free_mb(),
            "disk_free_mb": shutil.disk_usage(self._directory).free // 2**20,
        }


def _cpu_temp_tenths() -> int | None:
    try:
        return int(_TEMPERATURE.read_text("ascii")) // 100
    except (OSError, ValueError):  # a machine without that sensor
        return None


def _memory_free_mb() -> int | None:
    for line in _MEMORY.read_text("ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return None


def _clock_is_synced() -> bool:
    """Ask the kernel, which every time daemon tells (adjtimex(2))."""
    buffer = ctypes.create_string_buffer(512)  # struct timex, all zero: read only
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    return bool(0 <= state < _TIME_ERROR)
