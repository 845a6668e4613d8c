"""Posthorse: a self-hosted gateway for the mail an application must get through.

Duty: name the package and its version. Left out: everything else; nothing is re-exported here, so that importing one
room never loads another.
"""

__version__ = "0.1.0"
