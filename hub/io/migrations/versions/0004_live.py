"""The live view of a site: what was asked for, and the newest values that came."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "live_views",
        sa.Column("site", sa.String(32), sa.ForeignKey("sites.site"), primary_key=True),
        sa.Column("command_id", sa.BigInteger, nullable=False),
        sa.Column("asked_at_ms", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Integer, nullable=False),
        sa.Column("sent_at_ms", sa.BigInteger),
        sa.Column("received_at_ms", sa.BigInteger),
        sa.Column("ends_at_ms", sa.BigInteger),
        sa.Column("code", sa.Integer),
        sa.Column("latest", sa.Text, nullable=False),
    )
