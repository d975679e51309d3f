"""Schemas: any one round-trips under one id, and a name means one thing."""

from __future__ import annotations

import pytest
from hypothesis import given

from protocol import schema
from protocol.errors import WireError
from tests.protocol.examples import deflated
from tests.protocol.strategies import schemas


@given(schemas)
def test_any_schema_round_trips_under_one_id(sent: schema.Schema) -> None:
    """Equal schemas have equal bytes, so their id names them."""
    payload = schema.encode(sent)
    assert schema.decode(payload) == sent
    assert schema.schema_id(payload) == schema.schema_id(schema.encode(schema.decode(payload)))


@pytest.mark.parametrize(
    "tables",
    [
        [["Controller", 60, [["a.soc_pct", 0]]]],
        [["controller", 0, [["a.soc_pct", 0]]]],
        [["controller", 60, [["a.soc_pct", 7]]]],
        [["controller", 60, [["a.unheard_of", 0]]]],
        [["controller", 60, [["soc_pct", 0]]]],
        [["controller", 60, [["a.soc_pct", 0], ["a.soc_pct", 1]]]],
        [["controller", 60, ["a.soc_pct"]]],
        [["controller", 60, []]],
        [],
    ],
)
def test_a_schema_that_breaks_a_rule_is_refused(tables: list[object]) -> None:
    """An unknown metric, a bad name or a doubled column is named and refused."""
    with pytest.raises(WireError):
        schema.decode(deflated({0: 1, 1: tables}))


def test_a_table_named_twice_is_refused() -> None:
    """A series belongs to one table; two of one name could not be told apart."""
    table = ["controller", 60, [["a.soc_pct", 0]]]
    with pytest.raises(WireError, match="table twice"):
        schema.decode(deflated({0: 1, 1: [table, table]}))


@pytest.mark.parametrize("table", [["controller", True, [["a.soc_pct", 0]]], ["controller", 60, [["a.soc_pct", True]]]])
def test_true_is_no_interval_and_no_number_of_decimals(table: list[object]) -> None:
    """What equals 1 in Python is not 1 on the wire."""
    with pytest.raises(WireError):
        schema.decode(deflated({0: 1, 1: [table]}))
