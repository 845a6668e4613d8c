-- Customers' endpoints. Reads answer one row of JSON, because every row stepped costs a hand-over of the interpreter lock.

-- name: enroll
INSERT OR IGNORE INTO endpoint (tenant, name, read_to)
SELECT :tenant, :name, max(ifnull(max(seq), 0), ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'history_floor'), 0))
FROM history;

-- name: states
SELECT json_group_array(json_array(
    e.tenant, e.name, e.read_to, e.replay_from, e.replay_to, e.disabled_at, e.disabled_why, e.disabled_url,
    (SELECT count(*) FROM undelivered AS u WHERE u.tenant = e.tenant AND u.name = e.name AND u.next_at IS NOT NULL),
    (SELECT count(*) FROM undelivered AS u WHERE u.tenant = e.tenant AND u.name = e.name AND u.next_at IS NULL),
    (SELECT min(next_at) FROM undelivered AS u WHERE u.tenant = e.tenant AND u.name = e.name AND u.next_at IS NOT NULL),
    ifnull((SELECT why FROM undelivered AS u WHERE u.tenant = e.tenant AND u.name = e.name ORDER BY at DESC LIMIT 1), ''),
    (SELECT at FROM history WHERE seq > e.read_to ORDER BY seq LIMIT 1)))
FROM (SELECT * FROM endpoint WHERE (:name IS NULL OR name = :name) AND (:tenant IS NULL OR tenant = :tenant)
      ORDER BY tenant, name) AS e;

-- The facts of a window of the history that may be told, and where the window ends.
-- name: happenings
WITH w AS MATERIALIZED (
    SELECT * FROM history WHERE seq > :after AND seq <= ifnull(:until, 9223372036854775807) ORDER BY seq LIMIT :facts
)
SELECT (SELECT ifnull(max(seq), :after) FROM w), (
    SELECT json_group_array({happening})
    FROM (SELECT * FROM w WHERE n >= 0 AND (kind IN ('fate', 'duplicate') OR new IN ({told})) ORDER BY seq) AS h
        CROSS JOIN message AS m ON m.id = h.id CROSS JOIN recipient AS r ON r.id = h.id AND r.n = h.n
    WHERE m.tenant = :tenant);

-- name: due_again
SELECT json_group_array(json_array(u.seq, u.tries, u.next_at, u.why, u.at, json((
    SELECT {happening}
    FROM history AS h CROSS JOIN message AS m ON m.id = h.id CROSS JOIN recipient AS r ON r.id = h.id AND r.n = h.n
    WHERE h.seq = u.seq))))
FROM (SELECT * FROM undelivered INDEXED BY undelivered_due
      WHERE tenant = :tenant AND name = :name AND next_at <= :now ORDER BY next_at, seq LIMIT :limit) AS u;

-- name: is_enrolled
SELECT 1 FROM endpoint WHERE tenant = :tenant AND name = :name;

-- name: read_on
UPDATE endpoint SET read_to = :read_to WHERE tenant = :tenant AND name = :name AND read_to < :read_to;

-- name: replayed
UPDATE endpoint SET replay_from = iif(:to < replay_to, :to, NULL), replay_to = iif(:to < replay_to, replay_to, NULL)
WHERE tenant = :tenant AND name = :name AND replay_from = :from;

-- name: take
DELETE FROM undelivered WHERE tenant = :tenant AND name = :name AND seq = :seq;

-- name: note
INSERT OR REPLACE INTO undelivered (tenant, name, seq, tries, next_at, why, at)
VALUES (:tenant, :name, :seq, :tries, :next_at, :why, :now);

-- name: crowd_out
UPDATE undelivered SET next_at = NULL, why = :early || why WHERE tenant = :tenant AND name = :name AND seq IN (
    SELECT seq FROM undelivered WHERE tenant = :tenant AND name = :name AND next_at IS NOT NULL
    ORDER BY tries DESC, seq LIMIT max(0, (
        SELECT count(*) FROM undelivered WHERE tenant = :tenant AND name = :name AND next_at IS NOT NULL) - :most));

-- name: trim
DELETE FROM undelivered WHERE tenant = :tenant AND name = :name AND next_at IS NULL AND seq NOT IN (
    SELECT seq FROM undelivered WHERE tenant = :tenant AND name = :name AND next_at IS NULL
    ORDER BY seq DESC LIMIT :most);

-- name: disable
UPDATE endpoint SET disabled_at = :now, disabled_why = :why, disabled_url = :url WHERE tenant = :tenant AND name = :name;

-- name: enable
UPDATE endpoint SET disabled_at = NULL, disabled_why = '', disabled_url = '' WHERE tenant = :tenant AND name = :name;

-- name: hurry
UPDATE undelivered SET next_at = :now WHERE tenant = :tenant AND name = :name AND next_at > :now;

-- name: replay
UPDATE endpoint SET replay_from = min(ifnull(replay_from, :from), :from), replay_to = read_to
WHERE tenant = :tenant AND name = :name AND :from < read_to
RETURNING replay_to - replay_from;

-- name: note_message
INSERT OR REPLACE INTO undelivered (tenant, name, seq, tries, next_at, why, at)
SELECT :tenant, :name, h.seq, 0, :now, 'to be told again', :now
FROM history AS h INDEXED BY story CROSS JOIN message AS m ON m.id = h.id
WHERE h.id = :id AND m.tenant = :tenant AND h.n >= 0
  AND (h.kind IN ('fate', 'duplicate') OR h.new IN ({told}));

-- name: fact_from
SELECT json_array(seq, at) FROM history WHERE seq >= :seq ORDER BY seq LIMIT 1;

-- name: ends
SELECT json_array((SELECT min(seq) FROM history), (SELECT max(seq) FROM history));

-- name: forget_endpoint
DELETE FROM endpoint WHERE tenant = :tenant AND name = :name;

-- name: forget_undelivered
DELETE FROM undelivered WHERE tenant = :tenant AND name = :name;
