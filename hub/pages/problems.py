"""What a person reads when a page cannot be shown: what happened, what was kept, what to do."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from urllib.parse import quote

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.pages import french
from hub.pages.french import typeset
from hub.pages.html import page
from hub.people.caller import NOBODY, Caller

_SHOWN_MAX = 60
_HOME = ("/", "Voir tous les sites")


def unknown_site(site: str) -> HTMLResponse:
    """Say that no site has this name."""
    happened = f"Aucun site ne porte le nom « {site[:_SHOWN_MAX]} »."
    advice = "Le site a peut-être changé de nom, ou l'adresse est incomplète. Choisissez-le dans la liste."
    return _tell(HTTPStatus.NOT_FOUND, "Ce site n'est pas connu ici", happened, advice, _HOME)


def unknown_page() -> HTMLResponse:
    """Say that this address leads nowhere."""
    happened = "Il n'y a pas de page à cette adresse."
    return _tell(HTTPStatus.NOT_FOUND, "Cette page n'existe pas", happened, "Repartez de la liste des sites.", _HOME)


def unreadable_day(site: str) -> HTMLResponse:
    """Say how a day is written."""
    happened = "Le jour demandé n'a pas pu être lu."
    advice = "Un jour s'écrit année, mois, jour : 2026-11-23."
    return _tell(HTTPStatus.BAD_REQUEST, "Ce jour n'est pas lisible", happened, advice, _today(site))


def future_day(site: str, day: date) -> HTMLResponse:
    """Say that a day is still to come."""
    happened = f"Le {french.day(day, year=True)} n'est pas encore arrivé : il n'y a rien à montrer."
    return _tell(HTTPStatus.NOT_FOUND, "Ce jour est à venir", happened, "Voyez plutôt le jour présent.", _today(site))


def foreign_form() -> HTMLResponse:
    """Say that a request came from another site's page, or from an old one of ours."""
    happened = "La demande ne vient pas d'une page ouverte ici à l'instant : rien n'a été fait."
    advice = "Ouvrez de nouveau la page et refaites la demande."
    return _tell(HTTPStatus.FORBIDDEN, "Demande refusée", happened, advice, _HOME)


def sign_in_first(path: str) -> Response:
    """Lead to the door, and back here afterwards."""
    return RedirectResponse(f"/connexion?vers={quote(path)}", HTTPStatus.SEE_OTHER)


def not_yours() -> HTMLResponse:
    """Say that a page is for other roles."""
    happened = "Votre rôle ne comprend pas cette page."
    advice = "Si vous en avez besoin, demandez-le à l'administration de votre programme."
    return _tell(HTTPStatus.FORBIDDEN, "Cette page n'est pas pour vous", happened, advice, _HOME)


def nothing_published(caller: Caller) -> HTMLResponse:
    """Say to somebody who sees what is published that nothing is yet."""
    happened = "Votre programme n'a encore rien publié ici."
    advice = "Vos rôles et votre code sont sur la page de votre compte."
    title = "Rien à voir pour le moment"
    return _tell(HTTPStatus.OK, title, happened, advice, ("/compte", "Votre compte"), caller)


def used_link() -> HTMLResponse:
    """Say that a link that invites is of no use any more."""
    happened = "Ce lien a déjà servi, ou il a plus de deux semaines."
    advice = "Demandez-en un nouveau à la personne qui vous l'a donné. Si vous avez déjà un code, connectez-vous."
    return _tell(HTTPStatus.NOT_FOUND, "Ce lien ne sert plus", happened, advice, ("/connexion", "Se connecter"))


def unknown_person() -> HTMLResponse:
    """Say that nobody has this number, or nobody who may be seen."""
    happened = "Cette personne n'a pas de compte ici, ou pas dans ce dont vous vous occupez."
    return _tell(HTTPStatus.NOT_FOUND, "Personne inconnue", happened, "", ("/personnes", "Voir les personnes"))


def later() -> HTMLResponse:
    """Say that the figures cannot be read for now."""
    happened = "Le serveur ne peut pas lire les chiffres en ce moment."
    advice = (
        "Rien n'est perdu : chaque site garde ses données et les envoie quand il le peut. Réessayez dans une minute."
    )
    return _tell(HTTPStatus.SERVICE_UNAVAILABLE, "Pas de chiffres pour le moment", happened, advice, _HOME)


def _today(site: str) -> tuple[str, str]:
    return f"/sites/{site}", typeset("Voir aujourd'hui")


def _tell(
    status: HTTPStatus, title: str, happened: str, advice: str, way: tuple[str, str], caller: Caller = NOBODY
) -> HTMLResponse:
    href, words = way
    return page("problem.html", status=status, caller=caller, title=typeset(title), happened=typeset(happened),
                advice=typeset(advice), href=href, words=words)  # fmt: skip
