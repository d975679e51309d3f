"""What the technician's page says of seals: which day a card was edited, and since when it has no key. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.answers.loss import TallyAnswer
from hub.pages import french
from hub.pages.french import typeset
from hub.seals import Seal

_WORDS = {
    Seal.ROWS_LOST: "sceau : des enregistrements manquent",
    Seal.ROWS_FORGOTTEN: "sceau : la carte a oublié des enregistrements",
    Seal.NO_KEY: "sceau : la clé secrète du site n'est pas connue ici",
    Seal.UNSEALED: "sans sceau",
    Seal.BEGUN_ANEW: "sceau : le compte d'avant manque",
    Seal.TOO_LONG: "sceau : trop d'enregistrements à la fois",
}
"""Said where the charges and events of a count cannot be told to be as the site wrote them."""


def differs(tally: TallyAnswer) -> bool:
    """Say whether a row of this count is not as the site took it."""
    return tally.seals is not None and Seal.DIFFERS in (tally.seals.events, tally.seals.samples)


def edited(tallies: Sequence[TallyAnswer], zone: ZoneInfo, now: datetime) -> str:
    """Say in which counts rows were edited, and what to do; nothing when there are none."""
    found = [tally for tally in tallies if differs(tally)]
    if not found:
        return ""
    when = "dans le compte"
    if len(found) > 1:
        when = f"dans {french.number(len(found))} comptes, dont le dernier"
    at = found[0].at
    moment = "d'un jour inconnu" if at is None else f"arrêté le {french.moment(at.astimezone(zone), now)}"
    return typeset(
        f"Des enregistrements ont été modifiés sur la carte, ou écrits avec une autre clé secrète : {when} {moment}. "
        "Gardez cette carte telle quelle, et prévenez la personne qui tient le serveur."
    )


def unsealed(tallies: Sequence[TallyAnswer], zone: ZoneInfo, now: datetime) -> str:
    """Say since when a card has no key any more; `tallies` stand with the newest first."""
    since = None
    for tally in tallies:
        if tally.seals is not None and tally.seals.events is not Seal.UNSEALED:
            break
        since = tally if tally.seals is not None else since
    else:
        return ""  # it never had one, or all that is known is older than its key
    if since is None:
        return ""
    at = since.at
    moment = "un jour inconnu" if at is None else f"le {french.moment(at.astimezone(zone), now)}"
    return typeset(
        f"Depuis le compte arrêté {moment}, la carte écrit sans sa clé secrète : une modification ne s'y verrait pas. "
        "Demandez une nouvelle trousse d'installation à la personne qui tient le serveur."
    )


def seal_remark(tally: TallyAnswer) -> list[str]:
    """Say in a few words what the seal of a count tells, where that is not what it should."""
    if tally.seals is None:
        return []
    if differs(tally):
        parts = {"charges ou événements": tally.seals.events, "mesures": tally.seals.samples}
        named = [name for name, seal in parts.items() if seal is Seal.DIFFERS]
        return [f"modifiés, ou écrits avec une autre clé secrète : {french.listing(named)}"]
    return [_WORDS[tally.seals.events]] if tally.seals.events in _WORDS else []
