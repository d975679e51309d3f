"""What a simulated device has on its nameplate: that it is simulated, in words by which its family is recognised."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from edge.encodings import split
from edge.nameplate import Text
from edge.profiles import Profile
from edge.simulator.example import example

_SAYS: Mapping[str, str] = {
    "maker": "Kayasol",
    "model": "SIMULATED",
    "serial": "1",
    "built": "Jan 1 2026",
}
_VERSION, _SOMETHING = "1.00", "1"


def inscription(profile: Profile, text: Text, unit: int) -> list[int]:
    """Give the words of one line of the nameplate; raises `ValueError` when the profile's own probe takes none."""
    likes = [probe.like for probe in profile.probe if probe.nameplate == text.name]
    for words in _attempts(text, likes, unit):
        told = text.told(words)
        if told and all(re.match(like, told) for like in likes):
            return words
    raise ValueError(f"{profile.name}: nothing to write as {text.name} that is like {' and '.join(likes)}")


def _attempts(text: Text, likes: list[str], unit: int) -> Iterator[list[int]]:
    """Think of words for it, the most telling first."""
    for number in text.map:
        yield split(number, text.count)
    says = str(unit) if text.name == "address" else _SAYS.get(text.name, _VERSION)
    for said in (says, *(f"{example(like)} {says}" for like in likes), *map(example, likes), _SOMETHING):
        words = _laid(text, said)
        # What is cut off in the middle says less than the plain example.
        if words is not None and (text.form in _NUMBERS or text.told(words) == said or not likes):
            yield words


def _laid(text: Text, said: str) -> list[int] | None:
    """Lay a text into words; None when the form cannot hold it."""
    if text.form not in _NUMBERS:
        return text.laid(said)
    try:
        words = split(_NUMBERS[text.form](said), text.count)
    except (ValueError, OverflowError):
        return None
    return words[::-1] if text.form in ("number_low_first", "version_hundredths") else words


def _digits(said: str) -> int:
    return int(said.replace(".", ""))


def _pairs(said: str) -> int:
    """Read 1.02.03 as a byte for each number, the last one last."""
    number = 0
    for part in said.split("."):
        number = number << 8 | int(part)
    return number


_NUMBERS: Mapping[str, Callable[[str], int]] = {
    "number": _digits,
    "number_low_first": _digits,
    "version_bytes": _pairs,
    "version_digits": lambda said: sum(int(part) * 100**i for i, part in enumerate(reversed(said.split(".")))),
    "version_hundredths": lambda said: round(float(said) * 100),
    "bcd": lambda said: int(str(_digits(said)), 16),
    "hex": lambda said: int(said.replace(".", ""), 16),
}
