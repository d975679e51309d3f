"""The drawings of a kiosk, of an evening and of small pictures."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from hub.answers.day import DayAnswer
from hub.domain.charging import ToCheck
from hub.domain.presence import Freshness
from hub.pages import kiosk_charts, pictures
from hub.pages.evening import evening_of
from hub.pages.quarters import grid_of
from tests.hub.pages.days import NIGHT, SOMETIME, at, charge, day, flat, site
from tests.hub.pages.test_charts import paths, read, words

EVENING = datetime(2026, 11, 23, 20, 44, tzinfo=UTC)
HEARD = {"panel_power_w": flat(0)}


def slots(answer: DayAnswer) -> Markup:
    """Draw the slots of a day."""
    return kiosk_charts.slots(answer, grid_of(answer), "nom")


def test_each_slot_has_a_row_and_each_charge_a_bar() -> None:
    """A bar reaches from the beginning to the end of its charge, on the row of its slot."""
    drawing = slots(day(HEARD, sessions=[charge(1, at(8), at(10)), charge(3, at(12), at(13.5))]))
    assert words(drawing)[:5] == ["1", "2", "3", "4", "prise"]
    assert paths(drawing, "f-tel") == ["M132 27h24v14h-24zM180 75h18v14h-18z"]


def test_a_charge_to_check_is_dashed_and_not_filled() -> None:
    """What is to check never looks like what is counted."""
    drawing = slots(day(HEARD, sessions=[charge(1, at(8), at(10), ToCheck.CUT_BY_POWER_LOSS)]))
    assert not paths(drawing, "f-tel")
    dashed = [path for path in read(drawing).iter("path") if path.get("stroke-dasharray") == "4 3"]
    assert [path.get("d") for path in dashed] == ["M132 27h24v14h-24z"]


def test_a_charge_that_goes_on_has_an_open_end() -> None:
    """Without an end, a bar reaches to the newest data and goes on in dashes."""
    newest = datetime(2026, 11, 23, 20, 40, tzinfo=UTC)
    drawing = slots(
        day(
            {"panel_power_w": flat(0, range(82))},
            now=EVENING,
            of=site(newest=newest),
            sessions=[charge(1, at(20), None)],
        )
    )
    assert paths(drawing, "f-tel") == ["M284 27h-8v14h8"]
    assert paths(drawing, "s-tel") == ["M284 28h12M284 40h12"]


def test_a_charge_over_midnight_fills_its_part_of_the_day() -> None:
    """On a past day a charge that goes on reaches the end of the day; one from before begins with it."""
    drawing = slots(day(HEARD, sessions=[charge(1, at(23), None), charge(2, at(-2), at(1))]))
    assert paths(drawing, "f-tel") == ["M312 27h12v14h-12zM36 51h12v14h-12z"]
    assert not paths(drawing, "s-tel")


def test_a_charge_without_times_is_drawn_as_far_as_it_is_known() -> None:
    """No beginning, no bar; an end without a date is an open end; a very short one is still seen."""
    found = [charge(1, SOMETIME, at(9)), charge(2, at(9), SOMETIME), charge(3, at(9), at(9.01))]
    answer = day(of=site(newest=None, freshness=Freshness.NEVER), sessions=found)
    drawing = slots(answer)
    assert paths(drawing, "f-tel") == ["M147 51h-3v14h3M144 75h3v14h-3z"]
    assert len(kiosk_charts.drawn(answer)) == 2


def test_silence_is_dots_on_every_row_and_the_word_above() -> None:
    """Where nothing was heard, no slot is said to be free."""
    known = [q for q in range(96) if not 40 <= q < 60]
    drawing = slots(day({"panel_power_w": flat(0, known)}))
    rows, floor = paths(drawing, "v-i")
    assert rows.count("M156") == 4
    assert floor == "M156 122h60"
    assert "inconnu" in words(drawing)
    assert "inconnu" not in words(slots(day(HEARD)))


def test_a_slot_that_only_a_charge_names_gets_a_row() -> None:
    """A charge is never left out because the settings changed since."""
    assert kiosk_charts.slots_of(day(sessions=[charge(9, at(8), at(9))])) == [1, 2, 3, 4, 9]


def test_the_evening_strip_tells_states_by_shape() -> None:
    """Lit is high and framed, dark is low, unknown is dots; each is named where its name fits."""
    answer = day({"lit": flat(1, range(72, 80)) | flat(0, range(80, 90))}, now=NIGHT, of=site(freshness=Freshness.LATE))
    evening = evening_of(answer, grid_of(answer))
    assert evening is not None
    drawing = kiosk_charts.strip(evening, "nom")
    assert paths(drawing, "v-a") == paths(drawing, "v-c") == ["M36 34h96"]
    assert paths(drawing, "v-e") == ["M132 34h120"]
    assert paths(drawing, "v-i") == ["M252 34h72"]
    assert words(drawing) == ["allumé", "éteint", "inconnu", "18\u00a0h", "20\u00a0h", "22\u00a0h", "24\u00a0h"]
    short = evening_of(early := day({"lit": flat(1, range(72, 74))}, now=NIGHT), grid_of(early))
    assert short is not None
    assert "allumé" not in words(kiosk_charts.strip(short, "nom"))


def test_squares_are_numbered_and_filled_when_occupied() -> None:
    """A kiosk is shown slot by slot, eight to a line."""
    drawing = pictures.squares(tuple(range(1, 11)), (2, 10))
    root = read(drawing)
    assert (root.get("width"), root.get("height"), root.get("aria-hidden")) == ("252", "60", "true")
    assert paths(drawing, "f-tel") == ["M33 1h26v26h-26zM33 33h26v26h-26z"]
    assert paths(drawing, "s-tr")[0].count("M") == 8
    assert words(drawing) == [str(slot) for slot in range(1, 11)]


def test_a_gauge_is_filled_to_the_level() -> None:
    """The picture of a battery never overflows, and an empty one is empty."""
    assert paths(pictures.gauge(50), "f-bat") == ["M4 4h21v16h-21z"]
    assert paths(pictures.gauge(120), "f-bat") == ["M4 4h42v16h-42z"]
    assert not paths(pictures.gauge(0), "f-bat")
