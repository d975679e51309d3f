"""Hypothesis strategies for everything that crosses the wire."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import strategies as st

from protocol import batch, control, events, live, schema
from protocol.limits import EPOCH_MAX, VALUE_MAX
from protocol.metrics import CATALOGUE
from protocol.ranges import runs

values = st.integers(-VALUE_MAX, VALUE_MAX)
naturals = st.integers(0, VALUE_MAX)
names = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
_small = st.integers(0, 1000)
_text = st.text(max_size=40)

any_event = st.one_of(
    st.builds(events.SlotTaken, _small, st.booleans()),
    st.builds(
        events.ChargingSession,
        *(_small, naturals, _small, naturals, _small, naturals),
        st.sampled_from(events.EndReason),
        st.booleans(),
    ),
    st.builds(events.ClockAnchor, naturals, naturals, st.sampled_from(events.AnchorSource)),
    st.builds(events.AgentStarted, _text, _text),
    st.builds(events.Gap, naturals, naturals, st.sampled_from(events.GapCause)),
    st.builds(events.AlarmRaised, _text, _text),
    st.builds(events.AlarmCleared, _text),
    st.builds(events.Tally, *[naturals] * 8),
    st.builds(events.Tally, *[naturals] * 8, *[st.integers(0, 2**32 - 1)] * 4),
    st.builds(events.Traffic, *(naturals for _ in fields(events.Traffic))),
    st.builds(events.CommandDone, naturals, st.sampled_from(events.CommandCode), _text),
    st.builds(events.UnknownEvent, st.integers(100, 200), st.lists(_small | _text, max_size=4).map(tuple)),
    st.builds(
        events.UnknownEvent,
        st.just(events.Gap.kind),
        st.tuples(naturals, naturals, st.integers(len(events.GapCause), VALUE_MAX), values),
    ),
)


@st.composite
def table_rows(draw: st.DrawFn, seqs: tuple[int, ...]) -> batch.TableRows:
    """Draw a table for these seqs: slow columns, wild columns and columns with gaps."""
    count = len(seqs)
    run = st.lists(naturals, min_size=count, max_size=count).map(tuple)
    column = st.lists(st.none() | values | st.integers(0, 9), min_size=count, max_size=count).map(tuple)
    columns = draw(st.lists(column, max_size=5).map(tuple))
    return batch.TableRows(draw(st.integers(0, 15)), seqs, draw(run), draw(run), columns)


@st.composite
def batches(draw: st.DrawFn) -> batch.Batch:
    """Draw any batch the protocol allows."""
    seqs = draw(st.lists(st.integers(1, VALUE_MAX), min_size=1, max_size=40, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, len(seqs)), min_size=2, max_size=2)))
    runs = [tuple(seqs[: cuts[0]]), tuple(seqs[cuts[0] : cuts[1]])]
    tables = tuple(draw(table_rows(run)) for run in runs if run)
    rows = tuple(batch.EventRow(seq, draw(naturals), draw(naturals), draw(any_event)) for seq in seqs[cuts[1] :])
    schema_id = draw(st.binary(min_size=8, max_size=8)) if tables else b""
    return batch.Batch(draw(st.integers(1, EPOCH_MAX)), schema_id, tables, rows, ack_later=draw(st.booleans()))


_columns = st.lists(
    st.builds(
        schema.ColumnSpec,
        st.builds("{}.{}".format, names, st.sampled_from(sorted(CATALOGUE))),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda column: column.name,
).map(tuple)
schemas = st.builds(
    schema.Schema,
    st.lists(
        st.builds(schema.TableSpec, names, st.integers(1, 86_400), _columns),
        min_size=1,
        max_size=4,
        unique_by=lambda table: table.name,
    ).map(tuple),
)

_missing = st.lists(st.integers(1, 5000), max_size=10, unique=True).map(
    lambda bounds: tuple(zip(sorted(bounds)[::2], sorted(bounds)[1::2], strict=False))
) | st.sets(st.integers(1, 60), max_size=30).map(lambda seqs: tuple(runs(seqs)))
acks = st.builds(
    control.Ack,
    epoch=st.integers(0, EPOCH_MAX),
    upto=st.integers(5000, VALUE_MAX),
    utc_ms=naturals,
    missing=_missing,
    batches=st.lists(st.integers(0, 2**32 - 1), max_size=5).map(tuple),
    schemas_wanted=st.lists(st.binary(min_size=8, max_size=8), max_size=3).map(tuple),
    refused=st.lists(st.builds(control.Refused, st.integers(0, 2**32 - 1), _text), max_size=3).map(tuple),
)
states = st.builds(control.SiteState, st.booleans(), st.integers(0, EPOCH_MAX), _text)
commands = st.builds(live.LiveCommand, naturals, st.integers(0, live.LIVE_MAX_S))
_live_tables = st.lists(
    st.builds(live.LiveTable, st.integers(0, 15), naturals, st.lists(st.none() | values, max_size=4).map(tuple)),
    min_size=1,
    max_size=3,
).map(tuple)
_left = st.integers(0, live.LIVE_MAX_S)
lives = st.builds(live.Live, naturals, _left, st.binary(min_size=8, max_size=8), _live_tables) | st.builds(
    live.Live, naturals, _left, code=st.sampled_from(events.CommandCode)
)
