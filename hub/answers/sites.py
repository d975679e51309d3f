"""Which sites there are and how each is doing right now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.answers.times import utc
from hub.domain.columns import primary
from hub.domain.presence import Freshness, freshness
from hub.errors import NotFound
from hub.ports import Ledger, Presence, Site
from protocol.metrics import metric_of
from protocol.states import FAULTS_METRIC, Words, faults_of, state_words

_PRESENT = ("battery_voltage_v", "soc_pct", "panel_power_w", "load_power_w")


@dataclass(frozen=True, slots=True)
class Value:
    """The newest value of a column and its moment."""

    column: str
    metric: str
    unit: str
    value: float
    decimals: int
    at: datetime
    words: tuple[Words, ...]
    """A state or the faults in words, in both languages; nothing for a number."""


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """A site in one line; a value is None when it is unknown, which a silent site's present state always is."""

    site: str
    name: str
    kind: str
    commune: str
    timezone: str
    freshness: Freshness
    newest_at: datetime | None
    heard_at: datetime | None
    connected: bool | None
    battery_voltage_v: float | None
    soc_pct: float | None
    panel_power_w: float | None
    load_power_w: float | None
    slots: tuple[int, ...]
    slots_occupied: tuple[int, ...] | None
    faults: tuple[Words, ...] | None
    """What the devices report as faults now, in words; None when no device tells."""


def list_sites(ledger: Ledger, now_ms: int) -> list[SiteAnswer]:
    """Describe every site, by name."""
    return [_describe(ledger, site, now_ms) for site in ledger.sites()]


def one_site(ledger: Ledger, site: str, now_ms: int) -> SiteAnswer:
    """Describe one site; raises `NotFound`."""
    return _describe(ledger, find(ledger, site), now_ms)


def find(ledger: Ledger, site: str) -> Site:
    """Look a site up; raises `NotFound`."""
    for found in ledger.sites():
        if found.site == site:
            return found
    raise NotFound(f"there is no site {site!r} here")


def latest(ledger: Ledger, site: str) -> list[Value]:
    """List the newest value of every column of a site."""
    find(ledger, site)
    newest = ledger.presence(site).latest or {}
    return [value_of(column, *newest[column]) for column in sorted(newest)]


def value_of(column: str, value: float, utc_ms: int) -> Value:
    """Describe one value."""
    metric = metric_of(column)
    words = words_of(metric.name, value)
    return Value(column, metric.name, metric.unit, value, metric.decimals, utc(utc_ms), words)


def _describe(ledger: Ledger, site: Site, now_ms: int) -> SiteAnswer:
    presence = ledger.presence(site.site)
    fresh = freshness(presence.newest_ms, now_ms)
    # What a silent site last said of its slots and panels is history, not its present state.
    present = _present(presence, now_ms) if fresh is Freshness.CURRENT else {}
    taken = _taken(ledger, site, presence.epoch) if fresh is Freshness.CURRENT else None
    return SiteAnswer(
        site=site.site,
        name=site.name,
        kind=site.kind,
        commune=site.commune,
        timezone=site.timezone,
        freshness=fresh,
        newest_at=None if presence.newest_ms is None else utc(presence.newest_ms),
        heard_at=None if presence.received_at_ms is None else utc(presence.received_at_ms),
        connected=presence.online,
        battery_voltage_v=present.get("battery_voltage_v"),
        soc_pct=present.get("soc_pct"),
        panel_power_w=present.get("panel_power_w"),
        load_power_w=present.get("load_power_w"),
        slots=site.slots,
        slots_occupied=taken,
        faults=_faults(presence, now_ms) if fresh is Freshness.CURRENT else None,
    )


def _present(presence: Presence, now_ms: int) -> Mapping[str, float]:
    """Read the present value of each metric, as far as it is fresh."""
    latest = presence.latest or {}
    values = {}
    for metric, column in primary(latest, _PRESENT).items():
        value, utc_ms = latest[column]
        if freshness(utc_ms, now_ms) is Freshness.CURRENT:
            values[metric] = value
    return values


def words_of(metric: str, value: float) -> tuple[Words, ...]:
    """Put a state or a number of fault bits into words."""
    if metric == FAULTS_METRIC:
        return tuple(fault.words for fault in faults_of(int(value)))
    words = state_words(metric, int(value))
    return (words,) if words is not None else ()


def _faults(presence: Presence, now_ms: int) -> tuple[Words, ...] | None:
    """Gather the faults of all devices that tell them, each once."""
    told = [
        words_of(FAULTS_METRIC, value)
        for column, (value, utc_ms) in (presence.latest or {}).items()
        if metric_of(column).name == FAULTS_METRIC and freshness(utc_ms, now_ms) is Freshness.CURRENT
    ]
    return tuple(dict.fromkeys(words for fault in told for words in fault)) if told else None


def _taken(ledger: Ledger, site: Site, epoch: int | None) -> tuple[int, ...]:
    """List the slots taken now; what an earlier outbox left open says nothing about the present."""
    taken = {record.slot for record in ledger.open_sessions(site.site) if record.epoch == epoch}
    return tuple(sorted(taken & set(site.slots)))
