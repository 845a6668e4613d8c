-- What the operator's calls ask and set. Reads run on their own connection, beside the writer.

-- name: holds
SELECT id, selector, reason, by_whom, created_at FROM hold ORDER BY id;

-- name: unmarked_holds
SELECT id FROM hold WHERE marked = 0 ORDER BY id;

-- name: add_hold
INSERT INTO hold (selector, reason, by_whom, created_at) VALUES (:selector, :reason, :by, :now) RETURNING id;

-- name: mark_hold
UPDATE hold SET marked = 1 WHERE id = :id;

-- name: drop_hold
DELETE FROM hold WHERE id = :id;

-- name: has_suppressions
SELECT EXISTS (SELECT 1 FROM suppression);

-- name: suppress
INSERT OR REPLACE INTO suppression (tenant, address, reason, source, created_at, expires_at, event_key, message_id)
VALUES (:tenant, :address, :reason, :source, :created_at, :expires_at, :event_key, :message_id);

-- name: unsuppress
DELETE FROM suppression WHERE tenant = :tenant AND address = :address;

-- name: suppressions
SELECT tenant, address, reason, source, created_at, expires_at, event_key, message_id FROM suppression
WHERE address > :after ORDER BY address, tenant LIMIT :limit;

-- name: suppressions_of_tenant
SELECT tenant, address, reason, source, created_at, expires_at, event_key, message_id FROM suppression
WHERE tenant = :tenant AND address > :after ORDER BY address LIMIT :limit;

-- name: order
INSERT OR REPLACE INTO control (key, value, by_whom, at, until) VALUES (:key, :value, :by, :at, :until);

-- name: lift
DELETE FROM control WHERE key = :key;

-- name: orders
SELECT key, value, by_whom, at, until FROM control WHERE ifnull(until > :now, 1) ORDER BY key;

-- name: put_key
INSERT OR REPLACE INTO access_key (id, tenant, sealed_secret, created_at, revoked_at, note)
VALUES (:id, :tenant, :sealed_secret, :created_at, :revoked_at, :note);

-- name: keys
SELECT id, tenant, sealed_secret, created_at, revoked_at, note FROM access_key ORDER BY id;

-- name: history_of
SELECT m.tenant, h.seq, h.at, h.id, h.n, h.kind, h.old, h.new, h.cause, h.fence, h.provider, h.attempt, h.detail
FROM history AS h INDEXED BY story JOIN message AS m ON m.id = h.id WHERE h.id = :id ORDER BY h.seq;

-- name: events_since
SELECT m.tenant, h.seq, h.at, h.id, h.n, h.kind, h.old, h.new, h.cause, h.fence, h.provider, h.attempt, h.detail
FROM history AS h JOIN message AS m ON m.id = h.id WHERE h.seq > :seq ORDER BY h.seq LIMIT :limit;

-- name: body_of
SELECT b.row_number FROM message AS m JOIN body AS b ON b.row_number = m.body WHERE m.id = :id;

-- name: next_due
SELECT min(next_at) FROM (
    SELECT min(next_at) AS next_at FROM recipient INDEXED BY due
    WHERE stream = 0 AND next_at IS NOT NULL AND hold IS NULL
    UNION ALL SELECT min(next_at) FROM recipient INDEXED BY due
    WHERE stream = 1 AND next_at IS NOT NULL AND hold IS NULL
    UNION ALL SELECT min(next_at) FROM recipient INDEXED BY due
    WHERE stream = 2 AND next_at IS NOT NULL AND hold IS NULL
    UNION ALL SELECT min(next_at) FROM recipient INDEXED BY due
    WHERE stream = 3 AND next_at IS NOT NULL AND hold IS NULL
);

-- name: count_unconfirmed
SELECT count(*) FROM (
    SELECT 1 FROM recipient INDEXED BY unconfirmed
    WHERE carriage = 'handed_over' AND fate = 'unknown' AND provider = :provider AND rested_at < :before LIMIT :most
);

-- name: counts
SELECT stream, carriage, amount FROM tally WHERE amount <> 0
UNION ALL
SELECT stream, carriage, count(*) FROM recipient INDEXED BY lapse WHERE lease_until IS NOT NULL GROUP BY stream, carriage;

-- The oldest waiting is looked for in order of acceptance first; behind many that wait for a later time it is not found
-- there soon, and then those that are due are few enough to look through.
-- name: oldest_in_order
SELECT m.accepted_at FROM (
    SELECT id, next_at, hold FROM recipient INDEXED BY waiting
    WHERE stream = :stream AND carriage = 'queued' ORDER BY id LIMIT 2000
) AS r JOIN message AS m ON m.id = r.id
WHERE r.next_at <= :now AND r.hold IS NULL ORDER BY r.id LIMIT 1;

-- name: oldest_due
SELECT min(m.accepted_at) FROM (
    SELECT id FROM recipient INDEXED BY due
    WHERE stream = :stream AND next_at <= :now AND hold IS NULL AND carriage = 'queued' LIMIT 50000
) AS r JOIN message AS m ON m.id = r.id;

-- Retention looks at a window of messages at a time; rested: all recipients ended before the given time.
-- name: rested_bodies
SELECT json_group_array(json_array(w.row_number, hex(w.id),
    NOT EXISTS (SELECT 1 FROM recipient AS r WHERE r.id = w.id AND ifnull(r.rested_at >= :before, 1))))
FROM (SELECT row_number, id FROM body WHERE row_number > :after ORDER BY row_number LIMIT :window) AS w;

-- name: rested_messages
SELECT json_group_array(json_array(ifnull(w.body, 0), hex(w.id),
    NOT EXISTS (SELECT 1 FROM recipient AS r WHERE r.id = w.id AND ifnull(r.rested_at >= :before, 1))))
FROM (SELECT id, body FROM message WHERE id > :after ORDER BY id LIMIT :window) AS w;

-- name: drop_bodies
WITH v (row_number) AS ({rows})
DELETE FROM body WHERE row_number IN (SELECT row_number FROM v);

-- name: forget_bodies
WITH v (id) AS ({rows})
UPDATE message SET body = NULL WHERE id IN (SELECT id FROM v);

-- name: drop_recipients
WITH v (id) AS ({rows})
DELETE FROM recipient WHERE id IN (SELECT id FROM v);

-- name: drop_history
WITH v (id) AS ({rows})
DELETE FROM history WHERE id IN (SELECT id FROM v);

-- name: drop_messages
WITH v (id) AS ({rows})
DELETE FROM message WHERE id IN (SELECT id FROM v);

-- name: keep_floor
INSERT OR REPLACE INTO meta (key, value) SELECT 'history_floor', ifnull(max(seq), 0) FROM history;
