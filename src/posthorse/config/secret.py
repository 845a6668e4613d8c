"""Secrets: the configuration names where they are, never what they are.

Promise: a secret never shows in `repr`, `str`, a log line or an error; only `reveal` gives it away. A value written
into the file itself is refused, since configuration files are copied, mailed and committed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_MOST_BYTES = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret with the reference that led to it."""

    reference: str
    """`env:NAME` or `file:PATH`, as written."""
    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __str__(self) -> str:
        return self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What references are resolved against."""

    folder: Path
    """Relative paths start here: the folder of the configuration file."""
    environ: Mapping[str, str]


def read_secret(text: str, around: Surroundings) -> Secret:
    """Follow a reference. Raises ValueError, never with the value in its text."""
    if not is_reference(text):
        raise ValueError('stands in the file itself; write "env:NAME" or "file:PATH" and keep the secret there')
    return Secret(reference=text, _value=follow(text, around))


def is_reference(text: str) -> bool:
    """Whether a text names a place instead of being the value."""
    return text.startswith(("env:", "file:"))


def follow(reference: str, around: Surroundings) -> str:
    """The text behind `env:NAME` or `file:PATH` (without the line's end). Raises ValueError."""
    kind, _, name = reference.partition(":")
    value = _from_environment(name, around) if kind == "env" else _from_file(around.folder / name)
    if not value:
        raise ValueError(f"refers to {reference}, which is empty")
    return value


def _from_environment(name: str, around: Surroundings) -> str:
    if name not in around.environ:
        raise ValueError(f"refers to the environment variable {name}, which is not set")
    return around.environ[name]


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ValueError(f"refers to {path}, which is larger than {_MOST_BYTES >> 10} KiB")
        return raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"refers to {path}, which is not text in UTF-8") from None
    except OSError as error:
        raise ValueError(f"refers to {path}, which cannot be read: {error.strerror}") from None
