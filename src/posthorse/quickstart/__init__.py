"""Quickstart: the main job on one machine without an account anywhere.

A gateway on SQLite with two simulated providers (one speaks SES, one SMTP; a process of its own) in front of a local
mailbox. Everything is kept in one folder and survives a restart; what a person may have changed there is never written
over; nothing leaves the machine unless the configuration is made to.
"""

from posthorse.quickstart.play import quickstart

__all__ = ["quickstart"]
