"""Where labels find room."""

from __future__ import annotations

from hub.pages import labels
from hub.pages.labels import Spot
from hub.pages.quarters import grid_of
from tests.hub.pages.days import WHOLE, day

FLOOR = [126] * 96


def test_words_stand_right_above_what_they_name() -> None:
    """On empty ground a label stands at its target, centred, a little above."""
    spot = labels.above("inconnu", {48: 126}, FLOOR, ceiling=22)
    assert spot is not None
    assert (spot.y, spot.target) == (121, (48, 126))
    assert abs(spot.middle(grid_of(day())) - (labels.LEFT + 48 * 3)) <= 3


def test_words_clear_what_is_drawn() -> None:
    """A label rises above everything it covers, or moves aside when that is nearer."""
    tops = [126] * 40 + [60] * 20 + [126] * 36
    spot = labels.above("inconnu", {38: 126}, tops, ceiling=0)
    assert spot is not None
    assert (spot.y, spot.quarters.stop) == (121, 40)


def test_words_keep_apart_from_other_words() -> None:
    """A label does not stand where another one is."""
    other = Spot(range(30, 45), 118)
    spot = labels.above("panneaux", {48: 126}, FLOOR, ceiling=0, taken=[other])
    assert spot is not None
    assert spot.clears(other)
    assert Spot(range(30, 45), 90).clears(other)


def test_words_without_room_are_left_out() -> None:
    """A label that would leave the drawing, or names nothing, is not written."""
    assert labels.above("inconnu", {48: 126}, [30] * 96, ceiling=22) is None
    assert labels.above("inconnu", {}, FLOOR, ceiling=22) is None
    assert labels.above("inconnu", {5: 126}, FLOOR[:10], ceiling=22) is None


def test_words_within_an_area_take_the_place_with_most_room() -> None:
    """Inside an area a label stands between its edge and what lies under it."""
    tops = {q: 40 if 30 <= q < 70 else 120 for q in WHOLE}
    spot = labels.within("panneaux", tops, dict.fromkeys(WHOLE, 110))
    assert spot is not None
    assert spot.quarters.start >= 30
    assert spot.quarters.stop <= 70
    assert 40 + labels.TALL < spot.y < 110


def test_an_area_too_flat_or_too_narrow_takes_no_words() -> None:
    """A label inside an area never touches its edge."""
    assert labels.within("panneaux", dict.fromkeys(WHOLE, 100), dict.fromkeys(WHOLE, 110)) is None
    assert labels.within("panneaux", dict.fromkeys(range(10), 10), dict.fromkeys(range(10), 110)) is None
