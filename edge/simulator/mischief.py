"""How a simulated bus misbehaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mischief:
    """How a bus misbehaves in one exchange; the default is good manners."""

    silent: bool = False
    busy: bool = False
    delay_s: float = 0.0  # the slave works so long and hears nothing meanwhile
    late_s: float = 0.0  # the reply is held back so long while further requests are taken
    duplicate_s: float = 0.0  # so long after the reply it comes again
    previous_s: float = 0.0  # the reply to the request before comes instead, unless it is older
    echo: bool = False
    garbage: bytes = b""
    wrong_unit: bool = False
    wrong_function: bool = False
    garble: Callable[[bytes], bytes] = bytes  # what becomes of a reply on the way: bits flipped, bytes lost or added
