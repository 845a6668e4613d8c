"""What a setting is: its meaning, an example and the consequence of changing it, kept beside its type.

Every field of the tree carries a `Setting`; the reference page is written from them, so a setting without a
description cannot exist. `Written` says how a value is written in the file where its type does not: a field that ends
in `_s` and is a duration is written without the suffix and with a unit (`connect_timeout = "3s"`); sizes and rates too.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Setting:
    """The description of one setting."""

    meaning: str
    example: str = ""
    """As written in TOML; empty: the default is example enough."""
    consequence: str = ""
    """What follows from changing it."""
    restart: bool = False
    """A change takes effect only when the gateway starts."""


class Written(Enum):
    """How a value is written in the file, where its type does not say it."""

    DURATION = "_s"
    """A text with a unit, held in seconds."""
    SIZE = "_bytes"
    """A text with a unit, held in bytes."""
    RATE = "_per_s"
    """A text with a unit, held per second."""
    REFERENCE = ""
    """A text, or a reference to one: `env:NAME` or `file:PATH`."""


Seconds = Annotated[float, Written.DURATION]
Bytes = Annotated[int, Written.SIZE]
PerSecond = Annotated[float, Written.RATE]
Text = Annotated[str, Written.REFERENCE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a listener listens. Port 0: any free one."""

    host: str
    port: int
    path: str = ""
    """A unix socket's, instead of host and port."""

    def __str__(self) -> str:
        if self.path:
            return f"{_UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return bool(self.path) or self.host in {"::1", "localhost"} or self.host.startswith("127.")


_UNIX = "unix:"
_LONGEST_SOCKET_PATH_BYTES = 107
"""unix(7): what the kernel keeps of a socket's path."""


def parse_address(text: str) -> Address:
    """Read `"127.0.0.1:8025"`, `"[::1]:25"` or `"unix:/run/posthorse/api.sock"`. Raises ValueError."""
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path.startswith("/") or len(path.encode()) > _LONGEST_SOCKET_PATH_BYTES:
            raise ValueError(f"is no socket: its path begins with / and has at most {_LONGEST_SOCKET_PATH_BYTES} bytes")
        return Address(host="", port=0, path=path)
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError('is not an address with a port, such as "127.0.0.1:2525" or "[::1]:2525"')
    if ":" in bare and bare == host:
        raise ValueError('is an IPv6 address without brackets; write it as "[::1]:2525"')
    return Address(host=bare, port=int(port))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolUrl:
    """Where the spool is: a SQLite file."""

    file: Path

    def __str__(self) -> str:
        return f"sqlite:{self.file}"


def parse_spool_url(text: str, folder: Path) -> SpoolUrl:
    """Read `"sqlite:PATH"`; a relative path starts at `folder`. Raises ValueError."""
    scheme, _, path = text.partition(":")
    if scheme != "sqlite":
        raise ValueError(f'names "{scheme}", which is no spool of this version; write it as "sqlite:posthorse.db"')
    if not path or path.startswith("//"):
        raise ValueError('names no file; write it as "sqlite:posthorse.db" or "sqlite:/var/lib/posthorse/posthorse.db"')
    return SpoolUrl(file=folder / path)
