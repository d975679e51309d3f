"""What the pages at the door say, in French: roles, scopes, secrets that are too weak, waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hub.access.people import Account
from hub.access.roles import Grant, Level, Role, Scope
from hub.access.secrets import PASSPHRASE_LEAST, PIN_LEAST, Weakness
from hub.pages import french
from hub.pages.french import typeset

ROLES: Mapping[Role, str] = {
    Role.ASSOCIATION: "association des parents ou comité de gestion",
    Role.TECHNICIAN: "technicien ou technicienne",
    Role.COMMUNE: "commune",
    Role.PARTNER: "partenaire",
    Role.ADMINISTRATOR: "administration",
}
_LEVELS: Mapping[Level, str] = {
    Level.HUB: "tout",
    Level.PROGRAMME: "programme",
    Level.COMMUNE: "commune",
    Level.SITE: "site",
}
_KINDS = (
    ("Android", "téléphone Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("KAIOS", "téléphone KaiOS"),
    ("Windows", "ordinateur Windows"), ("Mac OS", "Mac"), ("Linux", "ordinateur Linux"),
)  # fmt: skip
_BROWSERS = (
    ("OPR/", "Opera"), ("Opera Mini", "Opera Mini"), ("Edg", "Edge"), ("Firefox", "Firefox"),
    ("SamsungBrowser", "Samsung Internet"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
"""The first mark found counts: most browsers also call themselves by the names further down."""

_WEAK: Mapping[Weakness, str] = {
    Weakness.TOO_SHORT: f"Trop court : au moins {PIN_LEAST} chiffres, ou une phrase de {PASSPHRASE_LEAST} signes.",
    Weakness.TOO_LONG: "Trop long : au plus 12 chiffres, ou une phrase de 200 signes.",
    Weakness.TOO_COMMON: "Beaucoup de gens ont choisi la même chose : elle serait vite devinée. Prenez-en une autre.",
    Weakness.TOO_REGULAR: "Une suite ou une répétition se devine vite. Mélangez davantage.",
    Weakness.HAS_NAME: "Le nom s'y trouve : c'est la première chose que l'on essaie. Prenez autre chose.",
    Weakness.ONLY_DIGITS: (
        f"Des chiffres ne suffisent pas pour ce rôle : prenez une phrase d'au moins {PASSPHRASE_LEAST} signes, par "
        "exemple quatre ou cinq mots sans rapport."
    ),
}


def weak(weakness: Weakness) -> str:
    """Say why a secret is not taken, and what would be."""
    return typeset(_WEAK[weakness])


def wrong() -> str:
    """Say that name and secret do not belong together."""
    return typeset("Ce nom et ce code ne vont pas ensemble. Vérifiez les deux, puis réessayez.")


def wait(until: datetime, now: datetime) -> str:
    """Say until when to wait, and how else to get in."""
    return typeset(
        f"Trop d'essais. Réessayez {french.moment(until, now)}, ou demandez un nouveau lien à la personne qui vous a "
        "invité."
    )


def asked(*, passphrase: bool) -> str:
    """Say what secret is wanted."""
    if passphrase:
        return typeset(f"Une phrase d'au moins {PASSPHRASE_LEAST} signes, que vous n'utilisez nulle part ailleurs.")
    return typeset(f"Au moins {PIN_LEAST} chiffres, ou une phrase d'au moins {PASSPHRASE_LEAST} signes.")


def role(grant: Grant, names: Mapping[Scope, str]) -> str:
    """Name a role and where it holds."""
    if grant.scope.level is Level.HUB:
        return typeset(f"{ROLES[grant.role]}, partout")
    where = names.get(grant.scope, grant.scope.name)
    return typeset(f"{ROLES[grant.role]}, {_LEVELS[grant.scope.level]} {where}")


def roles(account: Account, names: Mapping[Scope, str]) -> list[str]:
    """Name all roles of a person."""
    return [role(grant, names) for grant in account.grants] or ["aucun rôle"]


def device(agent: str) -> str:
    """Name a phone or computer, and its browser, by what the browser says of itself."""
    kind = next((word for mark, word in _KINDS if mark in agent), "appareil inconnu")
    browser = next((word for mark, word in _BROWSERS if mark in agent), None)
    return kind if browser is None else f"{kind}, {browser}"


def choice(grant: Grant) -> str:
    """Write a grant as a form carries it."""
    return f"{grant.role}/{grant.scope.level}/{grant.scope.name}"


def chosen(text: str) -> Grant:
    """Read a grant as a form carries it; raises `ValueError`."""
    role, level, name = text.split("/", 2)
    return Grant(Role(role), Scope(Level(level), name))
