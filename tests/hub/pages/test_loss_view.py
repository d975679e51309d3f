"""What the page of missing data says: figures before words, a cause for each, and nothing that nobody can know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from hub.answers.loss import Comparison, EpochLoss, LossAnswer, TallyAnswer, TrafficAnswer
from hub.answers.sites import SiteAnswer
from hub.answers.times import Moment
from hub.answers.unobserved import Pause, PauseKind, Silence, Unobserved
from hub.domain.presence import Freshness
from hub.ingest.dating import TimeQuality
from hub.numbers import CAUSES
from hub.pages.loss_view import LossView, loss_view
from hub.pages.traffic_words import TrafficView
from hub.seals import Seal, SealVerdict
from protocol.tally import Sums
from tests.hub.pages.test_day_view import plain

NOW = datetime(2026, 11, 23, 20, 44, tzinfo=UTC)
SITE = SiteAnswer(
    "ecole-a", "École A", "school", "Kaya", "Africa/Ouagadougou", Freshness.CURRENT, NOW, NOW, True,  # noqa: FBT003
    None, None, None, None, (), None, None,
)  # fmt: skip
EMPTY = LossAnswer("ecole-a", 0, 0, 0, 0, 0, 0, {}, 0, {}, [], [], Unobserved([], 0.0, 0.0, 0, []), None)
CALM = replace(EMPTY, received=44_101)
EPOCH = EpochLoss(
    epoch="2a", in_use=True, first_received_at=NOW, last_received_at=NOW - timedelta(hours=3), first_row=None,
    last_row=None, highest_seq=10, received=10, missing=0, not_yet_arrived=0, card_replaced=0, unused=0, forgotten=0,
    missing_ranges=[], lost={}, lost_ranges={},
)  # fmt: skip
SUMS = Sums(100, 3, 2, 1200, 5, 77)
TALLY = TallyAnswer("2a", NOW, 1, 110, Comparison.AGREES, (), SUMS, SUMS, 0, 0, 0)


def see(answer: LossAnswer) -> LossView:
    """Look at the page of an answer."""
    return loss_view(answer, SITE, NOW)


def first_line(answer: LossAnswer) -> str:
    """Read the first line of the page."""
    view = see(answer)
    return plain(f"{view.figure} {view.words}")


def known(at: datetime) -> Moment:
    """Make a date that is sure."""
    return Moment(at, TimeQuality.SYNCED, 0.1)


DIFFERENT = "écart : charges terminées (2 au site, 1 ici), durée des charges (20 min au site, 11 min ici) et contenu"
UNKNOWN = Moment(None, TimeQuality.UNKNOWN, None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (EMPTY, "Rien n'a encore été reçu de ce site."),
        (CALM, "Rien ne manque : 44 101 enregistrements sont arrivés."),
        (replace(EMPTY, received=1), "Rien ne manque : le seul enregistrement est arrivé."),
        (
            replace(CALM, missing=1, not_yet_arrived=1),
            "1 enregistrement n'est pas encore arrivé ; rien d'autre ne manque.",
        ),
        (
            replace(CALM, missing=30, not_yet_arrived=30),
            "30 enregistrements ne sont pas encore arrivés ; rien d'autre ne manque.",
        ),
        (replace(CALM, lost={"disk_full": 120}), "120 enregistrements manquent sur 44 221."),
        (replace(CALM, missing=9, card_replaced=1, not_yet_arrived=8), "1 enregistrement manque sur 44 110."),
    ],
)
def test_the_first_line_answers_with_a_figure(answer: LossAnswer, words: str) -> None:
    """Nothing, what is on its way, or how much is lost of how much."""
    assert first_line(answer) == words


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_words_and_something_to_do(cause: str) -> None:
    """No cause is shown by its name in the code."""
    (one,) = see(replace(CALM, lost={cause: 1})).causes
    (two,) = see(replace(CALM, lost={cause: 2})).causes
    assert cause not in one.words
    assert one.advice
    assert plain(one.words).startswith("enregistrement : ")
    assert plain(two.words).startswith("enregistrements : ")
    assert plain(one.words).split(" : ")[1].split()[0] + "s" == plain(two.words).split(" : ")[1].split()[0]


def test_what_may_still_come_stands_after_what_is_lost() -> None:
    """The largest loss first; for what waits on site, the USB key."""
    answer = replace(
        CALM, lost={"disk_full": 2, "lost": 7, "shed_budget": 0}, missing=5, not_yet_arrived=4, card_replaced=1
    )
    found = see(answer).causes
    assert [cause.figure for cause in found] == ["7", "2", "1", "4"]
    assert "clé USB" in plain(found[-1].advice)
    assert "ancienne carte" in plain(found[-2].advice)
    assert see(CALM).causes == []
    assert plain(see(CALM).nothing) == "Il n'y a rien à faire."
    assert see(EMPTY).nothing == ""


def test_what_is_unknown_of_an_old_card_is_said() -> None:
    """Rows after the highest known number of a card that is gone: nobody can count them."""
    old = replace(EPOCH, in_use=False, missing=3, card_replaced=3)
    view = see(replace(CALM, epochs=[EPOCH, old]))
    assert "après son dernier numéro reçu est inconnu" in plain(view.note)
    assert [card.name for card in view.cards] == ["En service", "Retirée"]
    assert "10 enregistrements reçus ; le dernier est arrivé il y a 3 h" in plain(view.cards[0].words)
    assert plain(view.cards[1].words).endswith("3 manquent")
    alone = see(replace(CALM, epochs=[replace(EPOCH, last_received_at=None)]))
    assert alone.cards == []
    assert "inconnu" not in alone.note
    two = see(replace(CALM, epochs=[EPOCH, replace(EPOCH, received=1, last_received_at=None)]))
    assert plain(two.cards[1].words) == "1 enregistrement reçu"


@pytest.mark.parametrize(
    ("count", "words"), [(1, "a oublié 1 enregistrement qui était"), (4, "a oublié 4 enregistrements qui étaient")]
)
def test_a_card_that_forgets_is_named(count: int, words: str) -> None:
    """Nothing is lost yet, and a new card is needed."""
    said = plain(see(replace(CALM, forgotten=count)).forgetful)
    assert words in said
    assert "carte neuve" in said
    assert see(CALM).forgetful == ""


def test_messages_kept_aside_are_explained() -> None:
    """How many and why, in words; an unknown reason by its name."""
    said = plain(see(replace(CALM, kept_aside=3, kept_aside_by={"malformed": 2, "odd": 1})).aside)
    assert said.startswith("3 messages que le serveur n'a pas pu lire, gardés à part : 2 illisibles et 1 odd.")
    assert plain(see(replace(CALM, kept_aside=1, kept_aside_by={"truncated": 1})).aside).startswith("1 message que")


TRAFFIC = TrafficAnswer(
    at=NOW, day=date(2026, 11, 22), total_bytes=61_150,
    bytes_by_kind={"money": 2_000, "alarm": 0, "detail": 43_150, "control": 16_000},
    budget_bytes=82_000, left_bytes=300_000, shed_rows=0,
)  # fmt: skip


def test_a_day_on_the_link_is_told_with_its_budget() -> None:
    """What it cost of how much, what is left, and what the bytes were for, the most first."""
    said = see(replace(CALM, traffic=TRAFFIC)).traffic
    assert plain(said.sentence) == (
        "Le dimanche 22 novembre 2026, le site a utilisé 61 ko de réseau, pour 82 ko par jour. "
        "Il restait 300 ko, avec ce qui n'a pas servi les jours d'avant."
    )
    assert plain(said.parts) == (
        "Dont 43 ko de mesures détaillées ; 16 ko de connexions et d'accusés de réception ; 2,0 ko de charges."
    )
    assert said.shed == ""
    assert see(CALM).traffic == TrafficView()


def test_a_day_without_budget_or_date_is_told_without_them() -> None:
    """Where nobody counts, no limit is made up; where no clock was trusted, no day."""
    nothing = replace(TRAFFIC, day=None, total_bytes=0, bytes_by_kind={}, budget_bytes=None, left_bytes=None)
    said = see(replace(CALM, traffic=nothing)).traffic
    assert plain(said.sentence) == "Le dernier jour compté, le site a utilisé 0 ko de réseau, sans limite fixée."
    assert said.parts == ""


@pytest.mark.parametrize(
    ("rows", "words"), [(1, "1 mesure a été abandonnée"), (640, "640 mesures ont été abandonnées")]
)
def test_what_the_budget_could_not_carry_is_said(rows: int, words: str) -> None:
    """How many measures were given up that day."""
    said = plain(see(replace(CALM, traffic=replace(TRAFFIC, shed_rows=rows))).traffic.shed)
    assert said == f"Ce jour-là, {words} pour ne pas dépasser le forfait."


def _pause(kind: PauseKind, hours: float, error_s: float = 0, absent: int = 0) -> Pause:
    end = NOW - timedelta(hours=1)
    return Pause(
        kind, known(end - timedelta(hours=hours)), known(end), known(end), hours * 3600 - error_s,
        hours * 3600 + error_s, absent,
    )  # fmt: skip


def test_pauses_are_told_with_their_bounds() -> None:
    """From when to when, how long, as a range where it is not sure, and what may have filled it."""
    found = [
        _pause(PauseKind.POWERED_OFF, 2),
        _pause(PauseKind.AGENT_STOPPED, 0.01),
        _pause(PauseKind.CARD_REPLACED, 75, error_s=7200),
        replace(_pause(PauseKind.POWERED_OFF, 4, absent=3), low_s=0.0),
        replace(_pause(PauseKind.POWERED_OFF, 4, absent=1), low_s=0.0),
        Pause(PauseKind.POWERED_OFF, UNKNOWN, UNKNOWN, known(NOW), None, None, 0),
    ]
    view = see(replace(CALM, unobserved=Unobserved(found, 3600 * 70, 3600 * 90, 1, []))).pauses
    assert plain(view.sentence) == (
        "6 arrêts connus : 2 jours 22 h à 3 jours 18 h sans données en tout, et 1 arrêt de durée inconnue. "
        "1 arrêt de moins de deux minutes n'est pas dans la liste."
    )
    rows = [[plain(cell) for cell in (row.what, row.start, row.end, row.length, row.remark)] for row in view.rows]
    assert rows[0] == ["hors tension", "lundi 23 novembre à 17 h 44", "19 h 44", "2 h", ""]
    assert rows[1][0] == "carte changée"
    assert rows[1][2:4] == ["lundi 23 novembre à 19 h 44", "3 jours 1 h à 3 jours 5 h"]
    assert rows[2][3] == "au plus 4 h"
    assert rows[2][4] == "3 enregistrements de ce temps ne sont pas ici : l'arrêt a pu être plus court"
    assert rows[3][4].startswith("1 enregistrement de ce temps n'est pas ici")
    assert rows[4][1:4] == ["heure inconnue", "lundi 23 novembre à 20 h 44", "inconnue"]


def test_many_pauses_are_cut_and_none_is_said() -> None:
    """The newest dozen; a site that was always seen is told so."""
    many = [_pause(PauseKind.POWERED_OFF, 48)] * 15 + [_pause(PauseKind.AGENT_STOPPED, 0.01)] * 2
    view = see(replace(CALM, unobserved=Unobserved(many, 100.0, 100.0, 0, []))).pauses
    assert len(view.rows) == 12
    assert plain(view.rows[0].length) == "2 jours"
    assert "2 arrêts de moins de deux minutes ne sont pas dans la liste. Voici les 12 derniers." in plain(view.sentence)
    assert "toujours été observé" in plain(see(CALM).pauses.sentence)
    undated = Unobserved([Pause(PauseKind.POWERED_OFF, UNKNOWN, UNKNOWN, UNKNOWN, None, None, 0)], 0.0, 0.0, 1, [])
    assert plain(see(replace(CALM, unobserved=undated)).pauses.sentence) == (
        "1 arrêt connu, et 1 arrêt de durée inconnue."
    )


def test_silent_devices_are_told_one_by_one() -> None:
    """Those that still do not answer first; several silences of one device are added up."""
    found = [
        Silence("a", NOW, NOW, 600, True),  # noqa: FBT003
        Silence("a", NOW - timedelta(days=1), None, None, True),  # noqa: FBT003
        Silence("b", None, None, None, True),  # noqa: FBT003
        Silence("c", NOW, None, None, False),  # noqa: FBT003
        Silence("d", NOW, NOW, 60, True),  # noqa: FBT003
    ]
    said = [plain(line) for line in see(replace(CALM, unobserved=Unobserved([], 0, 0, 0, found))).pauses.silences]
    assert said == [
        "L'appareil « c » ne répond plus depuis le lundi 23 novembre à 20 h 44.",
        (
            "L'appareil « a » n'a pas répondu, 2 fois, en tout au moins 10 min, "
            "la dernière fois le lundi 23 novembre à 20 h 44."
        ),
        "L'appareil « b » n'a pas répondu, pendant un temps inconnu.",
        "L'appareil « d » n'a pas répondu, pendant 1 min, le lundi 23 novembre à 20 h 44.",
    ]


def test_both_sides_counts_stand_side_by_side() -> None:
    """What agrees, what differs and in what, and what still waits."""
    tallies = [
        replace(TALLY, comparison=Comparison.WAITING, here=None, awaited=4, at=None),
        replace(TALLY, comparison=Comparison.WAITING, here=None),
        replace(
            TALLY, comparison=Comparison.DIFFERS, differs=("ended", "charged_s", "check"),
            here=replace(SUMS, ended=1, charged_s=660, check=1),
        ),
        replace(TALLY, here=replace(SUMS, samples=98), lost=2, forgotten=1),
    ]  # fmt: skip
    view = see(replace(CALM, tallies=tallies)).comparisons
    assert plain(view.sentence) == (
        "1 compte sur 2 diffère, et l'écart n'est pas expliqué ; 2 comptes attendent des enregistrements."
    )
    rows = [[plain(cell) for cell in (row.until, row.there, row.here, row.charges, row.remark)] for row in view.rows]
    assert rows == [
        ["heure inconnue", "110", "pas encore", "2", "en attente de 4 enregistrements"],
        ["lundi 23 novembre à 20 h 44", "110", "pas encore", "2", "sera comparé"],
        ["lundi 23 novembre à 20 h 44", "110", "109", "2 ; ici 1",
         DIFFERENT],
        ["lundi 23 novembre à 20 h 44", "110", "108", "2",
         "concordent ; 2 abandonnés avec leur cause ; 1 oublié par la carte, mais reçu ici"],
    ]  # fmt: skip
    assert [row.doubtful for row in view.rows] == [False, False, True, False]


@pytest.mark.parametrize(
    ("tallies", "words"),
    [
        ([], "Le site n'a pas encore envoyé de compte : il le fait après chaque jour de marche."),
        ([TALLY], "Le site et le serveur comptent pareil : 1 compte sur 1."),
        ([replace(TALLY, comparison=Comparison.DIFFERS, differs=("rows",))] * 2,
         "2 comptes sur 2 diffèrent, et l'écart n'est pas expliqué."),
        ([replace(TALLY, comparison=Comparison.WAITING)],
         "Aucun compte n'a encore pu être comparé ; 1 compte attend des enregistrements."),
    ],
)  # fmt: skip
def test_one_sentence_tells_whether_both_count_the_same(tallies: list[TallyAnswer], words: str) -> None:
    """Agreement, difference, or not yet."""
    assert plain(see(replace(CALM, tallies=tallies)).comparisons.sentence) == words


AGREES, UNSEALED = SealVerdict(Seal.AGREES, Seal.AGREES), SealVerdict(Seal.UNSEALED, Seal.UNSEALED)
EDITED = replace(TALLY, seals=SealVerdict(Seal.DIFFERS, Seal.AGREES))
SEALED, BARE = replace(TALLY, seals=AGREES), replace(TALLY, seals=UNSEALED)


def was_edited(when: str) -> str:
    """Say that a card was edited."""
    return (
        f"Des enregistrements ont été modifiés sur la carte, ou écrits avec une autre clé secrète : dans {when}. "
        "Gardez cette carte telle quelle, et prévenez la personne qui tient le serveur."
    )


def has_no_key(when: str) -> str:
    """Say since when a card has no key."""
    return (
        f"Depuis le compte arrêté {when}, la carte écrit sans sa clé secrète : une modification ne s'y verrait pas. "
        "Demandez une nouvelle trousse d'installation à la personne qui tient le serveur."
    )


@pytest.mark.parametrize(
    ("tallies", "warnings"),
    [
        ([TALLY, SEALED], []),
        ([BARE, TALLY], []),
        ([SEALED, EDITED], [was_edited("le compte arrêté le lundi 23 novembre à 20 h 44")]),
        ([replace(EDITED, at=None), EDITED], [was_edited("2 comptes, dont le dernier d'un jour inconnu")]),
        ([TALLY, BARE, replace(BARE, at=None), SEALED, BARE], [has_no_key("un jour inconnu")]),
        ([BARE, SEALED], [has_no_key("le lundi 23 novembre à 20 h 44")]),
        ([BARE, EDITED], [
            was_edited("le compte arrêté le lundi 23 novembre à 20 h 44"), has_no_key("le lundi 23 novembre à 20 h 44"),
        ]),
    ],
)  # fmt: skip
def test_what_the_seals_say_is_told_without_blame(tallies: list[TallyAnswer], warnings: list[str]) -> None:
    """An edited card, and one that lost its key, with what to do; nothing where all is well or never had a key."""
    view = see(replace(CALM, tallies=tallies)).comparisons
    assert [plain(warning) for warning in view.warnings] == warnings


@pytest.mark.parametrize(
    ("seals", "remark", "doubtful"),
    [
        (None, "concordent", False),
        (AGREES, "concordent", False),
        (
            SealVerdict(Seal.DIFFERS, Seal.DIFFERS),
            "nombres concordants ; modifiés, ou écrits avec une autre clé secrète : charges ou événements et mesures",
            True,
        ),
        (
            SealVerdict(Seal.ROWS_LOST, Seal.DIFFERS),
            "nombres concordants ; modifiés, ou écrits avec une autre clé secrète : mesures",
            True,
        ),
        (SealVerdict(Seal.AGREES, Seal.ROWS_LOST), "concordent", False),
        (SealVerdict(Seal.ROWS_LOST, Seal.AGREES), "concordent ; sceau : des enregistrements manquent", False),
        (UNSEALED, "concordent ; sans sceau", False),
        (
            SealVerdict(Seal.NO_KEY, Seal.NO_KEY),
            "concordent ; sceau : la clé secrète du site n'est pas connue ici",
            False,
        ),
        (SealVerdict(Seal.BEGUN_ANEW, Seal.AGREES), "concordent ; sceau : le compte d'avant manque", False),
        (SealVerdict(Seal.TOO_LONG, Seal.TOO_LONG), "concordent ; sceau : trop d'enregistrements à la fois", False),
    ],
)
def test_each_count_says_what_its_seal_tells(seals: SealVerdict | None, remark: str, *, doubtful: bool) -> None:
    """Of samples only what differs is worth a word: they may be given up."""
    (row,) = see(replace(CALM, tallies=[replace(TALLY, seals=seals)])).comparisons.rows
    assert (plain(row.remark), row.doubtful) == (remark, doubtful)
