"""The first tables: sites, archive, receipts, anchors, sessions, events, summaries, rejects."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_NULL_PAYLOAD = sa.text("payload IS NULL")


def _site() -> "sa.Column[str]":
    return sa.Column("site", sa.String(32), sa.ForeignKey("sites.site"), primary_key=True)


def upgrade() -> None:
    """Create everything."""
    _site_tables()
    _receipt_tables()
    _fact_tables()


def _site_tables() -> None:
    op.create_table(
        "sites",
        sa.Column("site", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("commune", sa.String(80), nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("slots", sa.Text, nullable=False),
        sa.Column("added_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "site_states",
        _site(),
        sa.Column("online", sa.Boolean),
        sa.Column("epoch", sa.BigInteger),
        sa.Column("software", sa.Text),
        sa.Column("received_at_ms", sa.BigInteger),
        sa.Column("newest_ms", sa.BigInteger),
        sa.Column("latest", sa.Text, nullable=False),
    )
    op.create_table(
        "schemas",
        sa.Column("id", sa.LargeBinary(8), primary_key=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )


def _receipt_tables() -> None:
    op.create_table(
        "receipts",
        _site(),
        sa.Column("epoch", sa.BigInteger, primary_key=True),
        sa.Column("cause", sa.String(20), primary_key=True),
        sa.Column("first_seq", sa.BigInteger, primary_key=True),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "archive",
        sa.Column("id", _RowId, primary_key=True, autoincrement=True),
        sa.Column("site", sa.String(32), sa.ForeignKey("sites.site"), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.Column("start_ms", sa.BigInteger),
        sa.Column("end_ms", sa.BigInteger),
        sa.Column("first_boot", sa.BigInteger),
        sa.Column("last_boot", sa.BigInteger),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_index("archive_by_time", "archive", ["site", "end_ms", "start_ms"])
    op.create_index("archive_by_boot", "archive", ["site", "epoch", "last_boot", "first_boot"])
    op.create_table(
        "rejects",
        sa.Column("id", _RowId, primary_key=True, autoincrement=True),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.Column("site", sa.String(32)),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("refusal", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )


def _fact_tables() -> None:
    op.create_table(
        "anchors",
        _site(),
        sa.Column("epoch", sa.BigInteger, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("boot", sa.BigInteger, nullable=False),
        sa.Column("uptime_s", sa.BigInteger, nullable=False),
        sa.Column("utc_ms", sa.BigInteger, nullable=False),
        sa.Column("error_ms", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
    )
    op.create_index("anchors_by_boot", "anchors", ["site", "epoch", "boot", "uptime_s"])
    op.create_table(
        "sessions",
        _site(),
        sa.Column("epoch", sa.BigInteger, primary_key=True),
        sa.Column("taken_seq", sa.BigInteger, primary_key=True),
        sa.Column("slot", sa.BigInteger, nullable=False),
        sa.Column("found", sa.Boolean, nullable=False),
        sa.Column("start_boot", sa.BigInteger, nullable=False),
        sa.Column("start_uptime_s", sa.BigInteger, nullable=False),
        sa.Column("start_ms", sa.BigInteger),
        sa.Column("start_error_ms", sa.BigInteger),
        sa.Column("ended_seq", sa.BigInteger),
        sa.Column("end_boot", sa.BigInteger),
        sa.Column("end_uptime_s", sa.BigInteger),
        sa.Column("end_ms", sa.BigInteger),
        sa.Column("end_error_ms", sa.BigInteger),
        sa.Column("reason", sa.Integer),
    )
    op.create_index("sessions_by_time", "sessions", ["site", "start_ms"])
    op.create_table(
        "events",
        _site(),
        sa.Column("epoch", sa.BigInteger, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("kind", sa.BigInteger, nullable=False),
        sa.Column("boot", sa.BigInteger, nullable=False),
        sa.Column("uptime_s", sa.BigInteger, nullable=False),
        sa.Column("utc_ms", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("events_by_time", "events", ["site", "kind", "utc_ms"])
    op.create_table(
        "rollups",
        _site(),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("payload", sa.LargeBinary),
    )
    op.create_index("rollups_stale", "rollups", ["day"], sqlite_where=_NULL_PAYLOAD, postgresql_where=_NULL_PAYLOAD)
