"""The pages in a real browser, from a real hub."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize

from tests.hub.pages.test_day_view import plain
from tests.pages.conftest import DESKTOP, PHONE, Visitors

SITES, SCHOOL, CENTRE, UNHEARD = "/", "/sites/ecole-a", "/sites/csps-b", "/sites/ecole-c"
EVERY = (
    SITES, SCHOOL, f"{SCHOOL}?jour=2026-11-22", CENTRE, UNHEARD, "/sites/nulle-part",
    f"{SCHOOL}/pertes", f"{CENTRE}/pertes", f"{UNHEARD}/pertes", f"{SCHOOL}/direct", f"{UNHEARD}/direct",
)  # fmt: skip
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"
CLIPPED = """() => [...document.querySelectorAll('svg text')]
  .map(text => [text.textContent, text.getBoundingClientRect()])
  .filter(([, box]) => box.left < 0 || box.right > document.documentElement.clientWidth || box.height < 13)
  .map(([words]) => words)"""
COLLIDING = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text,circle')].map(text => [text.textContent, text.getBoundingClientRect()]);
  return boxes.flatMap(([a, p], i) => boxes.slice(i + 1)
    .filter(([, q]) => p.left < q.right && q.left < p.right && p.top + 3 < q.bottom - 3 && q.top + 3 < p.bottom - 3)
    .map(([b]) => `${a} / ${b}`))})"""
SMALL = """() => [...document.querySelectorAll('main a, main button, header a')].map(link => {
    const box = (link.closest('li') && link.matches('.sites a') ? link.closest('li') : link).getBoundingClientRect();
    return [link.textContent.trim(), box.height]}).filter(([, height]) => height < 44)"""


@pytest.mark.parametrize(
    ("viewport", "scripts"), [(PHONE, True), (DESKTOP, True), (PHONE, False)], ids=["phone", "desktop", "no-js"]
)
@pytest.mark.parametrize("path", EVERY)
def test_every_page_loads_without_complaint(
    visitors: Visitors,
    path: str,
    viewport: ViewportSize,
    scripts: bool,  # noqa: FBT001
) -> None:
    """Each page has a heading and a title, asks for nothing that fails and logs nothing, with scripts or without."""
    visit = visitors.open(viewport=viewport, scripts=scripts)
    page = visit.to(path)
    assert page.locator("h1").count() == 1
    assert "Kayasol" in page.title()
    expected = ["404"] if path.endswith("nulle-part") else []
    assert [complaint for complaint in visit.complaints if not any(known in complaint for known in expected)] == []
    assert page.locator("script").count() == 0


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_page_scrolls_sideways_and_labels_keep_apart(visitors: Visitors, width: int) -> None:
    """From the smallest phone to a desktop nothing is cut off, and no two labels touch."""
    visit = visitors.open(viewport={"width": width, "height": 740})
    for path in EVERY:
        page = visit.to(path)
        assert (path, page.evaluate(OVERFLOW)) == (path, 0)
        assert (path, page.evaluate(CLIPPED), page.evaluate(COLLIDING)) == (path, [], [])


def test_links_are_wide_enough_for_a_thumb(visitors: Visitors) -> None:
    """Every link and button of the pages is at least 44 pixels high, a site's row as a whole."""
    visit = visitors.open()
    small = {path: visit.to(path).evaluate(SMALL) for path in EVERY}
    assert not any(small.values()), small


def test_the_first_line_of_the_list_answers(visitors: Visitors) -> None:
    """How many sites send, in words and a figure, is on the first screen; the silent ones are named."""
    page = visitors.open().to(SITES)
    heading = page.locator("h1")
    assert plain(heading.inner_text()) == "1 site sur 3 envoie ses données."
    box = heading.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < PHONE["height"] / 2
    assert "Sans données récentes : CSPS simulé B et École simulée C." in plain(page.locator("main").inner_text())


def test_each_site_is_told_as_it_is(visitors: Visitors) -> None:
    """The row of a site that sends has figures and no tag; late and unknown rows say so, and never zero."""
    page = visitors.open().to(SITES)
    late, never, sends = (plain(row) for row in page.locator(".sites > li").all_inner_texts())
    assert "En retard" in late
    assert "Dernières données il y a 3 h (lundi 23 novembre à 17 h 34)" in late
    assert "Centre de santé (CSPS), commune de Kaya" in late
    assert "Le site n'a encore rien envoyé." in never
    assert late.count("inconnu") == never.count("inconnu") == 2
    assert "Dernières données il y a 4 min (lundi 23 novembre à 20 h 40)" in sends
    assert "3 prises occupées sur 8" in sends
    assert "inconnu" not in sends
    assert page.locator(".sites > li").nth(2).locator(".etq").count() == 0


def test_a_row_is_a_link_to_its_site(visitors: Visitors) -> None:
    """Tapping anywhere on a row opens the page of the site."""
    page = visitors.open().to(SITES)
    page.locator(".sites > li").nth(2).click(position={"x": 300, "y": 200})
    assert page.url.endswith(SCHOOL)
    page.get_by_role("link", name="Tous les sites").click()
    page.locator(".sites").wait_for()


