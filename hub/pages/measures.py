"""What pages say of tracks: figures, their gaps, their completeness and where they come from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.answers.day import DayAnswer, Track, counted
from hub.answers.times import to_ms
from hub.pages import french
from hub.pages.french import typeset
from hub.pages.quarters import Grid
from hub.pages.views import Fact

NOT_ZERO = "Ce n'est pas zéro."
_HOLES_MAX = 3
_PART = 0.01
"""Energies closer than this, in kWh, read the same."""


def energy(grid: Grid, name: str, track: Track | None) -> Fact:
    """Give the energy of the day as the controller counted it; at least that, when the end of the day is missing."""
    kwh = counted(track)
    if kwh is None:
        return Fact(name, "inconnu", unknown=True)
    return Fact(name, french.energy(kwh), at_least=_cut_short(grid, track))


def between(name: str, track: Track | None, unit: str, decimals: int) -> Fact:
    """Give the least and the most that was measured."""
    if track is None or track.least is None or track.most is None:
        return Fact(name, "inconnu", unknown=True)
    least, most = french.number(track.least, decimals), french.quantity(track.most, unit, decimals)
    return Fact(name, most if most.startswith(f"{least}{french.NBSP}") else f"{least} à {most}")


def balance(grid: Grid, generated: Track | None, consumed: Track | None) -> str:
    """Compare what came from the panels with what was used."""
    given, taken = counted(generated), counted(consumed)
    if given is None and taken is None:
        return typeset("L'énergie de ce jour est inconnue.")
    if given is None or taken is None:
        return typeset("L'énergie de ce jour n'est connue qu'en partie.")
    cut_short = _cut_short(grid, generated) or _cut_short(grid, consumed)
    head = "D'après les données reçues, les" if cut_short else "Depuis minuit, les" if grid.today else "Les"
    if abs(given - taken) < _PART:
        return typeset(f"{head} panneaux ont fourni autant d'énergie que le site en a consommé.")
    word = "plus" if given > taken else "moins"
    return typeset(f"{head} panneaux ont fourni {word} d'énergie que le site n'en a consommé.")


def highest(grid: Grid, track: Track | None) -> str:
    """Say when the most was measured; nothing of a day without sun."""
    if track is None or not track.most:
        return ""
    at = next(quarter for quarter, bucket in grid.known(track).items() if bucket.most == track.most)
    return typeset(f"Puissance la plus forte des panneaux : {french.quantity(track.most, 'W')} vers {grid.clock(at)}.")


def lowest(grid: Grid, track: Track | None) -> str:
    """Say when the lowest voltage was measured."""
    if track is None or track.least is None:
        return typeset("La tension de ce jour est inconnue.")
    at = next(quarter for quarter, bucket in grid.known(track).items() if bucket.least == track.least)
    return typeset(
        f"La tension la plus basse, {french.quantity(track.least, 'V', 1)}, a été mesurée vers {grid.clock(at)}."
    )


def unknown(grid: Grid, tracks: Mapping[str, Track | None]) -> str:
    """Say when nothing is known, once for all tracks when they agree."""
    holes = {name: _when(grid, grid.holes(track)) for name, track in tracks.items()}
    told = set(holes.values())
    if told == {""}:
        return ""
    if len(told) == 1:
        return unknown_stretches(grid, grid.holes(*tracks.values()))
    lines = [f"{name} : inconnu {when}." for name, when in holes.items() if when]
    return typeset(" ".join([*lines, NOT_ZERO]))


def unknown_stretches(grid: Grid, holes: Sequence[range]) -> str:
    """Say when nothing at all was heard."""
    return typeset(f"Inconnu {_when(grid, holes)} : rien n'a été reçu. {NOT_ZERO}") if holes else ""


def received(answer: DayAnswer, grid: Grid, tracks: Sequence[Track | None], origin: str) -> str:
    """Say how complete the data are, until when, and what measured them."""
    shares = sorted({track.completeness if track is not None else 0.0 for track in tracks})
    ends = [max(known) + 1 for track in tracks if (known := grid.known(track))]
    parts = [f"{french.share(share)}" for share in (shares[0], shares[-1])]
    told = parts[0] if parts[0] == parts[1] else f"de {parts[0]} à {parts[1]}"
    until = ""
    if ends:
        end_ms = min(grid.until_ms, grid.start_of(max(ends)))
        if grid.today and answer.site.newest_at is not None:
            end_ms = min(end_ms, to_ms(answer.site.newest_at))
        until = f", jusqu'à {grid.hour(end_ms)}"
    return typeset(f"Données reçues : {told}{until}. Source : {origin}.")


def stretch(grid: Grid, quarters: range) -> str:
    """Write from when to when."""
    return f"de {grid.clock(quarters.start)} à {grid.clock(quarters.stop)}"


def hole(grid: Grid, quarters: range) -> str:
    """Write from when to when nothing is known; what is unknown today is so until now."""
    if grid.today and quarters.stop == grid.elapsed:
        return f"de {grid.clock(quarters.start)} à {grid.hour(grid.until_ms)}"
    return stretch(grid, quarters)


def _when(grid: Grid, holes: Sequence[range]) -> str:
    written = [hole(grid, quarters) for quarters in holes[:_HOLES_MAX]]
    if len(holes) > _HOLES_MAX:
        written.append(f"{len(holes) - _HOLES_MAX} autres fois")
    return french.listing(written)


def _cut_short(grid: Grid, track: Track | None) -> bool:
    """Say whether the end of what has passed of the day is unknown, so that a counter may have gone further."""
    holes = grid.holes(track)
    return bool(holes) and holes[-1].stop == grid.elapsed
