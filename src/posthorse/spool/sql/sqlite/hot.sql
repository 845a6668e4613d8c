-- The writer's statements. Each runs once for a whole batch: v holds its rows, padded with rows whose id is NULL.
-- Reads answer one row of JSON, because every row stepped costs a hand-over of the interpreter lock.

-- name: add_messages
WITH v (id, tenant, stream, sender, size_bytes, accepted_at, expires_at, smtputf8, eight_bit, supersede_key, attributes,
        body) AS ({rows})
INSERT INTO message SELECT * FROM v WHERE id IS NOT NULL;

-- name: add_bodies
WITH v (row_number, id, bytes) AS ({rows})
INSERT INTO body SELECT * FROM v WHERE row_number IS NOT NULL;

-- name: add_recipients
WITH v (id, n, tenant, address, address_key, stream, expires_at, carriage, fence, copies_allowed, leased_from, lease_until,
        next_at, hold, node, rested_at) AS ({rows})
INSERT INTO recipient (id, n, tenant, address, address_key, stream, expires_at, carriage, fence, copies_allowed,
                       leased_from, lease_until, next_at, hold, node, rested_at)
SELECT * FROM v WHERE id IS NOT NULL;

-- name: add_history
WITH v (seq, at, id, n, kind, old, new, cause, fence, provider, attempt, detail) AS ({rows})
INSERT INTO history SELECT * FROM v WHERE seq IS NOT NULL;

-- name: add_claims
WITH v (tenant, key, fingerprint, message_id, expires_at) AS ({rows})
INSERT OR REPLACE INTO idempotency (tenant, key, fingerprint, message_id, expires_at)
SELECT * FROM v WHERE tenant IS NOT NULL;

-- The straight path of a key: taken, unless anybody has it, whether it ran out or not.
-- name: take_keys
WITH v (tenant, key, fingerprint, message_id, expires_at) AS ({rows})
INSERT INTO idempotency (tenant, key, fingerprint, message_id, expires_at)
SELECT * FROM v WHERE tenant IS NOT NULL
ON CONFLICT (tenant, key) DO NOTHING;

-- name: add_names
WITH v (provider, id, message_id) AS ({rows})
INSERT OR REPLACE INTO provider_message SELECT * FROM v WHERE provider IS NOT NULL;

-- name: put_recipients
WITH v (id, n, carriage, fate, fence, attempts, copies_released, copies_allowed, leased_from, lease_until, next_at, tried,
        withdrawn, hold, doubtful, provider, attempt, node, rested_at) AS ({rows})
UPDATE recipient AS r
SET carriage = v.carriage, fate = v.fate, fence = v.fence, attempts = v.attempts, copies_released = v.copies_released,
    copies_allowed = v.copies_allowed, leased_from = v.leased_from, lease_until = v.lease_until, next_at = v.next_at,
    tried = v.tried, withdrawn = v.withdrawn, hold = v.hold, doubtful = v.doubtful, provider = v.provider,
    attempt = v.attempt, node = v.node, rested_at = v.rested_at
FROM v WHERE r.id = v.id AND r.n = v.n;

-- The straight path of a release: posthorse.spool.rules.release_refusal as one condition.
-- name: release
WITH v (id, n, fence, provider, attempt, lease_until) AS ({rows})
UPDATE recipient AS r
SET carriage = 'released', copies_released = r.copies_released + 1, lease_until = v.lease_until, provider = v.provider,
    attempt = v.attempt
FROM v
WHERE r.id = v.id AND r.n = v.n AND r.fence = v.fence AND r.carriage = 'leased' AND r.hold IS NULL AND r.withdrawn = ''
  AND r.copies_released < r.copies_allowed AND r.expires_at > :now
  AND NOT EXISTS (
      SELECT 1 FROM suppression AS s
      WHERE s.tenant = r.tenant AND s.address = ifnull(r.address_key, r.address) AND ifnull(s.expires_at > :now, 1)
  );

-- The straight path of a lease: what was found due in this transaction and may be leased as it is.
-- name: lease
WITH v (id, n, fence) AS ({rows})
UPDATE recipient AS r
SET carriage = 'leased', leased_from = r.carriage, fence = r.fence + 1, lease_until = :until, next_at = NULL, node = :node
FROM v
WHERE r.id = v.id AND r.n = v.n AND r.fence = v.fence AND r.carriage IN ('queued', 'in_doubt');

-- The straight path of a settlement: the present attempt was released and ended in a handover, the first known one.
-- name: hand_over
WITH v (id, n, fence, tried) AS ({rows})
UPDATE recipient AS r
SET carriage = 'handed_over', attempts = r.attempts + 1, tried = v.tried, leased_from = NULL, lease_until = NULL,
    next_at = NULL, rested_at = :now
FROM v
WHERE r.id = v.id AND r.n = v.n AND r.fence = v.fence AND r.carriage = 'released' AND r.leased_from IS NOT 'handed_over';

-- name: trails
WITH v (id) AS ({rows})
SELECT json_group_array(json_array(hex(h.id), h.n, h.kind, h.new, h.cause, h.fence, ifnull(h.provider, ''),
                                   h.detail ->> 'outcome', h.seq))
FROM v CROSS JOIN history AS h INDEXED BY story ON h.id = v.id
WHERE h.new IN ('released', 'in_doubt', 'handed_over') OR h.kind IN ('event', 'duplicate', 'late_answer', 'after_event')
   OR h.cause = 'restore';

