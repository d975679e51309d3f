"""The schema of a site follows from its settings."""

from __future__ import annotations

from edge.settings import parse
from edge.tables import SYSTEM_COLUMNS, schema_of
from firmware_config import board_text, profile_text
from protocol import schema
from protocol.metrics import metric_of
from protocol.schema import ColumnSpec
from tests.edge.test_settings import SITE


def tables(text: str) -> dict[str, tuple[int, tuple[ColumnSpec, ...]]]:
    """Lay out the tables of a site."""
    settings = parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)
    laid_out = schema_of(settings)
    assert schema.decode(schema.encode(laid_out)) == laid_out
    return {table.name: (table.interval_s, table.columns) for table in laid_out.tables}


def test_devices_come_first_then_the_site_then_the_pi() -> None:
    """Every column is `source.metric` of the catalogue, with the decimals of its register."""
    found = tables(SITE)
    assert list(found) == ["controller", "site", "system", "controller-settings"]
    interval_s, columns = found["controller"]
    assert interval_s == 60
    assert columns[0] == ColumnSpec("controller.panel_voltage_v", 2)
    assert len(columns) == 22
    assert found["controller-settings"][0] == 86_400
    assert ColumnSpec("controller.battery_type", 0) in found["controller-settings"][1]
    assert found["site"] == (60, (ColumnSpec("site.lit", 0), ColumnSpec("site.slots_occupied", 0)))
    assert found["system"][0] == 900
    assert [metric_of(column.name).name for column in found["system"][1]] == list(SYSTEM_COLUMNS)


def test_a_site_records_only_what_it_has() -> None:
    """Without kiosk and lights there is no site table; with one of them, one column."""
    kiosk = "kiosk:\n  board: kiosk-8\n  slots: [1, 2]\n"
    assert list(tables(SITE.replace(kiosk + "lights: {from: gpio}\n", ""))) == [
        "controller",
        "system",
        "controller-settings",
    ]
    assert tables(SITE.replace("lights: {from: gpio}\n", ""))["site"][1] == (ColumnSpec("site.slots_occupied", 0),)
    lights_only = SITE.replace(kiosk, "").replace("from: gpio", "from: load_power")
    assert tables(lights_only)["site"][1] == (ColumnSpec("site.lit", 0),)


def test_fewer_metrics_are_fewer_columns() -> None:
    """What the settings leave out is not recorded, and makes another schema."""
    text = SITE.replace(
        "{port: /dev/ttyUSB0}", "{port: /dev/ttyUSB0}\n    metrics: [soc_pct]\n    poll_interval_s: 300"
    )
    assert tables(text)["controller"] == (300, (ColumnSpec("controller.soc_pct", 0),))
