"""The ledger's tables of places, people and what they did; keys that links and devices carry are stored as digests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from hub.io.tables import metadata, row_id

programmes = Table(
    "programmes",
    metadata,
    Column("programme", String(32), primary_key=True),
    Column("name", String(80), nullable=False),
)

communes = Table(
    "communes",
    metadata,
    Column("commune", String(32), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("programme", String(32), ForeignKey("programmes.programme"), nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account", row_id(), primary_key=True, autoincrement=True),
    Column("name", String(40), nullable=False),
    Column("name_key", String(40), nullable=False, unique=True),
    Column("hash", Text),  # NULL: no secret chosen yet
    Column("made_ms", BigInteger, nullable=False),
    Column("closed", Boolean, nullable=False),
)


def _account() -> Column[int]:
    return Column("account", BigInteger, ForeignKey("accounts.account"), nullable=False)


grants = Table(
    "grants",
    metadata,
    Column("account", BigInteger, ForeignKey("accounts.account"), primary_key=True),
    Column("role", String(20), primary_key=True),
    Column("level", String(20), primary_key=True),
    Column("scope", String(32), primary_key=True),  # empty for the whole hub
)

attempts = Table(
    "attempts",
    metadata,
    Column("name_key", String(64), primary_key=True),  # of nobody, too: a name that is unknown is guarded alike
    Column("failures", Integer, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    _account(),
    Column("made_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("device", String(120), nullable=False),
    Index("sign_ins_by_account", "account"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("account", BigInteger, ForeignKey("accounts.account")),  # NULL: it makes one
    Column("grants", Text, nullable=False),  # JSON: [[role, level, scope], …]
    Column("made_by", String(40), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token", row_id(), primary_key=True, autoincrement=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    _account(),
    Column("name", String(40), nullable=False),
    Column("role", String(20), nullable=False),
    Column("level", String(20), nullable=False),
    Column("scope", String(32), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger),
    Index("tokens_by_account", "account"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", String(40), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("details", Text, nullable=False),  # JSON: an object of texts
    Column("previous", LargeBinary(32), nullable=False),
    Column("sum", LargeBinary(32), nullable=False),
)
