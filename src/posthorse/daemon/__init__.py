"""The daemon: one gateway as a process, on real clocks, networks and disks, as its configuration says."""

from posthorse.daemon.process import serve

__all__ = ["serve"]
