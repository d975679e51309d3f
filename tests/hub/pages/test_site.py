"""The routes when the ledger does not answer, and the pages that explain."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, cast

import pytest
from fastapi.responses import HTMLResponse

from hub.context import Context
from hub.errors import RetryLater
from hub.pages import problems, site
from hub.people.caller import NOBODY
from hub.people.ports import Door
from hub.ports import Ledger, SeriesStore
from tests.hub.pages.test_day_view import plain


class ClosedLedger:
    """A ledger on a disk that cannot be read for now."""

    def sites(self) -> NoReturn:
        """See `Ledger.sites`."""
        raise RetryLater("the disk is away")


CLOSED = Context(cast("Ledger", ClosedLedger()), cast("SeriesStore", None), lambda: 0, lambda: None, cast("Door", None))


def read(answer: HTMLResponse) -> str:
    """Read the page of an answer."""
    return plain(bytes(answer.body).decode())


@pytest.mark.parametrize("answer", [lambda: site.sites(CLOSED, NOBODY), lambda: site.site(CLOSED, NOBODY, "ecole-a")])
def test_a_ledger_that_is_away_is_explained(answer: Callable[[], HTMLResponse]) -> None:
    """Both pages say that nothing is lost and when to try again, without words of the machine."""
    given = answer()
    assert (given.status_code, given.headers["retry-after"]) == (503, "30")
    assert "Rien n'est perdu" in read(given)
    assert "disk" not in read(given)


def test_an_address_that_leads_nowhere_is_explained() -> None:
    """A wrong address leads back to the list."""
    given = problems.unknown_page()
    assert given.status_code == 404
    assert "Cette page n'existe pas" in read(given)
    assert 'href="/"' in read(given)


def test_a_long_name_is_cut_short() -> None:
    """What was typed is repeated only as far as it may be a name."""
    assert "x" * 61 not in read(problems.unknown_site("x" * 500))


@pytest.mark.parametrize("banned", ["erreur", "fraude", "invalide", "veuillez", "oups", "session", "synchroniser"])
def test_no_page_blames_or_speaks_machine(banned: str) -> None:
    """The words that these pages never use are not in them."""
    pages = [problems.later(), problems.unknown_page(), problems.unknown_site("x"), problems.unreadable_day("x")]
    assert not any(banned in read(page).lower() for page in pages)
