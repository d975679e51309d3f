"""The words behind codes and fault bits, in English and French: every device's own are mapped to these.

A state or fault is known by its code or bit, which never changes its meaning: new ones are added at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One thing said in the two languages."""

    en: str
    fr: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: what a device profile calls it, and what people read."""

    name: str
    words: Words


STATES: Mapping[str, Mapping[int, Words]] = {
    "charge_stage": {
        0: Words("not charging", "pas de charge"),
        1: Words("float", "maintien (floating)"),
        2: Words("boost (absorption)", "absorption"),
        3: Words("equalise", "égalisation"),
        4: Words("bulk", "charge principale"),
    },
    "charge_mode": {
        0: Words("panels disconnected", "panneaux déconnectés"),
        1: Words("PWM", "PWM"),
        2: Words("MPPT", "MPPT"),
    },
    "battery_type": {
        0: Words("set by the user", "réglage de l’utilisateur"),
        1: Words("sealed lead-acid", "plomb étanche"),
        2: Words("gel", "gel"),
        3: Words("flooded lead-acid", "plomb ouvert"),
        4: Words("lithium iron phosphate", "lithium fer phosphate"),
        5: Words("lithium nickel", "lithium nickel"),
        6: Words("AGM", "AGM"),
    },
    "device_state": {
        0: Words("standby", "en veille"),
        1: Words("starting", "démarrage"),
        2: Words("running on the battery", "sur batterie"),
        3: Words("mains passes through", "secteur en direct"),
        4: Words("fault", "en panne"),
        5: Words("charging", "en charge"),
        6: Words("tied to the mains", "couplé au secteur"),
        7: Words("off", "éteint"),
        8: Words("running", "en marche"),
    },
    "load_control": {
        0: Words("by hand", "manuel"),
        1: Words("by daylight", "selon la lumière"),
        2: Words("by daylight and timer", "lumière et minuterie"),
        3: Words("by timer", "minuterie"),
        4: Words("always on", "toujours en marche"),
        5: Words("test", "essai"),
    },
    "output_priority": {
        0: Words("sun, battery, mains", "soleil, batterie, secteur"),
        1: Words("sun first", "soleil d’abord"),
        2: Words("mains first", "secteur d’abord"),
        3: Words("sun, mains, battery", "soleil, secteur, batterie"),
    },
    "charge_priority": {
        0: Words("sun first", "soleil d’abord"),
        1: Words("sun and mains", "soleil et secteur"),
        2: Words("sun only", "soleil seulement"),
        3: Words("mains first", "secteur d’abord"),
    },
}

FAULTS: tuple[Fault, ...] = (
    Fault("other", Words("a fault of the device's own numbering", "défaut propre à l’appareil")),
    Fault("battery_over_voltage", Words("battery voltage too high", "tension de batterie trop haute")),
    Fault("battery_under_voltage", Words("battery voltage low", "tension de batterie basse")),
    Fault("low_voltage_disconnect", Words("load cut to save the battery", "coupure par tension basse")),
    Fault("battery_voltage_range", Words("battery voltage out of range", "tension de batterie hors limites")),
    Fault("battery_hot", Words("battery too hot", "batterie trop chaude")),
    Fault("battery_cold", Words("battery too cold", "batterie trop froide")),
    Fault(
        "battery_resistance", Words("battery internal resistance abnormal", "résistance interne de batterie anormale")
    ),
    Fault("battery_rating", Words("battery rated voltage not recognised", "tension nominale de batterie non reconnue")),
    Fault("battery_sensor", Words("battery temperature sensor", "sonde de température de batterie")),
    Fault("battery_missing", Words("battery not connected", "batterie débranchée")),
    Fault("battery_fault", Words("battery fault", "défaut de la batterie")),
    Fault("charge_over_current", Words("charge current too high", "courant de charge trop élevé")),
    Fault("discharge_over_current", Words("discharge current too high", "courant de décharge trop élevé")),
    Fault("battery_short", Words("short circuit at the battery", "court-circuit à la batterie")),
    Fault("cell_over_voltage", Words("a cell's voltage too high", "tension d’une cellule trop haute")),
    Fault("cell_under_voltage", Words("a cell's voltage too low", "tension d’une cellule trop basse")),
    Fault("cell_imbalance", Words("cells out of balance", "cellules déséquilibrées")),
    Fault("panel_over_voltage", Words("panel voltage too high", "tension des panneaux trop haute")),
    Fault("panel_under_voltage", Words("panel voltage too low", "tension des panneaux trop basse")),
    Fault("panel_over_current", Words("panel current too high", "courant des panneaux trop élevé")),
    Fault("panel_over_power", Words("panel power too high", "puissance des panneaux trop élevée")),
    Fault("panel_short", Words("short circuit at the panels", "court-circuit aux panneaux")),
    Fault("panel_reversed", Words("panels connected the wrong way round", "panneaux branchés à l’envers")),
    Fault("panel_back_current", Words("current flows back into the panels", "retour de courant dans les panneaux")),
    Fault("load_short", Words("short circuit at the load", "court-circuit à la sortie")),
    Fault("overload", Words("load too high", "surcharge")),
    Fault("output_voltage", Words("output voltage abnormal", "tension de sortie anormale")),
    Fault("controller_hot", Words("device too hot", "appareil trop chaud")),
    Fault("ambient_hot", Words("surroundings too hot", "température ambiante trop élevée")),
    Fault("charge_switch", Words("charging transistor", "transistor de charge")),
    Fault("load_switch", Words("load transistor or relay", "transistor ou relais de sortie")),
    Fault("fan", Words("fan", "ventilateur")),
    Fault("sensor", Words("inner sensor", "capteur interne")),
    Fault("hardware", Words("electronics of the device", "électronique de l’appareil")),
    Fault("software", Words("software of the device", "logiciel de l’appareil")),
    Fault("settings", Words("settings of the device", "réglages de l’appareil")),
    Fault("communication", Words("communication inside the device", "communication interne de l’appareil")),
    Fault("bus_voltage", Words("inner bus voltage", "tension interne")),
    Fault("mains", Words("mains out of range", "secteur hors limites")),
    Fault("wiring", Words("wiring", "câblage")),
    Fault("charge_too_long", Words("charging took too long", "charge trop longue")),
    Fault("service", Words("service due, calibration lost", "entretien nécessaire, étalonnage perdu")),
)
"""Bit n of the metric `faults` is entry n; at most 50, so that the number survives any reader of JSON."""

FAULTS_METRIC = "faults"
"""The metric whose bits they are."""

FAULT_BITS: Mapping[str, int] = {fault.name: bit for bit, fault in enumerate(FAULTS)}


def faults_of(value: int) -> list[Fault]:
    """List the faults whose bits are set; a bit that this version does not know is told as `other`."""
    known = [fault for bit, fault in enumerate(FAULTS) if value >> bit & 1]
    return known or [FAULTS[0]] if value else []


def state_words(metric: str, value: int) -> Words | None:
    """Find the words for a state's code; None when the metric has none."""
    return STATES.get(metric, {}).get(value)
