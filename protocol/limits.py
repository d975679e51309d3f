"""Every limit of the wire in one place; both sides refuse what exceeds them, so neither can be made to swell."""

from __future__ import annotations

PAYLOAD_MAX_BYTES = 64 * 1024
"""A payload as it crosses the broker."""

INFLATED_MAX_BYTES = 256 * 1024
"""What a payload may inflate to."""

ROWS_MAX = 4096
"""Sample rows in one batch, over all tables."""

EVENTS_MAX = 2048
"""Event rows in one batch."""

VALUES_MAX = 65_536
"""Rows times columns in one batch, over all tables: a few bytes can say that a column is all alike, or not there."""

TABLES_MAX = 16
COLUMNS_MAX = 128
"""Columns of one table."""

TEXT_MAX = 512
"""Characters of any text in an event or a refusal."""

RANGES_MAX = 64
"""Missing ranges that one ack lists; what lies beyond them is asked for by a later ack."""

BATCHES_MAX = 64
"""Batch ids, schema ids or refusals that one ack lists."""

RECORDS_MAX = 100_000
"""Records of one courier file: an outbox has some thousands."""

VALUE_MAX = 2**53
"""Magnitude of any integer on the wire: what a double, and so JSON, still holds exactly."""

EPOCH_MAX = 2**63 - 1
"""An outbox generation is a number from 1 to this, and so fits a signed 64-bit column."""
