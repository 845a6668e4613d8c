"""The spool on SQLite: one process, one writer thread, group commit."""

from posthorse.spool.sqlite.schema import SpoolRefused
from posthorse.spool.sqlite.spool import SqliteSpool

__all__ = ["SpoolRefused", "SqliteSpool"]
