"""What a site's page says of its clock, and of rows without a date: nothing as long as all is well. Pure."""

from __future__ import annotations

from hub.answers.clock import DAYS, ClockAnswer, ControllerClock
from hub.pages import french
from hub.pages.french import NBSP, typeset

DAY_S = 86_400
NOTICED_S = 1800
"""From this error on, a controller's own clock is worth a sentence."""

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
    if answer.controller is not None:
        said += _controller_words(answer.controller)
    rows = answer.rows["unknown"]
    if rows:
        count = french.plural(rows, "enregistrement", "enregistrements")
        has = "n'a pas d'heure connue : il est gardé, mais n'apparaît" if rows == 1 else _HAVE
        said.append(f"{count} {has} sur aucune courbe.")
    return [typeset(sentence) for sentence in said]


def _controller_words(clock: ControllerClock) -> list[str]:
    wrong_s = abs(clock.ahead_s)
    if wrong_s <= NOTICED_S + (clock.read.error_s or 0.0):
        return []
    side = "en avance" if clock.ahead_s > 0 else "en retard"
    amount = french.plural(wrong_s // DAY_S, "jour", "jours") if wrong_s >= 2 * DAY_S else french.duration(wrong_s)
    said = (
        f"L'horloge du régulateur de charge est {side} de {amount} : ses totaux « du jour » ne repartent pas de zéro à "
        "minuit. Elle se règle sur le régulateur même ; les courbes n'en dépendent pas."
    )
    return [said]
