"""Row numbers of every archived batch, and the tallies of sites with what came of comparing them."""

import sqlalchemy as sa
from alembic import op

from protocol import batch
from protocol.errors import WireError

revision = "0003"
down_revision = "0002"

_WAITING = sa.text("look_at_ms IS NOT NULL")
_TOGETHER = 500
_ARCHIVE = sa.table("archive", sa.column("id"), sa.column("payload"), sa.column("first_seq"), sa.column("last_seq"))


def upgrade() -> None:
    """Add the columns and fill them from the batches, then the table."""
    op.add_column("archive", sa.Column("first_seq", sa.BigInteger))
    op.add_column("archive", sa.Column("last_seq", sa.BigInteger))
    _number()
    op.create_index("archive_by_seq", "archive", ["site", "epoch", "last_seq", "first_seq"])
    op.create_table(
        "tallies",
        sa.Column("site", sa.String(32), sa.ForeignKey("sites.site"), primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.Column("look_at_ms", sa.BigInteger),
        sa.Column("verdict", sa.Text),
    )
    op.create_index("tallies_waiting", "tallies", ["look_at_ms"], sqlite_where=_WAITING, postgresql_where=_WAITING)


def _number() -> None:
    """Read each batch once, a few hundred at a time, so that a large archive needs little memory."""
    connection, c, done = op.get_bind(), _ARCHIVE.c, 0
    while True:
        query = sa.select(c.id, c.payload).where(c.id > done).order_by(c.id).limit(_TOGETHER)
        rows = connection.execute(query).all()
        if not rows:
            return
        for row in rows:
            try:
                seqs = list(batch.decode(row.payload).seqs())
            except WireError:
                continue  # what cannot be read has no numbers; a rebuild names it
            numbers = {"first_seq": min(seqs), "last_seq": max(seqs)}
            connection.execute(sa.update(_ARCHIVE).where(c.id == row.id).values(numbers))
        done = rows[-1].id
