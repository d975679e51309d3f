"""From two neighbouring grid minutes to what the controller measures in between, with its small noise.

The noise is a function of the village, the instant and the metric, so the same question gets the same answer.
Counters carry no noise and never fall (today's ones at midnight only).
"""

from __future__ import annotations

from edge.simulator.plant import PlantState

_MASK = (1 << 64) - 1
_VOLT_NOISE = 0.012
_CURRENT_NOISE = 0.006  # share of the value
_TEMP_NOISE_C = 0.08
_MINUTE_KWH = 60.0 / 3600.0 / 1000.0


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
    battery_clean_v = now.battery_v + (after.battery_v - now.battery_v) * reach
    v_max = max(now.battery_v_max, battery_clean_v)
    v_min = min(now.battery_v_min, battery_clean_v)
    battery_v = min(v_max, max(v_min, battery_clean_v + _VOLT_NOISE * noise(key, at_ms, 1)))
    panel_clean_v = now.panel_v + (after.panel_v - now.panel_v) * reach
    panel_v_max = max(now.panel_v_max, panel_clean_v)
    panel_v = min(panel_v_max, max(0.0, panel_clean_v + 2.0 * _VOLT_NOISE * noise(key, at_ms, 2)))
    panel_a = now.panel_a + (after.panel_a - now.panel_a) * reach
    panel_a *= 1.0 + _CURRENT_NOISE * noise(key, at_ms, 3)
    charge_a = now.charge_a + (after.charge_a - now.charge_a) * reach
    charge_a *= 1.0 + _CURRENT_NOISE * noise(key, at_ms, 4)
    # A load jumps when a lamp or a phone is switched: between two minutes it is not a slope.
    load_a = now.load_a * (1.0 + _CURRENT_NOISE * noise(key, at_ms, 5))
    load_v = battery_v if now.load_on else 0.0
    generated_kwh = now.generated_kwh + now.charge_w * _MINUTE_KWH * share
    consumed_kwh = now.consumed_kwh + now.load_w * _MINUTE_KWH * share
    return {
        "panel_voltage_v": panel_v,
        "panel_current_a": panel_a,
        "panel_power_w": panel_v * panel_a,
        "battery_voltage_v": battery_v,
        "battery_current_a": charge_a - load_a,
        "charge_current_a": charge_a,
        "charge_power_w": charge_a * battery_v,
        "battery_temp_c": now.battery_temp_c + _TEMP_NOISE_C * noise(key, at_ms, 6),
        "soc_pct": now.soc_shown_pct,
        "load_voltage_v": load_v,
        "load_current_a": load_a,
        "load_power_w": load_v * load_a,
        "controller_temp_c": now.controller_temp_c + _TEMP_NOISE_C * noise(key, at_ms, 7),
        "generated_today_kwh": generated_kwh - now.generated_midnight_kwh,
        "consumed_today_kwh": consumed_kwh - now.consumed_midnight_kwh,
        "generated_total_kwh": generated_kwh,
        "consumed_total_kwh": consumed_kwh,
        "battery_voltage_max_today_v": v_max,
        "battery_voltage_min_today_v": v_min,
        "panel_voltage_max_today_v": panel_v_max,
        "charge_stage": float(now.stage),
        "load_on": float(now.load_on),
        "night": float(now.night),
        "faults": float(now.faults),
    }
