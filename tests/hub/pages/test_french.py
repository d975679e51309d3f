"""French as it is printed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hub.pages import french

NOW = datetime(2026, 11, 23, 8, 44, tzinfo=UTC)


def shown(text: str) -> str:
    """Show the spaces that never break: _ wide, ~ narrow."""
    return text.replace("\u00a0", "_").replace("\u202f", "~")


def test_typeset_keeps_marks_with_their_words() -> None:
    """Marks, quotes and apostrophes are set as French sets them."""
    written = shown(french.typeset("Qu'est-ce : « rien » ; oui ! non ?"))
    assert written == "Qu\u2019est-ce_: «_rien_»~; oui~! non~?"


def test_a_sentence_begins_with_a_capital() -> None:
    """The first letter is raised, accents included, and nothing is a valid text."""
    assert [french.capital(text) for text in ("éteint de 8 h", "")] == ["Éteint de 8 h", ""]


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [(0, 0, "0"), (12_500, 0, "12~500"), (1_250_000, 0, "1~250~000"), (13.14, 1, "13,1"), (-0.04, 1, "0,0"),
     (-3.5, 1, "\u22123,5"), (999.96, 1, "1~000,0")],
)  # fmt: skip
def test_numbers(value: float, decimals: int, written: str) -> None:
    """A number has a decimal comma, narrow spaces between thousands and a true minus; minus zero is zero."""
    assert shown(french.number(value, decimals)) == written


def test_amounts_and_quantities_never_break() -> None:
    """A figure stays with its unit."""
    assert shown(french.amount(12_500)) == "12~500_F~CFA"
    assert shown(french.quantity(412.4, "W")) == "412_W"


@pytest.mark.parametrize(("kwh", "written"), [(1.844, "1,84_kWh"), (18.44, "18,4_kWh"), (184.4, "184_kWh")])
def test_energies_have_about_three_digits(kwh: float, written: str) -> None:
    """A small energy shows its hundredths, a large one does not."""
    assert shown(french.energy(kwh)) == written


@pytest.mark.parametrize(
    ("fraction", "written"),
    [(0, "0_%"), (0.004, "moins de_1_%"), (0.29, "29_%"), (0.9999, "99_%"), (1, "100_%")],
)
def test_shares_never_claim_all(fraction: float, written: str) -> None:
    """What is not all there never reads 100 %, and what is there never reads 0 %."""
    assert shown(french.share(fraction)) == written


def test_plural_begins_at_two() -> None:
    """Zero and one are singular in French."""
    assert [french.plural(count, "prise", "prises") for count in (0, 1, 2)] == ["0 prise", "1 prise", "2 prises"]


@pytest.mark.parametrize(
    ("words", "written"), [([], ""), (["1"], "1"), (["1", "4"], "1 et 4"), (["1", "4", "6"], "1, 4 et 6")]
)
def test_listings(words: list[str], written: str) -> None:
    """A list reads as one speaks."""
    assert french.listing(words) == written


def test_dates() -> None:
    """A date names its day; the first of a month is « 1er », and the year comes on request."""
    assert shown(french.day(date(2026, 11, 23))) == "lundi 23_novembre"
    assert shown(french.day(date(2027, 2, 1), year=True)) == "lundi 1er_février_2027"


def test_moments_name_the_year_only_when_it_is_another() -> None:
    """A moment of this year needs no year; one of last year does."""
    assert shown(french.moment(datetime(2026, 3, 9, 15, 40, tzinfo=UTC), NOW)) == "lundi 9_mars à_15_h_40"
    assert shown(french.moment(datetime(2025, 3, 9, 8, 0, tzinfo=UTC), NOW)) == "dimanche 9_mars_2025 à_8_h"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (59, "moins d\u2019une_minute"),
        (60, "1_min"),
        (3599, "59_min"),
        (3600, "1_h"),
        (7500, "2_h_05"),
        (95_000, "26_h_23"),
    ],
)
def test_durations(seconds: float, written: str) -> None:
    """A duration is told in hours and minutes, rounded down."""
    assert shown(french.duration(seconds)) == written


@pytest.mark.parametrize(
    ("age", "written"),
    [
        (timedelta(seconds=-90), "il y a moins d\u2019une_minute (lundi 23_novembre à_8_h_45)"),
        (timedelta(minutes=4), "il y a 4_min (lundi 23_novembre à_8_h_40)"),
        (timedelta(hours=3, minutes=4), "il y a 3_h (lundi 23_novembre à_5_h_40)"),
        (timedelta(days=1), "il y a 1_jour (dimanche 22_novembre à_8_h_44)"),
        (timedelta(days=16), "il y a 16_jours (samedi 7_novembre à_8_h_44)"),
        (timedelta(hours=-3),
         "datées en avance de 3_h (lundi 23_novembre à_11_h_44)_: l\u2019horloge du site est à vérifier"),
    ],
)  # fmt: skip
def test_ages_carry_their_date(age: timedelta, written: str) -> None:
    """An age has one unit and the date behind it; a date in the future is called a clock to check."""
    assert shown(french.age(NOW - age, NOW)) == written
