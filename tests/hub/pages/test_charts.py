"""The charts of power and battery: geometry that a person could check with a ruler."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from hub.answers.day import DayAnswer
from hub.domain.presence import Freshness
from hub.pages import charts, svg
from hub.pages.quarters import grid_of
from tests.hub.pages.days import NIGHT, WHOLE, Level, day, flat, site, sun, track

NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
BASE = 126
DAWN, DUSK = range(24), range(72, 96)


def read(drawing: Markup) -> ET.Element:
    """Read a drawing as XML: it must be well formed."""
    return ET.fromstring(str(drawing))  # noqa: S314  our own drawing


def paths(drawing: Markup, look: str) -> list[str]:
    """List the paths of one class."""
    return [path.get("d", "") for path in read(drawing).iter("path") if look in path.get("class", "").split()]


def words(drawing: Markup) -> list[str]:
    """List what is written on a drawing."""
    return [text.text or "" for text in read(drawing).iter("text")]


def power(answer: DayAnswer) -> Markup:
    """Draw the power of a day."""
    return charts.power(answer, grid_of(answer), "nom")


def battery(answer: DayAnswer) -> Markup:
    """Draw the battery of a day."""
    return charts.battery(answer, grid_of(answer), "nom")


def test_a_drawing_has_one_name_and_is_legible_without_style() -> None:
    """A chart is one image with one name, in whole numbers, and every shape carries its own colour."""
    drawing = charts.power(day({"panel_power_w": sun(), "load_power_w": flat(20)}), grid_of(day()), 'Dit "tout" <ici>')
    root = read(drawing)
    assert (root.get("role"), root.get("aria-label")) == ("img", 'Dit "tout" <ici>')
    shapes = [*root.iter("path"), *root.iter("circle")]
    assert all(shape.get("fill") or shape.get("stroke") for shape in shapes)
    assert not re.search(r"\d\.\d", str(drawing))
    assert " id=" not in drawing


def test_power_is_drawn_from_zero_on_a_round_scale() -> None:
    """The scale begins at 0 and ends at a round figure at or above the highest value."""
    drawing = power(day({"panel_power_w": sun(400), "load_power_w": flat(40)}))
    assert {"watts", "0", "200", "400", "0\u00a0h", "6\u00a0h", "12\u00a0h", "18\u00a0h", "24\u00a0h"} <= set(
        words(drawing)
    )
    (area,) = paths(drawing, "f-sol")
    assert area.startswith(f"M36 {BASE}")
    assert area.endswith("z")
    assert f"M36 {BASE - 10}h288" in paths(drawing, "s-enc")


def test_kilowatts_are_told_as_such() -> None:
    """From 1000 W the scale counts in kilowatts, with a decimal only where it says something."""
    assert {"kilowatts", "3", "1,5", "0"} <= set(words(power(day({"panel_power_w": sun(2800)}))))


@pytest.mark.parametrize(("most", "top"), [(0, 10), (11, 15), (418, 500), (1000, 1000), (1001, 1500), (9_999, 10_000)])
def test_scales_end_at_round_figures(most: float, top: float) -> None:
    """A scale ends at the next round figure, and is never tiny."""
    assert charts.scale_top(most) == pytest.approx(top)


def test_a_hole_is_dots_and_a_word_and_never_joined() -> None:
    """Around a hole there are two areas and two lines; the hole itself is dots on the floor and says what it is."""
    known = [q for q in WHOLE if not 40 <= q < 70]
    answer = day({"panel_power_w": {q: sun()[q] for q in known}, "load_power_w": flat(20, known)})
    drawing = power(answer)
    (area,) = paths(drawing, "f-sol")
    assert area.count("M") == area.count("z") == 2
    assert paths(drawing, "v-i") == [f"M{36 + 40 * 3} {BASE}h{30 * 3}"]
    assert words(drawing).count("inconnu") == 1
    assert [path for path in paths(drawing, "s-tr") if path.endswith(f"{BASE}h78")], "the floor stops at the hole"


def test_a_day_without_data_is_unknown_from_end_to_end() -> None:
    """Without data the whole day is dots and the word; no scale pretends to measure anything."""
    answer = day()
    for drawing in (power(answer), battery(answer)):
        assert paths(drawing, "v-i")[-1].endswith("h288")
        assert "inconnu" in words(drawing)
        assert not paths(drawing, "f-sol")
    assert "5" not in words(power(answer))
    assert "12" not in words(battery(answer))


def test_what_is_to_come_is_blank_and_the_present_is_a_sun() -> None:
    """Today stops where it has come to, under a small sun; a past day has none."""
    drawing = power(day({"panel_power_w": flat(0, range(50))}, now=NOON))
    assert [circle.get("cx") for circle in read(drawing).iter("circle")] == [str(36 + 150)]
    assert not list(read(power(day())).iter("circle"))
    assert "h138" in paths(drawing, "s-tr")[-1] or paths(drawing, "v-i") == [f"M36 {BASE}h150"]


def test_labels_name_what_is_drawn_where_there_is_room() -> None:
    """The area is named inside itself when it can be; the load is named over a stretch that it tops."""
    drawing = power(day({"panel_power_w": sun(400), "load_power_w": flat(30)}))
    inside = [text for text in read(drawing).iter("text") if text.get("class") == "sur"]
    assert [text.text for text in inside] == ["panneaux"]
    assert "consommation" in words(drawing)


def test_a_narrow_area_is_named_above_with_a_leader() -> None:
    """A peak too narrow for its name gets it above, or a thin line leads there."""
    peak: dict[int, Level] = {**flat(0), **flat(300, range(46, 50)), **flat(280, range(44, 46))}
    drawing = power(day({"panel_power_w": peak, "load_power_w": flat(100)}))
    assert "panneaux" in words(drawing)
    assert not [text for text in read(drawing).iter("text") if text.get("class") == "sur"]


def test_words_that_find_no_room_are_left_out() -> None:
    """A night without sun names no panels, and a name that would cover the unit is not squeezed in."""
    answer = day({"panel_power_w": flat(0), "load_power_w": flat(100, range(4))}, now=NOON)
    assert not {"panneaux", "consommation"} & set(words(power(answer)))


def test_the_battery_shows_level_from_zero_and_voltage_as_a_band() -> None:
    """The level has the scale 0 to 100; the voltage is a band on whole volts around what was measured."""
    drawing = battery(day({"soc_pct": flat(50), "battery_voltage_v": flat((12.2, 13.4))}))
    assert {"niveau estimé, en\u00a0%", "tension, en volts", "0", "50", "100", "12", "14"} <= set(words(drawing))
    assert paths(drawing, "s-bat") == ["M36 55h288"]
    (band,) = paths(drawing, "f-bat")
    assert band == "M36 138h288v39h-288z"


@pytest.mark.parametrize(
    ("least", "most", "scale"),
    [(12.2, 13.4, (12, 14)), (12.2, 12.4, (12, 14)), (11.9, 14.4, (11, 15)), (25, 29.1, (25, 30))],
)
def test_voltage_scales(least: float, most: float, scale: tuple[int, int]) -> None:
    """A voltage scale has whole volts at its ends, at least two apart."""
    assert charts.voltage_scale(track("battery_voltage_v", {0: (least, most)}, start=NIGHT)) == scale


def test_no_voltage_has_no_scale() -> None:
    """Without a voltage there is nothing to scale."""
    assert charts.voltage_scale(None) is None
    assert charts.voltage_scale(track("battery_voltage_v", {}, start=NIGHT)) is None


def test_level_and_voltage_may_be_unknown_at_different_times() -> None:
    """Each panel has its own holes, and each says so."""
    answer = day({"soc_pct": flat(50, range(60)), "battery_voltage_v": flat(12.5, range(30, 96))})
    drawing = battery(answer)
    assert paths(drawing, "v-i") == ["M216 88h108", "M36 184h90"]
    assert words(drawing).count("inconnu") == 2


def test_a_long_day_fits_the_same_window() -> None:
    """A day of 25 hours is as wide as any other."""
    paris = site(zone="Europe/Paris", freshness=Freshness.CURRENT)
    answer = day({"panel_power_w": flat(10, range(100))}, on=datetime(2026, 10, 25, tzinfo=UTC).date(), of=paris)
    assert paths(power(answer), "f-sol")[0].startswith(f"M36 {BASE}v-")
    assert "h288" in paths(power(answer), "s-li")[0]


def test_small_pieces() -> None:
    """Paths go on in relative moves, joined while level; an empty path draws nothing."""
    assert svg.line([(0, 9), (3, 9), (6, 9), (6, 4), (9, 2)]) == "M0 9h6v-5l3 -2"
    assert svg.path("sun", "") == ""
    assert svg.strokes(7, [(1, 4), (8, 9)]) == "M1 7h3M8 7h1"
