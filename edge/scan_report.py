"""What a scan found, in lines for a technician, and the lines that `site.yaml` takes. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from edge.recognition import Fit, Sign, at_home, sign_of
from edge.registers import Problem, Quantity, Reading
from edge.scan import Found, Searched, Stranger, said
from protocol.metrics import CATALOGUE
from protocol.states import FAULTS_METRIC, faults_of, state_words

HEADER = "# Found by kayasol-edge scan. Put these lines into site.yaml, then run: kayasol-edge check"
DEVICES_MAX = 8
ISSUES = "https://github.com/kayasol/kayasol/issues"

_NAMES = {
    "charge controller": "controller",
    "inverter": "inverter",
    "meter": "meter",
    "battery monitor": "battery",
    "system": "overview",
}
_ON_SCREENS = (
    "battery_voltage_v",
    "soc_pct",
    "panel_voltage_v",
    "charge_current_a",
    "load_voltage_v",
    "load_current_a",
    "load_power_w",
    "generated_total_kwh",
    "consumed_total_kwh",
    "load_frequency_hz",
)
"""What most devices show, best for comparing first."""

_COMPARED_MAX = 4
_WORDS = {"soc": "state of charge", "soh": "state of health", "temp": "temperature", "min": "lowest", "max": "highest"}
_PLAIN_TEXT = re.compile(r"[A-Za-z/][\w./:@+-]*(?<!:)|\d+\.\d+\.\d+\.\d+")
_YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def report(results: Sequence[Searched]) -> Iterator[str]:
    """Tell of every device, with its readings, and of every unit that nobody recognises."""
    for result in results:
        for found in result.found:
            yield from _device(found)
            yield ""
        for stranger in result.strangers:
            yield from _stranger(stranger)
            yield ""


def site_lines(found: Sequence[Found]) -> list[str]:
    """Give the `devices:` of a `site.yaml`; what cannot be used as it is stands there as a comment that says why."""
    lines = [HEADER, "devices:"]
    kept = 0
    for name, one in zip(_names(found), found, strict=True):
        why_not = _obstacle(one) or (f"a site has at most {DEVICES_MAX} devices" if kept == DEVICES_MAX else "")
        if why_not:
            lines += [f"  # {name}: {why_not}", *(f"  #   {line}" for line in _settings(one))]
            continue
        kept += 1
        lines += [f"  {name}:", *(f"    {line}" for line in _settings(one))]
        others = ", ".join(fit.profile.name for fit in one.fits[1:])
        lines += [f"    # fits too, compare the readings: {others}"] if others else []
    return lines if kept else [HEADER, *lines[2:]]


def _device(found: Found) -> Iterator[str]:
    fit = found.fits[0]
    number = "any unit number" if found.every_unit else f"unit {found.unit}"
    yield f"{said(found.connection)}, {number}: {fit.profile.title}"
    yield f"  profile {fit.profile.name} ({fit.profile.confidence}), {_share(fit)}"
    told = [f"{name} {text}" for name, text in fit.nameplate.items()]
    told += [f"its clock says {fit.clock}"] if fit.clock else []
    if told:
        yield f"  {', '.join(told)}"
    if not at_home(fit.profile, found.connection) and found.connection.port is not None:
        yield f"  This is not its speed from the factory, which is {fit.profile.bus.baud} baud."
    yield ""
    yield from _table(fit)
    yield from _comparison(fit)
    if len(found.fits) > 1:
        yield "  OTHER PROFILES FIT AS WELL. You must choose, by the device's nameplate and by what its screen says:"
        for other in found.fits[1:]:
            yield f"    {other.profile.name}: {other.profile.title} ({other.profile.confidence}), {_share(other)}"


def _share(fit: Fit) -> str:
    return f"{fit.share:.0%} of its readings make sense"


def _table(fit: Fit) -> Iterator[str]:
    rows = [(name_of(quantity.metric), shown(quantity, reading)) for quantity, reading in fit.readings]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield f"    {name:<{width}}  {value}"
    yield ""


def _comparison(fit: Fit) -> Iterator[str]:
    """Ask the technician to compare what the device shows too."""
    figures = {
        quantity.metric for quantity, reading in fit.readings if reading is not None and reading.value is not None
    }
    names = [name_of(metric) for metric in _ON_SCREENS if metric in figures][:_COMPARED_MAX]
    if not names:
        yield "  No reading makes sense: the profile fits by its marks only. Look again by day, with the panels lit."
        return
    *most, last = names
    listed = f"{', '.join(most)} and {last}" if most else last
    yield "  Compare these with the device's own screen or a multimeter:"
    yield f"  {listed}."
    yield "  If one of them is wrong, the profile is not the right one, whatever the name says."


def _stranger(stranger: Stranger) -> Iterator[str]:
    yield f"{said(stranger.connection)}, unit {stranger.unit}: SOMETHING ANSWERS, but no profile fits it."
    for block, words in stranger.answers.items():
        yield f"    {block.table} {block.address:#06x}: {' '.join(f'{word:04x}' for word in words)}"
    refused = sum(sign_of(error) is Sign.ANSWER for error in stranger.errors.values())
    yield f"    said no to {refused} questions of the profiles, and nothing to {len(stranger.errors) - refused}"
    yield f"  Send these lines with maker and model from its nameplate to {ISSUES}"
    yield "  If you believe that a profile fits, put it into site.yaml and send what kayasol-edge dump says, too."


def name_of(metric: str) -> str:
    """Say a metric in words; its unit stands behind the figure."""
    parts = metric.split("_")
    if CATALOGUE[metric].unit and len(parts) > 1:
        parts = parts[:-1]
    return " ".join(_WORDS.get(part, part) for part in parts)


def shown(quantity: Quantity, reading: Reading | None) -> str:
    """Say a reading with its unit, or why it is none; what cannot be true is never shown as a figure."""
    if reading is None:
        return "not told by this device"
    if reading.value is None:
        why = {
            Problem.INVALID: "the device says that it has no reading",
            Problem.UNMAPPED: "a code that the profile does not know",
            Problem.IMPLAUSIBLE: "IMPLAUSIBLE",
        }
        return f"{why[reading.problem or Problem.IMPLAUSIBLE]} (raw {reading.raw})"
    if quantity.metric == FAULTS_METRIC:
        return ", ".join(fault.words.en for fault in faults_of(reading.value)) or "none"
    metric = CATALOGUE[quantity.metric]
    words = state_words(quantity.metric, reading.value)
    if words is not None:
        return words.en
    return f"{reading.value * 10.0**-quantity.decimals:.{metric.decimals}f} {metric.unit}".rstrip()


def _names(found: Sequence[Found]) -> list[str]:
    """Name devices by what they are, with a number where there are several."""
    kinds = [_NAMES.get(one.profile.kind, "device") for one in found]
    counts, so_far = Counter(kinds), Counter[str]()
    names = []
    for kind in kinds:
        so_far[kind] += 1
        names.append(f"{kind}-{so_far[kind]}" if counts[kind] > 1 else kind)
    return names


def _obstacle(found: Found) -> str:
    """Say why a device cannot stand in `site.yaml` as it is; empty when it can."""
    connection, bus = found.connection, found.profile.bus
    if connection.port is None:
        return ""
    if not bus.baud:
        return f"{found.profile.name} is read over the network only"
    if connection.parity != bus.parity:
        return f"answers with parity {connection.parity}; set the device to parity {bus.parity}, as its profile says"
    return ""


def _settings(found: Found) -> Iterator[str]:
    """Give what `site.yaml` says of one device; what the profile says already is not repeated."""
    connection, bus = found.connection, found.profile.bus
    yield f"profile: {found.profile.name}"
    if connection.port is not None:
        speed = f", baud: {connection.baud}" if connection.baud != bus.baud else ""
        yield f"connection: {{port: {_scalar(connection.port)}{speed}}}"
    else:
        usual = connection.tcp_port == (bus.tcp_port or 502)
        tcp_port = "" if usual else f", tcp_port: {connection.tcp_port}"
        yield f"connection: {{host: {_scalar(connection.host or '')}{tcp_port}}}"
    if found.unit != bus.unit:
        yield f"unit: {found.unit}"


def _scalar(text: str) -> str:
    """Write a text as YAML takes it, in quotes unless it can be nothing else."""
    plain = _PLAIN_TEXT.fullmatch(text) and text.lower() not in _YAML_WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
