"""SQL of every database: numbered migrations and named queries."""