-- name: claims
WITH v (tenant, key) AS ({rows})
SELECT json_group_array(json_array(i.tenant, i.key, hex(i.message_id), hex(i.fingerprint), i.expires_at))
FROM v CROSS JOIN idempotency AS i ON i.tenant = v.tenant AND i.key = v.key
WHERE i.expires_at > :now;

-- name: taken
WITH v (message_id, tenant, key) AS ({rows})
SELECT json_group_array(hex(v.message_id))
FROM v CROSS JOIN idempotency AS i ON i.tenant = v.tenant AND i.key = v.key
WHERE i.row_number > :before;

-- name: suppressed
WITH v (tenant, address) AS ({rows})
SELECT json_group_array(json_array(s.tenant, s.address))
FROM v CROSS JOIN suppression AS s ON s.tenant = v.tenant AND s.address = v.address
WHERE ifnull(s.expires_at > :now, 1);

-- name: entries
WITH v (id, n) AS ({rows})
SELECT json_group_array({entry})
FROM v CROSS JOIN recipient AS r ON r.id = v.id AND r.n = v.n CROSS JOIN message AS m ON m.id = r.id;

-- name: waiting_under
WITH v (tenant, supersede_key) AS ({rows})
SELECT json_group_array({entry})
FROM v CROSS JOIN message AS m ON m.tenant = v.tenant AND m.supersede_key = v.supersede_key
    CROSS JOIN recipient AS r ON r.id = m.id
WHERE r.carriage IN ('queued', 'leased', 'released', 'in_doubt');

-- The first ones, and whoever else of their messages is due: a message is not cut.
-- name: due_oldest
SELECT json_group_array({entry})
FROM (
    SELECT DISTINCT id FROM (
        SELECT id FROM recipient INDEXED BY due
        WHERE stream = :stream AND next_at <= :now AND hold IS NULL
        ORDER BY next_at, id, n LIMIT :limit
    )
) AS k CROSS JOIN message AS m ON m.id = k.id CROSS JOIN recipient AS r ON r.id = k.id
WHERE r.next_at <= :now AND r.hold IS NULL;

-- name: due_newest
SELECT json_group_array({entry})
FROM (
    SELECT DISTINCT id FROM (
        SELECT id, n FROM (
            SELECT id, n FROM recipient INDEXED BY waiting
            WHERE stream = :stream AND carriage = 'queued' AND next_at <= :now AND hold IS NULL
            ORDER BY id DESC, n LIMIT :limit
        )
        UNION ALL
        SELECT id, n FROM (
            SELECT id, n FROM recipient INDEXED BY doubt
            WHERE stream = :stream AND carriage = 'in_doubt' AND next_at <= :now AND hold IS NULL
            ORDER BY id DESC, n LIMIT :limit
        )
        ORDER BY id DESC, n LIMIT :limit
    )
) AS k CROSS JOIN message AS m ON m.id = k.id CROSS JOIN recipient AS r ON r.id = k.id
WHERE r.next_at <= :now AND r.hold IS NULL;

-- name: count_live
WITH v (id) AS ({rows})
SELECT json_group_array(json_array(hex(v.id), (
    SELECT count(*) FROM recipient AS r
    WHERE r.id = v.id AND r.carriage IN ('queued', 'leased', 'released', 'in_doubt')
)))
FROM v WHERE v.id IS NOT NULL;

-- name: lapsed
SELECT json_group_array({entry})
FROM (
    SELECT id, n FROM recipient INDEXED BY lapse WHERE lease_until <= :now ORDER BY lease_until, id, n LIMIT :limit
) AS k CROSS JOIN recipient AS r ON r.id = k.id AND r.n = k.n CROSS JOIN message AS m ON m.id = k.id;

-- name: abandoned
SELECT json_group_array({entry})
FROM (
    SELECT id, n FROM recipient INDEXED BY lapse WHERE lease_until IS NOT NULL AND carriage = 'leased'
    ORDER BY lease_until, id, n LIMIT :limit
) AS k CROSS JOIN recipient AS r ON r.id = k.id AND r.n = k.n CROSS JOIN message AS m ON m.id = k.id;

-- name: late
SELECT json_group_array({entry})
FROM (
    SELECT id, n FROM recipient INDEXED BY late WHERE carriage = 'queued' AND expires_at <= :now
    ORDER BY expires_at, id, n LIMIT :limit
) AS k CROSS JOIN recipient AS r ON r.id = k.id AND r.n = k.n CROSS JOIN message AS m ON m.id = k.id;

-- name: held
SELECT json_group_array({entry})
FROM (
    SELECT id, n FROM recipient INDEXED BY held WHERE hold = :hold ORDER BY id, n LIMIT :limit
) AS k CROSS JOIN recipient AS r ON r.id = k.id AND r.n = k.n CROSS JOIN message AS m ON m.id = k.id;

-- All bodies asked for as one string of bytes, with the length of each: one step instead of one per body. Those longer
-- than the last parameter are told by their row only, to be read apart.
-- name: bodies
WITH v (id) AS ({rows})
SELECT json_group_array(json_array(hex(m.id), length(b.bytes), b.row_number)),
       CAST(group_concat(CASE WHEN length(b.bytes) <= ? THEN b.bytes ELSE x'' END, '') AS BLOB)
FROM v CROSS JOIN message AS m ON m.id = v.id CROSS JOIN body AS b ON b.row_number = m.body;

-- name: forget_claims
DELETE FROM idempotency
WHERE row_number IN (SELECT row_number FROM idempotency ORDER BY row_number LIMIT :limit) AND expires_at <= :now;
