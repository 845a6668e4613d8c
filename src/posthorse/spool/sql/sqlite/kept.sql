-- Notifications to be looked at. The conditions are chosen in posthorse.spool.sqlite.kept.

-- name: newest
SELECT seq, provider, received_at, tries, due_at, note, length(body) FROM notification
WHERE seq < :before AND (:provider IS NULL OR provider = :provider) AND ({state})
ORDER BY seq DESC LIMIT :limit;

-- name: one
SELECT seq, provider, received_at, tries, due_at, note, length(body), key, facts, body FROM notification
WHERE seq = :seq;

-- name: count
SELECT (SELECT count(*) FROM (SELECT 1 FROM notification INDEXED BY undigested
                              WHERE due_at IS NOT NULL AND note = '' LIMIT :most)),
       (SELECT count(*) FROM (SELECT 1 FROM notification INDEXED BY noted
                              WHERE note <> '' AND note = :unknown LIMIT :most)),
       (SELECT count(*) FROM (SELECT 1 FROM notification INDEXED BY noted
                              WHERE note <> '' AND note <> :unknown LIMIT :most));
