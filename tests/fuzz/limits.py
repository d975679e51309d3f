"""What one case may cost: time and memory, enforced where it runs, so that a bomb ends a case and not the machine."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CPU_S = 2.0
"""CPU time of one case, as the process counts it: a busy machine breaks nothing."""

GROWTH_BYTES = 64 * 2**20
"""How much more memory a process may ever have used because of a case."""

ADDRESS_BYTES = 2**30
"""How much more address space a process gets; what asks for more is refused by the system."""


class TooLong(BaseException):
    """A case took more than `CPU_S`; nothing that is fuzzed catches it."""


class TooBig(Exception):
    """A case made the process grow by more than `GROWTH_BYTES`."""


def confine() -> None:
    """Let this process, for as long as it lives, have little more address space than it has now."""
    resource.setrlimit(resource.RLIMIT_AS, (_most_bytes(), resource.getrlimit(resource.RLIMIT_AS)[1]))


@contextmanager
def confined() -> Iterator[None]:
    """Let what is done inside have little more address space than there is now."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    confine()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def limited(cpu_s: float = CPU_S, growth_bytes: int = GROWTH_BYTES) -> Iterator[None]:
    """Hold what is done inside to its limits; raises `TooLong` or `TooBig`."""
    before = _peak_bytes()
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    grown = _peak_bytes() - before
    if grown > growth_bytes:
        raise TooBig(f"the process grew by {grown / 2**20:.0f} MiB, at most {growth_bytes / 2**20:.0f} are allowed")


def _most_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize() + ADDRESS_BYTES


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _stop(*_: object) -> None:
    raise TooLong("more CPU time than a case may take")
