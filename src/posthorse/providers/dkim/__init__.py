"""Our own DKIM signature (RFC 6376, RFC 8463) on what leaves by exact and wrapped ways out."""
