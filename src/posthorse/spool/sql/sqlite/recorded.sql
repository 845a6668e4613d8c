-- Traffic as it was recorded. Reads run on their own connection, beside the writer, and answer one row of JSON.

-- name: newest
SELECT json_group_array(json_array(json_array(hex(m.id), m.tenant, m.stream, m.sender, m.size_bytes, m.accepted_at,
    m.expires_at, m.smtputf8, m.eight_bit, m.supersede_key, m.attributes),
    (SELECT count(*) FROM recipient AS r WHERE r.id = m.id), m.body))
FROM (SELECT * FROM message WHERE id < :before ORDER BY id DESC LIMIT :limit) AS m;
