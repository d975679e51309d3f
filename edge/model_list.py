"""Where a SunSpec device has its models, as far as captured reads tell. Pure.

The agent walks a device's list itself (see `sunspec`); a capture shows some of that walk, or a body without any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.decoding import Told
from edge.profiles import Model, Profile
from edge.readplan import Block
from edge.sunspec import END, HEADER, MARKER

_IDS = (
    range(1, 20), range(101, 161), range(201, 221), range(302, 309), range(401, 405), range(501, 503), range(601, 602),
    range(701, 716), range(801, 810), range(64_001, 65_535),
)  # fmt: skip
"""Numbers that models have: the alliance's, and the makers'."""
_LENGTH_MAX = 1000
_PANEL_INPUTS, _PANEL_INPUT, _PANEL_INPUTS_HEAD = 160, 20, 8
"""Model 160 grows by so many words with each input."""
_BODY_LEAST = 40
"""Shorter bodies are as long as those of models that nobody reads here, so their length does not tell what they are."""


class ModelList:
    """The list of one device: `bases` tells for each model found where its id stands."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._ends: dict[int, int] = {}
        self.bases: dict[int, int] = {}

    def learn(self, block: Block, words: Sequence[int]) -> Iterator[Told]:
        """Learn from the list itself, or from a body as long as only one kind is; say what the list says."""
        address = block.address
        if tuple(words[:HEADER]) == MARKER:
            self.bases.clear()
            yield Told("sunspec_marker", address)
            address, words = address + HEADER, words[HEADER:]
        if not self._is_header(words):
            if address == block.address:
                self._guess(address, words)
            return
        while self._is_header(words):
            if words[0] == END:
                yield Told("sunspec_end", address)
                return
            if self._within(address):
                if not self._known(words[0]):
                    return  # two words of a body, rather than a header of a model that nobody reads here
                self.bases.clear()  # it overrules what stood here: another device's list
            self._put(words[0], address, words[1])
            yield Told(f"sunspec_model_{words[0]}", address)
            address, words = address + HEADER + words[1], words[HEADER + words[1] :]

    def _guess(self, address: int, words: Sequence[int]) -> None:
        """Take words for the body of the only model that is so long, unless the list says what they are."""
        if any(base + HEADER == address for base in self.bases.values()):
            return
        alike = self._as_long_as(len(words))
        within = self._within(address)
        if len(alike) != 1 or (within and len(words) != alike[0].length):
            return
        if within:
            self.bases.clear()
        for model in alike[0].ids:
            self._put(model, address - HEADER, len(words))

    def _within(self, address: int) -> bool:
        """Say whether the list has a model here already."""
        return any(base < address < self._ends[model] for model, base in self.bases.items())

    def _known(self, number: int) -> Model | None:
        return next((model for model in self._profile.models if number in model.ids), None)

    def _as_long_as(self, length: int) -> list[Model]:
        """List the models whose body is so long, or nearly, where that says anything."""
        if length < _BODY_LEAST:
            return []
        models = self._profile.models
        return [one for one in models if one.length == length] or [one for one in models if length in _near(one.length)]

    def _put(self, model: int, address: int, length: int) -> None:
        self.bases[model] = address
        self._ends[model] = address + HEADER + length

    def _is_header(self, words: Sequence[int]) -> bool:
        """Tell whether a model begins here: its id and a length that it may have, alone or with its whole body."""
        if len(words) < HEADER:
            return False
        model, length = words[:HEADER]
        if model == END:
            return length == 0 and len(words) == HEADER
        known = self._known(model)
        if known is None or not known.length:
            alone = any(model in numbers for numbers in _IDS) and 0 < length <= _LENGTH_MAX
            return alone and len(words) == HEADER
        inputs = model == _PANEL_INPUTS and length % _PANEL_INPUT == _PANEL_INPUTS_HEAD
        fits = len(words) == HEADER or len(words) >= HEADER + length
        return fits and (inputs or length in _near(known.length))


def _near(length: int) -> range:
    """List the lengths that one model has on different devices: some makers leave the last word out."""
    return range(length - 1, length + 2)
