"""SMTP submission: a protocol core without I/O (`core`), and the asyncio shell around it (`connection`, `server`)."""
