-- Notifications that could not be read, or tell of unknown mail: few, and looked at by people.
CREATE INDEX noted ON notification (note, seq) WHERE note <> '';
