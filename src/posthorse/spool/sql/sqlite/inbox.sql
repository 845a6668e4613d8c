-- What is learnt back. Statements with rows run once for a whole batch, as those in hot.sql; reads answer one row of JSON.

-- name: take_in
WITH v (provider, key, facts, received_at, due_at, body) AS ({rows})
INSERT INTO notification (provider, key, facts, received_at, due_at, body)
SELECT * FROM v WHERE provider IS NOT NULL
ON CONFLICT (provider, key) DO NOTHING;

-- name: taken_in
WITH v (provider, key) AS ({rows})
SELECT json_group_array(json_array(n.provider, hex(n.key)))
FROM v CROSS JOIN notification AS n ON n.provider = v.provider AND n.key = v.key
WHERE n.seq > :before;

-- name: undigested
SELECT seq, provider, key, facts, received_at, tries, body FROM notification INDEXED BY undigested
WHERE due_at <= :now ORDER BY due_at, seq LIMIT :limit;

-- name: offer_again
UPDATE notification SET due_at = :now
WHERE seq IN (SELECT seq FROM notification INDEXED BY undigested WHERE due_at = :next_start ORDER BY seq LIMIT :limit);

-- name: digested
WITH v (seq, due_at, note) AS ({rows})
UPDATE notification AS n SET tries = n.tries + 1, due_at = v.due_at, note = v.note FROM v WHERE n.seq = v.seq;

-- name: known
WITH v (key) AS ({rows})
SELECT json_group_array(hex(e.key)) FROM v CROSS JOIN event_key AS e ON e.key = v.key;

-- name: know
WITH v (key, at) AS ({rows})
INSERT INTO event_key (key, at) SELECT * FROM v WHERE key IS NOT NULL;

-- name: named
WITH v (provider, id) AS ({rows})
SELECT json_group_array(json_array(p.provider, p.id, hex(p.message_id)))
FROM v CROSS JOIN provider_message AS p ON p.provider = v.provider AND p.id = v.id;

-- name: addresses
WITH v (id) AS ({rows})
SELECT json_group_array(json_array(hex(r.id), r.n, r.address)) FROM v CROSS JOIN recipient AS r ON r.id = v.id;

-- name: listed
WITH v (tenant, address) AS ({rows})
SELECT json_group_array(json_array(s.tenant, s.address, s.reason, s.source, s.created_at, s.expires_at, s.event_key,
                                   hex(s.message_id)))
FROM v CROSS JOIN suppression AS s ON s.tenant = v.tenant AND s.address = v.address;

-- Retention. Whoever is behind the window is looked at by the next call; what is still to be read stays.
-- name: old_notifications
SELECT json_group_array(json_array(seq, (due_at IS NULL OR due_at = :next_start) AND received_at < :before))
FROM (SELECT seq, due_at, received_at FROM notification WHERE seq > :after ORDER BY seq LIMIT :window);

-- name: drop_notifications
WITH v (seq) AS ({rows})
DELETE FROM notification WHERE seq IN (SELECT seq FROM v);

-- name: forget_events
DELETE FROM event_key
WHERE row_number IN (SELECT row_number FROM event_key ORDER BY row_number LIMIT :limit) AND at < :before;

-- Which names a message has stands in its history.
-- name: forget_names
WITH v (id) AS ({rows})
DELETE FROM provider_message WHERE (provider, id, message_id) IN (
    SELECT h.provider, h.detail ->> 'provider_message_id', h.id
    FROM v CROSS JOIN history AS h INDEXED BY story ON h.id = v.id WHERE h.provider IS NOT NULL
);
