"""Weight, colours and themes: the rules that the eye would notice last."""

from __future__ import annotations

import gzip
import re
from http import HTTPStatus
from typing import Literal

import httpx2 as httpx
import pytest

import dashboards
from tests.pages.conftest import Served, Visitors

STYLE = dashboards.STATIC_FILES["style.css"].read_text("utf-8")
FIRST_VIEW_MAX = 20_000
STYLE_MAX = 5_000
ICON_MAX = 500
TEXT, SHAPE = 4.5, 3.0
PAIRS = [
    *[(text, ground, TEXT) for text in ("encre", "encre-2", "lien", "visite") for ground in ("fond", "carte", "terre")],
    ("sur-nuit", "nuit", TEXT), ("sur-bouton", "bouton", TEXT), ("sur-soleil", "soleil", TEXT),
    ("sur-soleil", "d-phones", TEXT), ("encre", "fond", TEXT),
    *[(shape, ground, SHAPE) for shape in ("bord", "d-soleil", "d-batterie", "e-inconnu", "e-cadre", "e-eteint")
      for ground in ("carte", "fond")],
    ("d-phones", "carte", SHAPE), ("d-phones", "fond", SHAPE), ("bord", "terre", SHAPE), ("e-inconnu", "terre", SHAPE),
]  # fmt: skip


def tokens(*, dark: bool) -> dict[str, str]:
    """Read the colours of a theme."""
    light_part, dark_part = re.findall(r":root\{(.*?)\}", STYLE, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", light_part))
    return colours | dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", dark_part)) if dark else colours


def luminance(colour: str) -> float:
    """Compute relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Compute the contrast of two colours."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_keep_their_contrast(dark: bool) -> None:  # noqa: FBT001
    """Text has 4.5 to 1 and shapes 3 to 1, in both themes."""
    colours = tokens(dark=dark)
    poor = {
        (one, other): round(contrast(colours[one], colours[other]), 2)
        for one, other, least in PAIRS
        if contrast(colours[one], colours[other]) < least
    }
    assert poor == {}


def test_both_themes_name_the_same_colours() -> None:
    """Every colour decision is a pair."""
    assert tokens(dark=False).keys() == tokens(dark=True).keys()


def test_colours_are_told_twice_for_browsers_without_variables() -> None:
    """Before each variable stands the light colour itself; drawings carry theirs as attributes."""
    colours = tokens(dark=False)
    rules = re.findall(r"([\w-]+):([^;{}]*var\(--([\w-]+)\)[^;{}]*)", STYLE.split("*{box-sizing", 1)[1])
    for name, value, token in rules:
        if name in {"fill", "stroke"}:
            continue
        family = "border" if name == "border-color" else name.removesuffix("-color")
        literal = value.replace(f"var(--{token})", colours[token])
        assert re.search(rf"{family}[\w-]*:[^;]*{literal};\s*{name}:{re.escape(value)}", STYLE), (name, value)


def test_the_only_colours_are_those_of_the_system() -> None:
    """No shape and no rule brings a colour of its own, and there is no red, nor green."""
    colours = set(tokens(dark=False).values()) | {"#fff", "#000"}
    body = STYLE.split("*{box-sizing", 1)[1]
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", body)) <= colours
    assert "urgent" not in STYLE


@pytest.mark.parametrize(
    "path",
    [
        "/",
        *(
            f"/sites/{rest}"
            for rest in (
                "ecole-a",
                "ecole-a?jour=2026-11-22",
                "csps-b",
                "csps-b/pertes",
                "ecole-a/pertes",
                "ecole-a/direct",
            )
        ),
    ],
)
def test_the_first_view_is_light(served: Served, path: str) -> None:
    """Page, style sheet and icon together stay under 20 kB as they cross the wire."""
    with httpx.Client(
        base_url=served.base, cookies=dict(served.cookies), headers={"Accept-Encoding": "gzip"}
    ) as client:
        page = client.get(path)
        links = re.findall(r'<link [^>]*href="([^"]+)"', page.text)
        answers = [page, *(client.get(link) for link in links)]
    assert len(links) == 2
    assert all(answer.status_code == HTTPStatus.OK for answer in answers)
    assert page.headers["content-encoding"] == "gzip"
    assert sum(answer.num_bytes_downloaded for answer in answers) <= FIRST_VIEW_MAX


def test_style_and_icon_keep_to_their_share() -> None:
    """The style sheet stays under 5 kB and the icon under half a kB, compressed."""
    assert len(gzip.compress(STYLE.encode())) <= STYLE_MAX
    assert len(gzip.compress(dashboards.STATIC_FILES["icon.svg"].read_bytes())) <= ICON_MAX


def test_a_page_is_of_its_moment_and_its_style_may_stay(served: Served) -> None:
    """A page is asked for anew each time; the address of a file changes with its contents."""
    page = httpx.get(f"{served.base}/", cookies=dict(served.cookies))
    assert page.headers["cache-control"] == "private, no-cache"
    assert dashboards.STATIC_URLS["style.css"] in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    assert " style=" not in page.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_theme(visitors: Visitors, scheme: Literal["light", "dark"]) -> None:
    """Ground, words and drawings all change with the theme of the phone."""
    colours = tokens(dark=scheme == "dark")
    page = visitors.open(scheme=scheme).to("/sites/ecole-a")

    def computed(selector: str, name: str) -> str:
        found = page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{name}")
        return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", found)[:3])

    assert computed("body", "backgroundColor") == colours["fond"]
    assert computed(".terre", "backgroundColor") == colours["terre"]
    assert computed("h1", "color") == colours["encre"]
    assert computed("svg[role] text", "fill") == colours["encre"]
    assert computed("svg .f-sol", "fill") == colours["soleil"]


def test_only_the_known_files_are_served(base: str) -> None:
    """No other file beside the pages can be asked for."""
    assert httpx.get(f"{base}/static/base.html").status_code == HTTPStatus.NOT_FOUND
    assert httpx.get(f"{base}/static/..%2Ftemplates%2Fbase.html").status_code == HTTPStatus.NOT_FOUND
