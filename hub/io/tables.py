"""The ledger's tables. Times are UTC milliseconds; a NULL time means that nothing dates the row's boot yet.

The archive of batches is the truth: everything else that comes from sites can be rebuilt from it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()


def row_id() -> BigInteger:
    """Give the type of a row number: SQLite counts by itself only for INTEGER, PostgreSQL needs the wide type."""
    return BigInteger().with_variant(Integer, "sqlite")


def _site() -> Column[str]:
    return Column("site", String(32), ForeignKey("sites.site"), primary_key=True)


sites = Table(
    "sites",
    metadata,
    Column("site", String(32), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("commune", String(80), nullable=False),  # communes.commune; its name stands there
    Column("shard", Integer, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("timezone", String(64), nullable=False),
    Column("slots", Text, nullable=False),  # JSON list of slot numbers
    Column("added_at_ms", BigInteger, nullable=False),
)

site_states = Table(
    "site_states",
    metadata,
    _site(),
    Column("online", Boolean),
    Column("epoch", BigInteger),
    Column("software", Text),
    Column("received_at_ms", BigInteger),
    Column("newest_ms", BigInteger),
    Column("latest", Text, nullable=False, default="{}"),  # JSON: column -> [value, utc_ms]
)

schemas = Table(
    "schemas",
    metadata,
    Column("id", LargeBinary(8), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

# Which rows of which outbox generation were received, as closed ranges; cause is NULL, or says why they never will be.
receipts = Table(
    "receipts",
    metadata,
    _site(),
    Column("epoch", BigInteger, primary_key=True),
    Column("cause", String(20), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
)

archive = Table(
    "archive",
    metadata,
    Column("id", row_id(), primary_key=True, autoincrement=True),
    Column("site", String(32), ForeignKey("sites.site"), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("start_ms", BigInteger),
    Column("end_ms", BigInteger),
    Column("first_boot", BigInteger),
    Column("last_boot", BigInteger),
    Column("payload", LargeBinary, nullable=False),
    Column("first_seq", BigInteger),
    Column("last_seq", BigInteger),
    Index("archive_by_time", "site", "end_ms", "start_ms"),
    Index("archive_by_boot", "site", "epoch", "last_boot", "first_boot"),
    Index("archive_by_seq", "site", "epoch", "last_seq", "first_seq"),
)

anchors = Table(
    "anchors",
    metadata,
    _site(),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("boot", BigInteger, nullable=False),
    Column("uptime_s", BigInteger, nullable=False),
    Column("utc_ms", BigInteger, nullable=False),
    Column("error_ms", BigInteger, nullable=False),
    Column("source", Integer, nullable=False),
    Index("anchors_by_boot", "site", "epoch", "boot", "uptime_s"),
)

# The boots of an outbox. The zero of one that has no anchors lies between start_low_ms and start_high_ms, which date
# its rows; both are NULL when nothing bounds it, and when anchors date it.
boots = Table(
    "boots",
    metadata,
    _site(),
    Column("epoch", BigInteger, primary_key=True),
    Column("boot", BigInteger, primary_key=True),
    Column("first_uptime_s", BigInteger, nullable=False),
    Column("last_uptime_s", BigInteger, nullable=False),
    Column("latest_ms", BigInteger, nullable=False),  # its zero is not later, since its rows have arrived
    Column("previous_boot", BigInteger, nullable=False),  # 0: not told, or none
    Column("anchored", Boolean, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("start_low_ms", BigInteger),
    Column("start_high_ms", BigInteger),
    Index("boots_by_previous", "site", "epoch", "previous_boot"),
)

sessions = Table(
    "sessions",
    metadata,
    _site(),
    Column("epoch", BigInteger, primary_key=True),
    Column("taken_seq", BigInteger, primary_key=True),
    Column("slot", BigInteger, nullable=False),
    Column("found", Boolean, nullable=False),
    Column("start_boot", BigInteger, nullable=False),
    Column("start_uptime_s", BigInteger, nullable=False),
    Column("start_ms", BigInteger),
    Column("start_error_ms", BigInteger),
    Column("ended_seq", BigInteger),
    Column("end_boot", BigInteger),
    Column("end_uptime_s", BigInteger),
    Column("end_ms", BigInteger),
    Column("end_error_ms", BigInteger),
    Column("reason", Integer),
    Index("sessions_by_time", "site", "start_ms"),
)

events = Table(
    "events",
    metadata,
    _site(),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", BigInteger, nullable=False),
    Column("boot", BigInteger, nullable=False),
    Column("uptime_s", BigInteger, nullable=False),
    Column("utc_ms", BigInteger),
    Column("error_ms", BigInteger),
    Column("body", Text, nullable=False),  # JSON: the field values, as on the wire
    Index("events_by_time", "site", "kind", "utc_ms"),
)

# A site's own count of its rows (the event itself is in `events`), and what came of comparing it with what is here.
tallies = Table(
    "tallies",
    metadata,
    _site(),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("look_at_ms", BigInteger),  # when to compare; NULL: done
    Column("verdict", Text),  # JSON; NULL: not compared yet
    Index(
        "tallies_waiting", "look_at_ms",
        sqlite_where=text("look_at_ms IS NOT NULL"), postgresql_where=text("look_at_ms IS NOT NULL"),
    ),
)  # fmt: skip

# A day with samples; the payload holds its hourly summaries, NULL means: not summarised yet, no bytes: too wild to
# be stored; either way they are computed from the archive.
rollups = Table(
    "rollups",
    metadata,
    _site(),
    Column("day", Integer, primary_key=True),  # days since 1970-01-01, UTC
    Column("payload", LargeBinary),
    Index("rollups_stale", "day", sqlite_where=text("payload IS NULL"), postgresql_where=text("payload IS NULL")),
)

live_views = Table(
    "live_views",
    metadata,
    _site(),
    Column("command_id", BigInteger, nullable=False),
    Column("asked_at_ms", BigInteger, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("sent_at_ms", BigInteger),
    Column("received_at_ms", BigInteger),
    Column("ends_at_ms", BigInteger),
    Column("code", Integer),
    Column("latest", Text, nullable=False),  # JSON: column -> [value, utc_ms]
)

# The keys that seal a site's rows: that of its present card and those of earlier ones, whose rows may still come.
device_keys = Table(
    "device_keys",
    metadata,
    _site(),
    Column("key", LargeBinary(32), primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
)

# Tokens that a site swaps for a key; kept as hashes, and with the key that came for them.
enrolment_tokens = Table(
    "enrolment_tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("site", String(32), ForeignKey("sites.site"), nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
    Column("key", LargeBinary(32)),
    Index("enrolment_tokens_by_site", "site"),
)

rejects = Table(
    "rejects",
    metadata,
    Column("id", row_id(), primary_key=True, autoincrement=True),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("site", String(32)),
    Column("topic", Text, nullable=False),
    Column("refusal", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

DERIVED = (receipts, anchors, boots, sessions, events, tallies, rollups)
"""What of a site follows from its part of the archive alone."""
