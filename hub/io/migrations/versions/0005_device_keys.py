"""The keys that seal the rows of sites, and the one-time tokens that sites swap for them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "device_keys",
        sa.Column("site", sa.String(32), sa.ForeignKey("sites.site"), primary_key=True),
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "enrolment_tokens",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("site", sa.String(32), sa.ForeignKey("sites.site"), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.Column("used_at_ms", sa.BigInteger),
        sa.Column("key", sa.LargeBinary(32)),
    )
    op.create_index("enrolment_tokens_by_site", "enrolment_tokens", ["site"])
