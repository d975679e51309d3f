"""What a device says of itself: model, serial number, versions as text, and its own clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from edge.encodings import Words, split, whole
from edge.registers import Table

_PRINTABLE = range(0x20, 0x7F)
CLOCK_PARTS = ("year", "month", "day", "hour", "minute", "second")
CENTURY, _TWO_DIGITS = 2000, 100


@dataclass(frozen=True, slots=True)
class Text:
    """One line of the nameplate: `count` words from `address` on, told in a form of `FORMS`."""

    name: str
    table: Table
    address: int
    count: int
    form: str
    map: Mapping[int, str] = field(default_factory=dict)
    step: int = 1
    models: tuple[int, ...] = ()
    """SunSpec: the models whose bodies have it; the address then counts from the model's id."""

    @property
    def end(self) -> int:
        """The first address behind the text."""
        return self.address + self.count * self.step

    def at(self, base: int) -> Text:
        """Give the same text of a model that begins at `base`."""
        return replace(self, address=base + self.address, models=())

    def told(self, words: Words) -> str | None:
        """Read the text; None when the device has none there."""
        if self.map:
            return self.map.get(whole(words))
        return FORMS[self.form](words)

    def laid(self, text: str) -> list[int]:
        """Lay a text into words, for simulation; what the form cannot hold is cut off."""
        if self.map:
            return split(next(iter(self.map)), self.count)
        if self.form in _TEXTS:
            return _TEXTS[self.form](text, self.count)
        # A number stands for itself where a village has no name for the thing.
        return split(int("".join(c for c in text if c.isdecimal()) or "1") % 10_000, self.count)


def placed(texts: Iterable[Text], bases: Mapping[int, int]) -> list[Text]:
    """Put the texts of SunSpec models where a device has them; what it does not have is left out."""
    found = []
    for text in texts:
        base = next((bases[model] for model in text.models if model in bases), None)
        if not text.models:
            found.append(text)
        elif base is not None:
            found.append(text.at(base))
    return found


@dataclass(frozen=True, slots=True)
class Clock:
    """The device's clock: one part a byte or a word, in the device's order, or seconds since 1970."""

    table: Table
    address: int
    form: str
    order: tuple[str, ...] = ()
    step: int = 1

    @property
    def count(self) -> int:
        """Words that the clock takes."""
        return {"bytes": len(CLOCK_PARTS) // 2, "words": len(CLOCK_PARTS), "epoch": 4}[self.form]

    @property
    def end(self) -> int:
        """The first address behind the clock."""
        return self.address + self.count * self.step

    def told(self, words: Words) -> datetime | None:
        """Read the time as the device has it, whose zone nobody knows; None when it is no time."""
        try:
            if self.form == "epoch":
                return datetime.fromtimestamp(whole(words), UTC).replace(tzinfo=None)
            parts = _bytes(words) if self.form == "bytes" else list(words)
            said = dict(zip(self.order, parts, strict=True))
            year = said["year"] + CENTURY if said["year"] < _TWO_DIGITS else said["year"]
            if year < CENTURY:
                return None
            # The parts are counted by `order`, and the zone is the device's own, which nobody knows.
            return datetime(year, *(said[part] for part in CLOCK_PARTS[1:]))  # type: ignore[arg-type]  # noqa: DTZ001
        except (ValueError, OverflowError, OSError):
            return None

    def laid(self, time: datetime) -> list[int]:
        """Lay a time into the clock's words, for simulation."""
        if self.form == "epoch":
            return split(int(time.replace(tzinfo=UTC).timestamp()), 4)
        said = {part: getattr(time, part) for part in CLOCK_PARTS} | {"year": time.year - CENTURY}
        parts = [said[part] for part in self.order]
        return parts if self.form == "words" else [parts[i] << 8 | parts[i + 1] for i in range(0, len(parts), 2)]


def _bytes(words: Words) -> list[int]:
    return [byte for word in words for byte in (word >> 8, word & 0xFF)]


def _ascii(codes: list[int]) -> str | None:
    text = "".join(chr(code) if code in _PRINTABLE else "" for code in codes if code)
    odd = sum(code not in _PRINTABLE for code in codes if code not in (0, 0xFF, 0xFFFF))
    return None if odd or not text.strip() else text.strip()


def _triple(words: Words) -> str:
    number = whole(words)
    return f"{number // 10_000}.{number // 100 % 100:02}.{number % 100:02}"


def _low_first(words: Words) -> list[int]:
    return [byte for word in words for byte in (word & 0xFF, word >> 8)]


def _number(words: Words) -> str | None:
    number = whole(words)
    return None if number == (1 << 16 * len(words)) - 1 else str(number)


FORMS: dict[str, Callable[[Words], str | None]] = {
    "ascii": lambda words: _ascii(_bytes(words)),
    "ascii_low_first": lambda words: _ascii(_low_first(words)),
    "ascii_wide": lambda words: _ascii(list(words)),
    "number": _number,
    "number_low_first": lambda words: _number(words[::-1]),
    "version_bytes": lambda words: ".".join(f"{byte:02}" for byte in _bytes(words)[-3:]),
    "version_digits": _triple,
    "version_hundredths": lambda words: ".".join(f"{word / 100:.2f}" for word in words[:1]),
    "bcd": lambda words: f"{whole(words):x}",
    "hex": lambda words: "".join(f"{word:04X}" for word in words),
}
"""How a text stands in words: characters (two a word, low byte first, or one a word), numbers, versions."""


def _packed(text: str, count: int) -> bytes:
    return text.encode("ascii", "replace")[: 2 * count].ljust(2 * count, b"\0")


_TEXTS: dict[str, Callable[[str, int], list[int]]] = {
    "ascii": lambda text, count: split(int.from_bytes(_packed(text, count), "big"), count),
    "ascii_low_first": lambda text, count: [
        low | high << 8 for low, high in zip(*(iter(_packed(text, count)),) * 2, strict=True)
    ],
    "ascii_wide": lambda text, count: list(text.encode("ascii", "replace")[:count].ljust(count, b" ")),
}
