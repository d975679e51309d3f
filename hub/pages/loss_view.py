"""What the technician's page says of missing data: how much, why, what to do, and whether both sides agree. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.answers.loss import EpochLoss, LossAnswer
from hub.answers.sites import SiteAnswer
from hub.pages import french
from hub.pages.comparison import Comparisons, comparisons
from hub.pages.french import typeset
from hub.pages.pauses import Pauses, pauses
from hub.pages.traffic_words import TrafficView, traffic_view

_RECORDS = ("enregistrement", "enregistrements")
_CAUSES = {
    "shed_budget": (
        "abandonnés pour ne pas dépasser le forfait",
        "Augmentez le budget d'octets dans site.yaml, ou relevez le site plus souvent avec une clé USB.",
    ),
    "disk_full": (
        "abandonnés parce que la carte était pleine",
        "Le réseau a manqué trop longtemps, ou la carte est trop petite : relevez avec une clé USB, changez la carte.",
    ),
    "refused_by_hub": (
        "refusés par le serveur",
        "Ils restent gardés sur la carte du site. Prévenez la personne qui tient le serveur.",
    ),
    "outbox_damaged": (
        "abîmés sur la carte",
        "La carte s'use, ou l'alimentation coupe mal : emportez une carte neuve.",
    ),
    "lost": (
        "perdus sans cause connue",
        "Notez ce qui s'est passé sur place, et prévenez la personne qui tient le serveur.",
    ),
    "let_go": (
        "perdus par le serveur, et que le site ne gardait plus",
        "Le serveur a été remis d'une copie trop ancienne : faites une copie chaque jour.",
    ),
}  # fmt: skip
_COMING = (
    "pas encore arrivés",
    "Ils sont sur la carte du site et partiront avec le réseau. S'il ne revient pas, relevez le site avec une clé USB.",
)
_ON_OLD_CARD = (
    "restés sur une carte qui n'est plus en service",
    "Si vous avez l'ancienne carte, copiez-la sur une clé USB : ils arriveront. Sinon, ils sont perdus.",
)
_REASONS = {
    "truncated": ("coupé en route", "coupés en route"),
    "oversized": ("trop grand", "trop grands"),
    "unknown_version": ("d'une version que ce serveur ne lit pas encore",) * 2,
    "malformed": ("illisible", "illisibles"),
    "unknown_site": ("d'un site inconnu",) * 2,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why some data are missing, how many, and what a person can do about it."""

    figure: str
    words: str
    advice: str


@dataclass(frozen=True, slots=True)
class Card:
    """One memory card of the site."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class LossView:
    """The page: the answer in a figure and words, then why, when, and how both sides count."""

    figure: str
    words: str
    note: str
    causes: list[Cause]
    nothing: str
    forgetful: str
    pauses: Pauses
    comparisons: Comparisons
    cards: list[Card]
    aside: str
    traffic: TrafficView


def loss_view(answer: LossAnswer, site: SiteAnswer, now: datetime) -> LossView:
    """Say what is missing of a site's data and why."""
    zone = ZoneInfo(site.timezone)
    figure, words = _headline(answer)
    causes = _causes(answer)
    return LossView(
        figure=figure,
        words=words,
        note=_note(answer),
        causes=causes,
        nothing="" if causes or not answer.received else typeset("Il n'y a rien à faire."),
        forgetful=_forgetful(answer.forgotten),
        pauses=pauses(answer.unobserved, zone, now),
        comparisons=comparisons(answer.tallies, zone, now),
        cards=[_card(epoch, zone, now) for epoch in answer.epochs] if len(answer.epochs) > 1 else [],
        aside=_aside(answer),
        traffic=traffic_view(answer.traffic),
    )


