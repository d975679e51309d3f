"""What the page of a site says of one day, and which days are beside it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from hub.answers.day import DayAnswer
from hub.pages import charges, french, kiosk_charts, sections
from hub.pages.evening import evening_of
from hub.pages.french import typeset
from hub.pages.quarters import Grid, grid_of


@dataclass(frozen=True, slots=True)
class Link:
    """Another day of the same site."""

    words: str
    day: str
    href: str


@dataclass(frozen=True, slots=True)
class DayView:
    """A day of a site; `summary` names the table of its charges."""

    title: str
    period: str
    links: list[Link]
    sections: list[sections.Section]
    summary: str
    charges: list[charges.Charge]


def day_view(answer: DayAnswer) -> DayView:
    """Say what is known of the day and what is not."""
    grid = grid_of(answer)
    evening = evening_of(answer, grid)
    told = [sections.power(answer, grid), sections.battery(answer, grid)]
    told += [sections.light(answer, grid, evening)] if evening is not None else []
    told += [sections.kiosk(answer, grid)] if kiosk_charts.slots_of(answer) else []
    start, end = french.clock(0), grid.hour(grid.until_ms)
    today = f"Aujourd'hui, de {start} à {end} : un petit soleil marque cette heure."
    return DayView(
        title=french.capital(french.day(answer.day, year=True)),
        period=typeset(today if grid.today else f"De {start} à {end}."),
        links=_links(answer, grid),
        sections=told,
        summary=charges.summary(answer),
        charges=charges.charge_rows(answer, grid),
    )


def _links(answer: DayAnswer, grid: Grid) -> list[Link]:
    here = f"/sites/{answer.site.site}"

    def link(words: str, day: date) -> Link:
        return Link(words, french.day(day), f"{here}?jour={day.isoformat()}")

    links = [link("Veille", answer.day - timedelta(days=1))]
    if not grid.today:
        links += [link("Lendemain", answer.day + timedelta(days=1)), Link(typeset("Aujourd'hui"), "", here)]
    return links
