"""Which columns a site records: its settings as the schema that batches refer to.

Table 0 to n-1 are the devices in the order of the settings, then `site` (lights and slots), then `system` (the Pi),
then the ratings and set points of the devices, which are read once a day.
"""

from __future__ import annotations

from edge.registers import Quantity
from edge.settings import SETTINGS_SUFFIX, SITE, SYSTEM, Device, Settings
from protocol.schema import ColumnSpec, Schema, TableSpec

__all__ = ["SETTINGS_INTERVAL_S", "SITE", "SYSTEM", "SYSTEM_COLUMNS", "schema_of", "settings_of", "values_a_minute"]

SYSTEM_COLUMNS = {
    "cpu_temp_c": 1,
    "memory_free_mb": 0,
    "disk_free_mb": 0,
    "outbox_rows": 0,
    "link_kb_today": 0,
    "budget_left_kb": 0,
}

SETTINGS_INTERVAL_S = 86_400


def schema_of(settings: Settings) -> Schema:
    """Lay out the tables of a site."""
    tables = [
        TableSpec(
            device.name,
            device.poll_interval_s,
            _columns(device.name, device.quantities),
        )
        for device in settings.devices
    ]
    site = [ColumnSpec(f"{SITE}.lit", 0)] if settings.lights is not None else []
    if settings.kiosk is not None:
        site.append(ColumnSpec(f"{SITE}.slots_occupied", 0))
    if site:
        tables.append(TableSpec(SITE, settings.site_interval_s, tuple(site)))
    system = tuple(ColumnSpec(f"{SYSTEM}.{metric}", decimals) for metric, decimals in SYSTEM_COLUMNS.items())
    tables.append(TableSpec(SYSTEM, settings.system_interval_s, system))
    tables += [
        TableSpec(settings_of(device), SETTINGS_INTERVAL_S, _columns(device.name, device.settings))
        for device in settings.devices
        if device.settings
    ]
    return Schema(tuple(tables))


def values_a_minute(settings: Settings) -> float:
    """Count the values that a site records in a minute."""
    return sum(len(table.columns) * 60 / table.interval_s for table in schema_of(settings).tables)


def settings_of(device: Device) -> str:
    """Name the table with a device's ratings and set points."""
    return f"{device.name}{SETTINGS_SUFFIX}"


def _columns(source: str, quantities: tuple[Quantity, ...]) -> tuple[ColumnSpec, ...]:
    return tuple(ColumnSpec(f"{source}.{quantity.metric}", quantity.decimals) for quantity in quantities)