def test_a_site_tells_its_day(visitors: Visitors) -> None:
    """The page of a site says how it is, then each part of the day: sentence, figure, drawing, source."""
    page = visitors.open().to(SCHOOL)
    text = plain(page.locator("main").inner_text())
    for words in (
        "Le site envoie ses données ; niveau de la batterie",
        "Depuis minuit, les panneaux ont fourni plus d'énergie que le site n'en a consommé.",
        "Niveau estimé par le régulateur",
        "elle ne part pas de zéro",
        "Allumé de 18 h 15 à 20 h 30.",
        "23 charges terminées, 3 en cours ; à vérifier : 1.",
        "Données reçues : 100 %, jusqu'à 20 h 40.",
    ):
        assert words in text
    names = page.locator("svg[role=img]").evaluate_all("all => all.map(svg => svg.getAttribute('aria-label'))")
    assert [plain(name).split(",")[0] for name in names] == [
        "Panneaux et consommation", "Batterie", "Éclairage du soir", "Charges de téléphones",
    ]  # fmt: skip
    assert all(any(figure.isdigit() for figure in name) for name in names)


def test_a_hole_is_told_and_drawn_as_unknown(visitors: Visitors) -> None:
    """The power cut of a late site is words and dots; its counters are lower bounds, its open charge has no end."""
    page = visitors.open().to(CENTRE)
    text = plain(page.locator("main").inner_text())
    assert "Inconnu de 9 h 15 à 11 h 45 et de 17 h 45 à 20 h 44 : rien n'a été reçu. Ce n'est pas zéro." in text
    assert "4 charges terminées, 1 sans fin connue ; à vérifier : 2." in text
    assert "À vérifier : coupée par une panne de courant" in text
    assert "À vérifier : le téléphone était déjà là au démarrage du kiosque" in text
    assert text.count("au moins") == 3
    assert page.locator("svg[role=img] .v-i").count() >= 4


def test_the_link_tells_what_it_cost(visitors: Visitors) -> None:
    """The page of losses says what the last counted day cost beside its budget, for what, and what was given up."""
    text = plain(visitors.open().to(f"{SCHOOL}/pertes").locator("main").inner_text())
    assert "le site a utilisé 71 ko de réseau, pour 82 ko par jour. Il restait 311 ko" in text
    assert "Dont 42 ko de mesures détaillées ; 17 ko de connexions" in text
    assert "64 mesures ont été abandonnées" in text


def test_one_sees_a_site_live_without_scripts(visitors: Visitors) -> None:
    """The newest values with their age; the page asks for itself again, and may be told not to."""
    page = visitors.open(scripts=False).to(f"{SCHOOL}/direct")
    text = plain(page.locator("main").inner_text())
    assert "Valeurs reçues il y a 12 s." in text
    assert "12,43 V" in text
    page.get_by_role("link", name="Ne plus").click()
    page.get_by_role("link", name="La rafraîchir de nouveau").wait_for()
    assert "Voir en direct" in plain(
        visitors.open().to(f"{UNHEARD}/direct").get_by_role("main").get_by_role("button").inner_text()
    )


def test_the_table_of_charges_is_a_table(visitors: Visitors) -> None:
    """On a phone too, a screen reader finds rows, columns and their headings."""
    page = visitors.open().to(SCHOOL)
    table = page.get_by_role("table")
    assert table.get_by_role("columnheader").all_inner_texts() == ["Prise", "Début", "Fin", "Durée", "Remarque"]
    row = table.get_by_role("row").filter(has_text="dure plus de").get_by_role("cell")
    assert [plain(cell) for cell in row.all_inner_texts()][:2] == ["6", "7 h 10"]


def test_one_walks_from_day_to_day(visitors: Visitors) -> None:
    """The day before, the day after and today are each one tap away, and today has no day after."""
    page = visitors.open().to(SCHOOL)
    nav = page.get_by_role("main").get_by_role("navigation")
    assert nav.get_by_role("link").count() == 1
    nav.get_by_role("link", name="Veille").click()
    page.get_by_role("heading", name="Dimanche 22").wait_for()
    assert "Données reçues : 100 %, jusqu'à 24 h." in plain(page.locator("main").inner_text())
    nav.get_by_role("link", name="Lendemain").click()
    page.get_by_role("heading", name="Lundi 23").wait_for()
    page.go_back()
    nav.get_by_role("link", name="Aujourd").click()
    page.wait_for_url(f"**{SCHOOL}")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/sites/<b>nulle", 404, "Aucun site ne porte le nom « <b>nulle »."),
        (f"{SCHOOL}?jour=demain", 400, "Un jour s'écrit année, mois, jour : 2026-11-23."),
        (f"{SCHOOL}?jour=0001-01-01", 400, "Un jour s'écrit année, mois, jour : 2026-11-23."),
        (f"{SCHOOL}?jour=2026-11-24", 404, "Le mardi 24 novembre 2026 n'est pas encore arrivé"),
    ],
)
def test_what_cannot_be_shown_is_explained(visitors: Visitors, path: str, status: int, words: str) -> None:
    """An unknown site or day gets a page that says what happened and leads on; what was typed is only text."""
    visit = visitors.open()
    response = visit.page.goto(visit.base + path)
    assert response is not None
    assert response.status == status
    assert words in plain(visit.page.locator("main").inner_text())
    visit.page.locator("a.bouton").click()
    visit.page.locator("svg[role=img], .sites").first.wait_for()


def test_the_keyboard_skips_to_the_content(visitors: Visitors) -> None:
    """The first stop of the keyboard is a visible link past the header."""
    page = visitors.open().to(SCHOOL)
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Aller au contenu"
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert page.locator("html").get_attribute("lang") == "fr"


def test_paper_shows_the_figures_and_not_the_buttons(visitors: Visitors) -> None:
    """Printed, a page is black on white, without links to other days."""
    page = visitors.open().to(SCHOOL)
    page.emulate_media(media="print")
    assert not page.locator("nav").first.is_visible()
    assert not page.locator("header").is_visible()
    assert page.locator(".terre").evaluate("block => getComputedStyle(block).backgroundColor") == "rgb(255, 255, 255)"
