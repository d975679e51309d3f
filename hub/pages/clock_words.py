"""What a site's page says of its clock, and of rows without a date: nothing as long as all is well. Pure."""

from __future__ import annotations

from hub.answers.clock import DAYS, ClockAnswer
from hub.pages import french
from hub.pages.french import NBSP, typeset

_HAVE = "n'ont pas d'heure connue : ils sont gardés, mais n'apparaissent"


def clock_words(answer: ClockAnswer) -> list[str]:
    """Say in sentences what is wrong with the times of a site."""
    said = []
    if answer.verdict in ("ahead", "behind") and answer.ahead_h is not None:
        side = "en avance" if answer.verdict == "ahead" else "en retard"
        said.append(
            f"L'horloge de ce site paraît {side} d'environ {round(abs(answer.ahead_h))}{NBSP}h, d'après la lumière "
            f"reçue par les panneaux ces {DAYS} derniers jours. Les heures de cette page sont à vérifier."
        )
    rows = answer.rows["unknown"]
    if rows:
        count = french.plural(rows, "enregistrement", "enregistrements")
        has = "n'a pas d'heure connue : il est gardé, mais n'apparaît" if rows == 1 else _HAVE
        said.append(f"{count} {has} sur aucune courbe.")
    return [typeset(sentence) for sentence in said]
