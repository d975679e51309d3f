"""From two neighbouring grid minutes to what the controller measures in between, with its small noise.

The noise is a function of the village, the instant and the metric, so the same question gets the same answer.
Counters carry no noise and never fall (today's ones at midnight only).
"""

from __future__ import annotations

from math import floor
from operator import sub

from edge.simulator.plant import PlantState
from edge.simulator.tally import Counts

_MASK = (1 << 64) - 1
_VOLT_NOISE = 0.012
_CURRENT_NOISE = 0.006  # share of the value
_TEMP_NOISE_C = 0.08
_PEAK = 1.03  # a controller samples faster than it is read: its peaks stand a little above what was read


def noise(key: int, at_ms: int, channel: int) -> float:
    """Give an even spread over -1..1 that looks random and is not (splitmix64 finaliser)."""
    mixed = (key + at_ms * 0x9E3779B97F4A7C15 + channel * 0xD1342543DE82EF95) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / 4503599627370496.0 - 1.0


def _same_state(now: PlantState, after: PlantState) -> bool:
    """Say whether nothing was switched between two minutes, so that a straight line between them is honest."""
    return now.load_on == after.load_on and now.stage == after.stage and now.night == after.night


def measure(now: PlantState, after: PlantState, share: float, key: int, at_ms: int) -> dict[str, float]:
    """Give the metrics `share` (0-1) of the way from one grid minute to the next, units as the names end."""
    reach = share if _same_state(now, after) else 0.0
    battery_clean_v = _between(now.battery_v, after.battery_v, reach)
    v_max = max(now.today.battery_v, battery_clean_v)
    v_min = min(now.today.battery_v_min, battery_clean_v)
    battery_v = min(v_max, max(v_min, battery_clean_v + _VOLT_NOISE * noise(key, at_ms, 1)))
    panel_clean_v = _between(now.panel_v, after.panel_v, reach)
    panel_v_max = max(now.today.panel_v, panel_clean_v)
    panel_v = min(panel_v_max, max(0.0, panel_clean_v + 2.0 * _VOLT_NOISE * noise(key, at_ms, 2)))
    panel_clean_w = _between(now.panel_v * now.panel_a, after.panel_v * after.panel_a, reach)
    panel_a = _between(now.panel_a, after.panel_a, reach)
    panel_a *= 1.0 + _CURRENT_NOISE * noise(key, at_ms, 3)
    charge_clean_a = _between(now.charge_a, after.charge_a, reach)
    charge_a = charge_clean_a * (1.0 + _CURRENT_NOISE * noise(key, at_ms, 4))
    # A load jumps when a lamp or a phone is switched: between two minutes it is not a slope.
    load_a = now.load_a * (1.0 + _CURRENT_NOISE * noise(key, at_ms, 5))
    load_v = battery_v if now.load_on else 0.0
    return {
        "panel_voltage_v": panel_v,
        "panel_current_a": panel_a,
        "panel_power_w": panel_v * panel_a,
        "panel_voltage_max_today_v": panel_v_max,
        "panel_power_max_today_w": _PEAK * max(now.today.panel_w, panel_clean_w),
        "panel_best_voltage_v": now.sun.best_v,
        "panel_best_power_w": now.sun.best_w,
        "panel_open_circuit_v": now.sun.open_v,
        "battery_voltage_v": battery_v,
        "battery_current_a": charge_a - load_a,
        "battery_voltage_max_today_v": v_max,
        "battery_voltage_min_today_v": v_min,
        "battery_voltage_max_ever_v": max(v_max, now.ever.battery_v),
        "battery_voltage_min_ever_v": min(v_min, now.ever.battery_v_min),
        "charge_current_a": charge_a,
        "charge_power_w": charge_a * battery_v,
        "charge_target_v": now.target_v,
        "charge_current_max_today_a": _PEAK * max(now.today.charge_a, charge_clean_a),
        "charge_power_max_today_w": _PEAK * max(now.today.charge_w, _between(now.charge_w, after.charge_w, reach)),
        "discharge_current_max_today_a": _PEAK * now.today.load_a,
        "discharge_power_max_today_w": _PEAK * now.today.load_w,
        "load_voltage_v": load_v,
        "load_current_a": load_a,
        "load_power_w": load_v * load_a,
        "soc_pct": now.soc_shown_pct,
        "soh_pct": now.health_pct,
        "ambient_temp_c": now.ambient_c,
        "battery_temp_c": now.battery_temp_c + _TEMP_NOISE_C * noise(key, at_ms, 6),
        "controller_temp_c": now.controller_temp_c + _TEMP_NOISE_C * noise(key, at_ms, 7),
        "charge_stage": float(now.stage),
        "load_on": float(now.load_on),
        "night": float(now.night),
        "faults": float(now.faults),
        **_counted(now, after, share),
    }


def _counted(now: PlantState, after: PlantState, share: float) -> dict[str, float]:
    """Give what is counted: on a straight line between two minutes, today's since midnight."""
    total = Counts._make(_between(*pair, share) for pair in zip(now.counts, after.counts, strict=True))
    today = Counts._make(map(sub, total, now.at_midnight))
    return {
        "generated_today_kwh": today.generated_kwh,
        "generated_total_kwh": total.generated_kwh,
        "consumed_today_kwh": today.consumed_kwh,
        "consumed_total_kwh": total.consumed_kwh,
        "battery_charged_today_ah": today.charged_ah,
        "battery_charged_total_ah": total.charged_ah,
        "battery_charged_today_kwh": today.charged_kwh,
        "battery_charged_total_kwh": total.charged_kwh,
        "battery_discharged_today_ah": today.discharged_ah,
        "battery_discharged_total_ah": total.discharged_ah,
        "battery_discharged_today_kwh": today.discharged_kwh,
        "battery_discharged_total_kwh": total.discharged_kwh,
        "absorption_today_s": today.absorption_s,
        "float_today_s": today.float_s,
        "equalise_today_s": today.equalise_s,
        "battery_full_charges": floor(total.full_charges),
        "battery_over_discharges": floor(total.over_discharges),
        "operating_hours": floor(total.minutes / 60.0),
        "operating_days": floor(total.minutes / 1440.0),
    }


def _between(now: float, after: float, share: float) -> float:
    return now + (after - now) * share
