-- One generation of one site's outbox. AUTOINCREMENT: a seq is never used twice, not even after its row is gone.
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS boots (number INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS schemas (id BLOB PRIMARY KEY, payload BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL,             -- protocol.events.Lane
    schema_id BLOB,                    -- NULL for an event
    tab INTEGER,                       -- table of the schema, NULL for an event
    boot INTEGER NOT NULL,
    uptime_s INTEGER NOT NULL,
    body BLOB NOT NULL,                -- JSON: the values, or the event as on the wire; BLOB, for text may not be damaged
    sum INTEGER NOT NULL               -- CRC-32 of the columns above: SQLite itself does not notice a flipped bit
);
CREATE INDEX IF NOT EXISTS rows_by_value ON rows (lane, seq);
-- Rows the hub has acknowledged, for the day it restores a backup, and any row that it refused or that was damaged.
CREATE TABLE IF NOT EXISTS kept (
    seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, schema_id BLOB, tab INTEGER,
    boot INTEGER NOT NULL, uptime_s INTEGER NOT NULL, body BLOB NOT NULL, sum INTEGER NOT NULL, reason TEXT NOT NULL,
    acked_ms INTEGER                   -- the hub's clock in the ack; NULL for what it never acknowledged
);
CREATE TABLE IF NOT EXISTS open_sessions (
    slot INTEGER PRIMARY KEY, taken_seq INTEGER NOT NULL, start_boot INTEGER NOT NULL,
    start_uptime_s INTEGER NOT NULL, last_boot INTEGER NOT NULL, last_uptime_s INTEGER NOT NULL,
    found INTEGER NOT NULL, sum INTEGER NOT NULL
);