def _headline(answer: LossAnswer) -> tuple[str, str]:
    lost = sum(answer.lost.values()) + answer.card_replaced
    if answer.received + answer.missing + lost == 0:
        return "Rien", typeset("n'a encore été reçu de ce site.")
    if lost:
        total = answer.received + answer.missing + sum(answer.lost.values())
        verb = "manquent" if lost > 1 else "manque"
        return french.number(lost), typeset(f"{_noun(lost)} {verb} sur {french.number(total)}.")
    if answer.missing:
        verb = "ne sont pas encore arrivés" if answer.missing > 1 else "n'est pas encore arrivé"
        return french.number(answer.missing), typeset(f"{_noun(answer.missing)} {verb} ; rien d'autre ne manque.")
    if answer.received == 1:
        return "Rien", typeset("ne manque : le seul enregistrement est arrivé.")
    return "Rien", typeset(f"ne manque : {french.number(answer.received)} enregistrements sont arrivés.")


def _noun(count: int) -> str:
    return _RECORDS[count > 1]


def _note(answer: LossAnswer) -> str:
    """Say what is counted, and what nobody can know."""
    said = (
        "Un enregistrement est une mesure, une charge ou un événement. "
        "Chacun porte un numéro ; aucun n'est compté deux fois."
    )
    if any(not epoch.in_use for epoch in answer.epochs):
        said += " Ce qu'une ancienne carte gardait après son dernier numéro reçu est inconnu."
    return typeset(said)


def _causes(answer: LossAnswer) -> list[Cause]:
    """List the causes, the largest loss first, then what may still come."""
    lost = sorted(answer.lost.items(), key=lambda item: -item[1])
    found = [_cause(count, *_CAUSES.get(cause, (f"perdus ({cause})", ""))) for cause, count in lost if count]
    if answer.card_replaced:
        found.append(_cause(answer.card_replaced, *_ON_OLD_CARD))
    if answer.not_yet_arrived:
        found.append(_cause(answer.not_yet_arrived, *_COMING))
    return found


def _cause(count: int, words: str, advice: str) -> Cause:
    return Cause(
        french.number(count), typeset(f"{_noun(count)} : {words if count > 1 else _singular(words)}"), typeset(advice)
    )


def _singular(words: str) -> str:
    """Put the leading participle, and what follows from it, into the singular."""
    for plural in ("abandonnés", "refusés", "abîmés", "perdus", "arrivés", "restés"):
        words = words.replace(plural, plural[:-1])
    return words


def _forgetful(count: int) -> str:
    if not count:
        return ""
    here = "étaient déjà arrivés ici" if count > 1 else "était déjà arrivé ici"
    return typeset(
        f"La carte ne garde pas tout ce qu'elle confirme : après une coupure, elle a oublié "
        f"{french.plural(count, *_RECORDS)} qui {here}. Rien n'est perdu cette fois ; emportez une carte neuve."
    )


def _card(epoch: EpochLoss, zone: ZoneInfo, now: datetime) -> Card:
    """Describe a card: cards have no order but that of their dates, for an old one may be put back."""
    words = [f"{french.plural(epoch.received, *_RECORDS)} {'reçus' if epoch.received > 1 else 'reçu'}"]
    if epoch.last_received_at is not None:
        words.append(f"le dernier est arrivé {french.age(epoch.last_received_at.astimezone(zone), now)}")
    if epoch.missing:
        words.append(f"{french.plural(epoch.missing, 'manque', 'manquent')}")
    return Card("En service" if epoch.in_use else "Retirée", typeset(" ; ".join(words)))


def _aside(answer: LossAnswer) -> str:
    if not answer.kept_aside:
        return ""
    reasons = [
        french.plural(count, *_REASONS.get(reason, (reason, reason))) for reason, count in answer.kept_aside_by.items()
    ]
    verb = "gardés" if answer.kept_aside > 1 else "gardé"
    return typeset(
        f"{french.plural(answer.kept_aside, 'message', 'messages')} que le serveur n'a pas pu lire, {verb} à part : "
        f"{french.listing(reasons)}. Le site envoie à nouveau ce qu'ils contenaient."
    )
