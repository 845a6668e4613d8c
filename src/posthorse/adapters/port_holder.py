"""Who has a port: for the sentence that tells a person why nothing can listen there.

Promise: never raises; where the system does not say (another system than Linux, a process of somebody else), the answer
is only less precise.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LISTENING = "0A"
_MOST_TEXT = 80


def is_free(host: str, port: int) -> bool:
    """Whether something could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True


def any_free(host: str) -> int:
    """A port at which nothing listens now; whoever wants it must take it soon."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def holder_of(port: int) -> str:
    """Who listens at this port of this machine, as in `process 4711 (python -m posthorse serve)`."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*") if wanted else ():
        with suppress(OSError):
            if any(os.readlink(entry) in wanted for entry in (folder / "fd").iterdir()):
                return f"process {folder.name} ({_command(folder)})"
    return "a process that cannot be seen from here"


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _command(folder: Path) -> str:
    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return words if len(words) <= _MOST_TEXT else f"{words[:_MOST_TEXT]}..."
