-- What is learnt back: notifications as they came, what tells a repetition of an event, and by which id a provider
-- knows a message.

-- Numbers rise with arrival and are never used again: a late answer about one that is gone finds nothing.
CREATE TABLE notification (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    provider    TEXT    NOT NULL,
    key         BLOB    NOT NULL,
    facts       TEXT,                         -- JSON object; NULL: none
    received_at INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER,                      -- when it is to be read; NULL: it was
    note        TEXT    NOT NULL DEFAULT '',  -- why it could not be read
    body        BLOB    NOT NULL,
    UNIQUE (provider, key)
) STRICT;

CREATE INDEX undigested ON notification (due_at) WHERE due_at IS NOT NULL;

-- Digests of the keys of events that were applied; row numbers rise with time.
CREATE TABLE event_key (
    row_number INTEGER PRIMARY KEY,
    key        BLOB    NOT NULL UNIQUE,
    at         INTEGER NOT NULL
) STRICT;

CREATE TABLE provider_message (
    provider   TEXT NOT NULL,
    id         TEXT NOT NULL,                 -- as its handover gave it
    message_id BLOB NOT NULL,
    PRIMARY KEY (provider, id)
) STRICT, WITHOUT ROWID;

-- Handed over, and nobody has told what became of it.
CREATE INDEX unconfirmed ON recipient (provider, rested_at) WHERE carriage = 'handed_over' AND fate = 'unknown';

-- Of an entry that an event made: which one, about which message.
ALTER TABLE suppression ADD COLUMN event_key TEXT NOT NULL DEFAULT '';
ALTER TABLE suppression ADD COLUMN message_id BLOB;
