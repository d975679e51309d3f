"""The sections of a day's page, each one question: sentence first, figures second, drawing third. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from hub.answers.day import STEP_MS, DayAnswer, Track
from hub.pages import charges, charts, french, kiosk_charts, measures
from hub.pages.evening import Evening, Light
from hub.pages.french import typeset
from hub.pages.quarters import Grid
from hub.pages.views import Fact

_CONTROLLER = "régulateur de charge"


@dataclass(frozen=True, slots=True)
class Section:
    """What is said and drawn about one question; without its drawing it loses no fact."""

    title: str
    sentence: str
    figures: list[Fact]
    unknown: str
    chart: Markup
    source: str


def power(answer: DayAnswer, grid: Grid) -> Section:
    """Compare what the panels gave with what was used."""
    panel, load = answer.tracks.get("panel_power_w"), answer.tracks.get("load_power_w")
    generated, consumed = answer.tracks.get("generated_total_kwh"), answer.tracks.get("consumed_total_kwh")
    title = "Panneaux et consommation"
    sentence = " ".join(filter(None, [measures.balance(grid, generated, consumed), measures.highest(grid, panel)]))
    figures = [measures.energy(grid, "Panneaux", generated), measures.energy(grid, "Consommation", consumed)]
    unknown = measures.unknown(grid, {"Panneaux": panel, "Consommation": load})
    label = name_of(answer, title, sentence, figures, unknown)
    return Section(
        title=title,
        sentence=sentence,
        figures=figures,
        unknown=unknown,
        chart=charts.power(answer, grid, label),
        source=measures.received(answer, grid, [panel, load, generated, consumed], _CONTROLLER),
    )


def battery(answer: DayAnswer, grid: Grid) -> Section:
    """Tell between what levels and voltages the battery was."""
    level, voltage = answer.tracks.get("soc_pct"), answer.tracks.get("battery_voltage_v")
    title = "Batterie"
    sentence = measures.lowest(grid, voltage)
    figures = [
        measures.between("Niveau estimé par le régulateur", level, "%", 0),
        measures.between("Tension mesurée", voltage, "V", 1),
    ]
    unknown = measures.unknown(grid, {"Niveau": level, "Tension": voltage})
    label = name_of(answer, title, sentence, figures, unknown)
    source = measures.received(answer, grid, [level, voltage], _CONTROLLER)
    if (scale := charts.voltage_scale(voltage)) is not None:
        low, high = scale[0], french.quantity(scale[1], "V")
        source += typeset(f" L'échelle de la tension va de {low} à {high} : elle ne part pas de zéro.")
    return Section(
        title=title,
        sentence=sentence,
        figures=figures,
        unknown=unknown,
        chart=charts.battery(answer, grid, label),
        source=source,
    )


def light(answer: DayAnswer, grid: Grid, evening: Evening) -> Section:
    """Tell when the lights were on, from 18 h to midnight."""
    title = "Éclairage du soir"
    told = []
    for state in Light:
        write = measures.hole if state is Light.UNKNOWN else measures.stretch
        spans = [write(grid, span) for light, span in evening.stretches if light is state]
        told += [f"{french.capital(state)} {french.listing(spans)}."] if spans else []
    told += [measures.NOT_ZERO] if evening.quarters(Light.UNKNOWN) else []
    sentence = typeset(" ".join(told) or f"La soirée commence à {grid.clock(evening.first)}.")
    figures = [_hours(evening)] if told else []
    label = name_of(answer, title, sentence, figures, "")
    return Section(
        title=title,
        sentence=sentence,
        figures=figures,
        unknown="",
        chart=kiosk_charts.strip(evening, label) if told else Markup(),
        source=measures.received(answer, grid, [answer.tracks.get("lit")], "circuit d'éclairage"),
    )


def kiosk(answer: DayAnswer, grid: Grid) -> Section:
    """Tell how many phones were charged, and on which slots."""
    title = "Charges de téléphones"
    slots = kiosk_charts.slots_of(answer)
    sentence = charges.used(answer, len(slots))
    ended, silent = answer.sessions.ended, grid.silent(answer)
    known = ended > 0 or not silent
    figures = [
        Fact("Charges terminées", french.number(ended) if known else "inconnu", note=charges.beside(answer),
             unknown=not known, at_least=known and bool(silent))
    ]  # fmt: skip
    unknown = measures.unknown_stretches(grid, silent)
    label = name_of(answer, title, f"{charges.summary(answer)} {sentence}", [], unknown)
    return Section(
        title=title,
        sentence=sentence,
        figures=figures,
        unknown=unknown,
        chart=kiosk_charts.slots(answer, grid, label),
        source=measures.received(answer, grid, [_widest(answer)], "kiosque de charge"),
    )


def name_of(answer: DayAnswer, title: str, sentence: str, figures: list[Fact], unknown: str) -> str:
    """Put the facts of a drawing into its one name."""
    told = [
        typeset(
            f"{fact.name} : {'au moins ' if fact.at_least else ''}{' '.join(filter(None, [fact.figure, fact.note]))}."
        )
        for fact in figures
    ]
    return " ".join(filter(None, [f"{title}, {french.day(answer.day)}.", sentence, *told, unknown]))


def _hours(evening: Evening) -> Fact:
    """Give the hours of light; at least that, when some of the evening is unknown."""
    lit, missing = evening.quarters(Light.LIT), evening.quarters(Light.UNKNOWN)
    if not lit:
        return Fact("Allumé", "inconnu", unknown=True) if missing else Fact("Allumé", french.clock(0))
    note = typeset("au quart d'heure près")
    return Fact("Allumé", french.duration(lit * STEP_MS // 1000), note=note, at_least=missing > 0)


def _widest(answer: DayAnswer) -> Track | None:
    """Choose the track that tells best for how long the site was heard: the kiosk has none of its own."""
    return max(answer.tracks.values(), key=lambda track: track.completeness, default=None)
