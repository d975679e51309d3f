"""Boots and the bounds of those without anchors; how far an event's date may be off."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# What a ledger of the first tables tells of its boots. Samples stay in the archive: their uptimes are missing here,
# which leaves bounds wider than need be, and true. Which boot followed which was not told yet.
_BOOTS_KNOWN = """
INSERT INTO boots (site, epoch, boot, first_uptime_s, last_uptime_s, latest_ms, previous_boot, anchored, row_count)
SELECT seen.site, seen.epoch, seen.boot, MIN(seen.uptime_s), MAX(seen.uptime_s),
       (SELECT MAX(received_at_ms) FROM archive WHERE archive.site = seen.site AND archive.epoch = seen.epoch)
       - MAX(seen.uptime_s) * 1000 + (MAX(seen.uptime_s) + 9) / 10,
       0, MAX(seen.anchored) = 1, 0
FROM (
    SELECT site, epoch, boot, uptime_s, 1 AS anchored FROM anchors WHERE source <= 1
    UNION ALL SELECT site, epoch, boot, uptime_s, 0 FROM events
    UNION ALL SELECT site, epoch, start_boot, start_uptime_s, 0 FROM sessions
    UNION ALL SELECT site, epoch, end_boot, end_uptime_s, 0 FROM sessions WHERE end_boot IS NOT NULL
) AS seen
GROUP BY seen.site, seen.epoch, seen.boot
HAVING MAX(seen.uptime_s) <= 316224000
"""


def upgrade() -> None:
    """Create the table of boots, and fill it as far as the other tables tell."""
    op.create_table(
        "boots",
        sa.Column("site", sa.String(32), sa.ForeignKey("sites.site"), primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True),
        sa.Column("boot", sa.BigInteger, primary_key=True),
        sa.Column("first_uptime_s", sa.BigInteger, nullable=False),
        sa.Column("last_uptime_s", sa.BigInteger, nullable=False),
        sa.Column("latest_ms", sa.BigInteger, nullable=False),
        sa.Column("previous_boot", sa.BigInteger, nullable=False),
        sa.Column("anchored", sa.Boolean, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("start_low_ms", sa.BigInteger),
        sa.Column("start_high_ms", sa.BigInteger),
    )
    op.create_index("boots_by_previous", "boots", ["site", "epoch", "previous_boot"])
    op.add_column("events", sa.Column("error_ms", sa.BigInteger))
    op.execute(_BOOTS_KNOWN)
