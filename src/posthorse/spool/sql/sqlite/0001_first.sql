-- The first schema. Names in braces are filled in from posthorse.mail.carriage when the migration runs; what stands
-- between the marks is made anew when the transition table changes. Plain comparisons, since SQLite builds the set of an
-- IN inside a CHECK again for every row.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What never changes of a message; its bytes are in body.
CREATE TABLE message (
    id            BLOB PRIMARY KEY CHECK (length(id) = 16),
    tenant        TEXT    NOT NULL,
    stream        INTEGER NOT NULL CHECK (stream BETWEEN 0 AND 3),
    sender        TEXT    NOT NULL,
    size_bytes    INTEGER NOT NULL,
    accepted_at   INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    smtputf8      INTEGER NOT NULL,
    eight_bit     INTEGER NOT NULL,
    supersede_key TEXT,              -- NULL: none
    attributes    TEXT,              -- JSON object; NULL: none
    body          INTEGER            -- row in body; NULL: dropped by retention
) STRICT, WITHOUT ROWID;

CREATE INDEX superseding ON message (tenant, supersede_key) WHERE supersede_key IS NOT NULL;

-- Codec byte, key id, then the bytes as that codec left them (posthorse.spool.codec). Row numbers rise with acceptance.
CREATE TABLE body (
    row_number INTEGER PRIMARY KEY,
    id         BLOB NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;

-- The changing part: one narrow row per recipient.
CREATE TABLE recipient (
    id              BLOB    NOT NULL,
    n               INTEGER NOT NULL,
    tenant          TEXT    NOT NULL,
    address         TEXT    NOT NULL,
    address_key     TEXT,                       -- address in lower case; NULL: the address is
    stream          INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    carriage        TEXT    NOT NULL CHECK (/*carriages*/{carriages}/*end*/),
    fate            TEXT    NOT NULL DEFAULT 'unknown' CHECK (/*fates*/{fates}/*end*/),
    fence           INTEGER NOT NULL DEFAULT 0,
    attempts        INTEGER NOT NULL DEFAULT 0,
    copies_released INTEGER NOT NULL DEFAULT 0,
    copies_allowed  INTEGER NOT NULL,
    leased_from     TEXT,
    lease_until     INTEGER,
    next_at         INTEGER,
    tried           TEXT    NOT NULL DEFAULT '', -- provider names, joined by commas
    withdrawn       TEXT    NOT NULL DEFAULT '',
    hold            INTEGER,
    doubtful        TEXT    NOT NULL DEFAULT '', -- fences, joined by commas
    provider        TEXT    NOT NULL DEFAULT '',
    attempt         BLOB,
    node            TEXT    NOT NULL DEFAULT '',
    rested_at       INTEGER,
    PRIMARY KEY (id, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX due     ON recipient (stream, next_at) WHERE next_at IS NOT NULL AND hold IS NULL;
CREATE INDEX waiting ON recipient (stream) WHERE carriage = 'queued';
CREATE INDEX late    ON recipient (expires_at) WHERE carriage = 'queued';
CREATE INDEX lapse   ON recipient (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX doubt   ON recipient (stream) WHERE carriage = 'in_doubt';
CREATE INDEX held    ON recipient (hold) WHERE hold IS NOT NULL;

-- How many recipients stand where, kept by the transactions themselves. Leased and released ones are few and counted
-- from the index of leases instead, so that the straight path of a message costs one addition.
CREATE TABLE tally (
    stream   INTEGER NOT NULL,
    carriage TEXT    NOT NULL,
    amount   INTEGER NOT NULL,
    PRIMARY KEY (stream, carriage)
) STRICT, WITHOUT ROWID;

INSERT INTO tally
SELECT streams.value, carriages.value, 0
FROM json_each('[0, 1, 2, 3]') AS streams, json_each('{carriages_json}') AS carriages;

CREATE TRIGGER tally_new AFTER INSERT ON recipient WHEN NEW.carriage NOT IN ('leased', 'released') BEGIN
    UPDATE tally SET amount = amount + 1 WHERE stream = NEW.stream AND carriage = NEW.carriage;
END;
CREATE TRIGGER tally_in AFTER UPDATE OF carriage ON recipient WHEN NEW.carriage NOT IN ('leased', 'released') BEGIN
    UPDATE tally SET amount = amount + 1 WHERE stream = NEW.stream AND carriage = NEW.carriage;
END;
CREATE TRIGGER tally_out AFTER UPDATE OF carriage ON recipient WHEN OLD.carriage NOT IN ('leased', 'released') BEGIN
    UPDATE tally SET amount = amount - 1 WHERE stream = OLD.stream AND carriage = OLD.carriage;
END;
CREATE TRIGGER tally_gone AFTER DELETE ON recipient WHEN OLD.carriage NOT IN ('leased', 'released') BEGIN
    UPDATE tally SET amount = amount - 1 WHERE stream = OLD.stream AND carriage = OLD.carriage;
END;

-- Append-only. A row of recipient can be recomputed from its rows here (posthorse.spool.story).
CREATE TABLE history (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    id       BLOB    NOT NULL,
    n        INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    old      TEXT,
    new      TEXT,
    cause    TEXT,
    fence    INTEGER NOT NULL,
    provider TEXT,
    attempt  BLOB,
    detail   TEXT,
    CHECK (/*moves*/{moves}/*end*/)
) STRICT;

CREATE INDEX story ON history (id);

CREATE TABLE idempotency (
    row_number  INTEGER PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    message_id  BLOB    NOT NULL,
    expires_at  INTEGER NOT NULL,
    UNIQUE (tenant, key)
) STRICT;

CREATE TABLE suppression (
    tenant     TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (tenant, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    selector   TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    by_whom    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    marked     INTEGER NOT NULL DEFAULT 0   -- 1: every recipient that matched when it was set is under it
) STRICT;

CREATE TABLE control (
    key     TEXT PRIMARY KEY,
    value   TEXT    NOT NULL,
    by_whom TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    until   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE access_key (
    id            TEXT PRIMARY KEY,
    tenant        TEXT    NOT NULL,
    sealed_secret BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER,
    note          TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
