"""The technician's table of counts: what the site says it took, what is here, and whether that is explained. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.answers.loss import Comparison, TallyAnswer
from hub.pages import french
from hub.pages.french import typeset
from hub.pages.seal_words import differs, edited, seal_remark, unsealed

SHOWN_MAX = 14
_SUMS = {
    "samples": "mesures",
    "taken": "charges commencées",
    "ended": "charges terminées",
    "charged_s": "durée des charges",
    "others": "événements",
    "check": "contenu",
    "rows": "nombre d'enregistrements",
}
_DURATION = "charged_s"


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One day of uptime of the site, counted by both."""

    until: str
    there: str
    here: str
    charges: str
    remark: str
    doubtful: bool


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Whether both sides count the same, what the seals say, and the newest counts."""

    sentence: str
    warnings: list[str]
    rows: list[ComparisonRow]


def comparisons(tallies: Sequence[TallyAnswer], zone: ZoneInfo, now: datetime) -> Comparisons:
    """Say how the site's counts of its own rows compare with what is here."""
    warnings = [words for words in (edited(tallies, zone, now), unsealed(tallies, zone, now)) if words]
    return Comparisons(_sentence(tallies), warnings, [_row(tally, zone, now) for tally in tallies[:SHOWN_MAX]])


def _sentence(tallies: Sequence[TallyAnswer]) -> str:
    if not tallies:
        return typeset("Le site n'a pas encore envoyé de compte : il le fait après chaque jour de marche.")
    judged = [tally for tally in tallies if tally.comparison is not Comparison.WAITING]
    differing = sum(tally.comparison is Comparison.DIFFERS for tally in judged)
    waiting = len(tallies) - len(judged)
    if differing:
        verb = "diffèrent" if differing > 1 else "diffère"
        said = (
            f"{french.plural(differing, 'compte', 'comptes')} sur {len(judged)} {verb}, et l'écart n'est pas expliqué"
        )
    elif judged:
        agreeing = french.plural(len(judged), "compte", "comptes")
        said = f"Le site et le serveur comptent pareil : {agreeing} sur {len(judged)}"
    else:
        said = "Aucun compte n'a encore pu être comparé"
    if waiting:
        said += f" ; {french.plural(waiting, 'compte attend', 'comptes attendent')} des enregistrements"
    return typeset(f"{said}.")


def _row(tally: TallyAnswer, zone: ZoneInfo, now: datetime) -> ComparisonRow:
    here = tally.here
    charges = french.number(tally.there.ended)
    if here is not None and here.ended != tally.there.ended:
        charges = f"{charges} ; ici {french.number(here.ended)}"
    return ComparisonRow(
        until="heure inconnue" if tally.at is None else french.moment(tally.at.astimezone(zone), now),
        there=french.number(tally.there.rows),
        here="pas encore" if here is None else french.number(here.rows),
        charges=typeset(charges),
        remark=typeset(_remark(tally)),
        doubtful=tally.comparison is Comparison.DIFFERS or differs(tally),
    )


def _remark(tally: TallyAnswer) -> str:
    if tally.comparison is Comparison.WAITING:
        return (
            f"en attente de {french.plural(tally.awaited, 'enregistrement', 'enregistrements')}"
            if tally.awaited
            else "sera comparé"
        )
    parts = []
    if tally.comparison is Comparison.DIFFERS:
        parts.append(f"écart : {french.listing([_difference(tally, name) for name in tally.differs])}")
    else:
        parts.append("nombres concordants" if differs(tally) else "concordent")
    if tally.lost:
        parts.append(french.plural(tally.lost, "abandonné avec sa cause", "abandonnés avec leur cause"))
    if tally.forgotten:
        words = ("oublié par la carte, mais reçu ici", "oubliés par la carte, mais reçus ici")
        parts.append(french.plural(tally.forgotten, *words))
    parts += seal_remark(tally)
    return " ; ".join(parts)


def _difference(tally: TallyAnswer, name: str) -> str:
    words = _SUMS[name]
    if tally.here is None or name == "check":
        return words
    there, here = _figure(tally.there, name), _figure(tally.here, name)
    return f"{words} ({there} au site, {here} ici)"


def _figure(sums: object, name: str) -> str:
    value = int(getattr(sums, name))
    return french.duration(value) if name == _DURATION else french.number(value)
