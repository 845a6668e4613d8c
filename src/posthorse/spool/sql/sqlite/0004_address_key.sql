-- Addresses were compared in lower case only; now under one key for every spelling. What is plain ASCII stays as it is.
UPDATE OR REPLACE suppression SET address = address_key(address) WHERE address <> address_key(address);

UPDATE recipient SET address_key = nullif(address_key(address), address)
WHERE carriage IN ('queued', 'leased', 'released', 'in_doubt')
  AND (length(address) <> length(CAST(address AS BLOB)) OR instr(lower(address), 'xn--'));
