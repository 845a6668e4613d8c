"""How much room the spool's disk has, as far as anybody but root may use it."""

import os

from posthorse.config.tree import Config


def free_space_bytes(config: Config) -> int:
    """Raises OSError where there is no such folder."""
    disk = os.statvfs(config.spool.url.file.parent)
    return disk.f_bavail * disk.f_frsize
