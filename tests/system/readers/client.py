"""What a test needs to know of a client that others wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

from tests.system.frozen import PATIENCE_S, Device, Figure, Place

Asked = Callable[[Any], Figure]
"""Asks an opened client for one figure or text, in our unit and with our sign."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What both sides know: our metric, the coarser of both resolutions, how the client is asked.

    Where the client errs, `makes` says what it makes of the true value, and `why` what is wrong with it.
    """

    metric: str
    step: float
    asked: Asked
    makes: Callable[[Any], Figure] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """One client: how it is opened at a place, and what it tells."""

    name: str
    opened: Callable[[Place], AbstractContextManager[Any]]
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A device and those who can read it."""

    device: Device
    clients: tuple[Client, ...]


@contextmanager
def lent(client: Any) -> Iterator[Any]:  # noqa: ANN401  these clients are untyped
    """Lend a client built on minimalmodbus, made patient, and close its port."""
    client.serial.timeout = PATIENCE_S
    try:
        yield client
    finally:
        client.serial.close()


def getters(**steps: tuple[str, float]) -> tuple[Quantity, ...]:
    """List quantities that the client gives by a method of that name."""
    return tuple(Quantity(metric, step, methodcaller(name)) for metric, (name, step) in steps.items())
