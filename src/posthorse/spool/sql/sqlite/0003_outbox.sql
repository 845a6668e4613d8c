-- Customers' endpoints: how far each has read the history, and what it did not take.
CREATE TABLE endpoint (
    tenant       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    read_to      INTEGER NOT NULL,
    replay_from  INTEGER,
    replay_to    INTEGER,
    disabled_at  INTEGER,
    disabled_why TEXT    NOT NULL DEFAULT '',
    disabled_url TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, name),
    CHECK ((replay_from IS NULL) = (replay_to IS NULL))
) STRICT, WITHOUT ROWID;

-- next_at NULL: given up.
CREATE TABLE undelivered (
    tenant  TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    tries   INTEGER NOT NULL,
    next_at INTEGER,
    why     TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX undelivered_due ON undelivered (tenant, name, next_at, seq) WHERE next_at IS NOT NULL;
