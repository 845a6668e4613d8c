"""The native API: mail in as JSON or MIME, its whole history out, each refusal with a reason programs can read."""
