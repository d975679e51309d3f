"""Which columns a site records: its settings as the schema that batches refer to.

Table 0 to n-1 are the devices in the order of the settings, then `site` (lights and slots), then `system` (the Pi).
"""

from __future__ import annotations

from edge.settings import SITE, SYSTEM, Settings
from protocol.schema import ColumnSpec, Schema, TableSpec

__all__ = ["SITE", "SYSTEM", "SYSTEM_COLUMNS", "schema_of"]

SYSTEM_COLUMNS = {"cpu_temp_c": 1, "memory_free_mb": 0, "disk_free_mb": 0, "outbox_rows": 0, "sent_bytes": 0}


def schema_of(settings: Settings) -> Schema:
    """Lay out the tables of a site."""
    tables = [
        TableSpec(
            device.name,
            device.poll_interval_s,
            tuple(ColumnSpec(f"{device.name}.{r.metric}", r.decimals) for r in device.registers),
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
    return Schema(tuple(tables))
