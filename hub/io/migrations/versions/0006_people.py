"""Programmes, communes, people, what they carry, and the record of what they did."""

import sqlalchemy as sa
from alembic import op

from hub.access.places import DEFAULT_PROGRAMME, slug

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables, and put every site's commune into the one programme that there was."""
    _places()
    _people()
    _carried()
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(40), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.LargeBinary(32), nullable=False),
        sa.Column("sum", sa.LargeBinary(32), nullable=False),
    )


def _places() -> None:
    programmes = op.create_table(
        "programmes",
        sa.Column("programme", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
    )
    communes = op.create_table(
        "communes",
        sa.Column("commune", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("programme", sa.String(32), sa.ForeignKey("programmes.programme"), nullable=False),
    )
    connection = op.get_bind()
    named = list(connection.execute(sa.text("SELECT DISTINCT commune FROM sites ORDER BY commune")).scalars())
    if named:
        programme, name = DEFAULT_PROGRAMME
        connection.execute(programmes.insert().values(programme=programme, name=name))
        first_names = {slug(name): name for name in reversed(named)}
        connection.execute(
            communes.insert(), [{"commune": c, "name": n, "programme": programme} for c, n in first_names.items()]
        )
        renamed = sa.text("UPDATE sites SET commune = :slug WHERE commune = :name")
        connection.execute(renamed, [{"slug": slug(name), "name": name} for name in named])


def _row_id() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _people() -> None:
    op.create_table(
        "accounts",
        sa.Column("account", _row_id(), primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("name_key", sa.String(40), nullable=False, unique=True),
        sa.Column("hash", sa.Text),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column("account", sa.BigInteger, sa.ForeignKey("accounts.account"), primary_key=True),
        sa.Column("role", sa.String(20), primary_key=True),
        sa.Column("level", sa.String(20), primary_key=True),
        sa.Column("scope", sa.String(32), primary_key=True),
    )
    op.create_table(
        "attempts",
        sa.Column("name_key", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
    )


def _carried() -> None:
    account = sa.ForeignKey("accounts.account")
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("account", sa.BigInteger, account, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("device", sa.String(120), nullable=False),
    )
    op.create_index("sign_ins_by_account", "sign_ins", ["account"])
    op.create_table(
        "invitations",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("account", sa.BigInteger, sa.ForeignKey("accounts.account")),
        sa.Column("grants", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(40), nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
    )
    op.create_table(
        "tokens",
        sa.Column("token", _row_id(), primary_key=True, autoincrement=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("account", sa.BigInteger, sa.ForeignKey("accounts.account"), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("seen_ms", sa.BigInteger),
    )
    op.create_index("tokens_by_account", "tokens", ["account"])
