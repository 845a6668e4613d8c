"""The whole configuration as it is in effect, defaults included, in the form of the file.

Promise: a secret shows as its reference only. What is shown reads back as the same tree.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from posthorse.config.secret import Secret
from posthorse.config.setting import Address, SpoolUrl, Written
from posthorse.config.shape import key_of, marks_of, settings_of
from posthorse.config.tree import Config
from posthorse.config.units import write_duration, write_rate, write_size

Shown = str | int | float | bool | list["Shown"] | dict[str, "Shown"]
"""What TOML and JSON both can write."""

_WRITERS: dict[Written, Callable[[float], str]] = {
    Written.DURATION: write_duration,
    Written.SIZE: write_size,
    Written.RATE: write_rate,
}


def shown(config: Config) -> dict[str, Shown]:
    """The tree as tables of the file; what is not set is left out."""
    return _section(config)


def as_toml(config: Config) -> str:
    """The tree as TOML."""
    return "\n".join(_lines(shown(config))).strip() + "\n"


def written(value: object, hint: object = None) -> Shown:
    """One value as it is written in the file."""
    for mark in marks_of(hint):
        if isinstance(mark, Written) and mark in _WRITERS and isinstance(value, int | float):
            return _WRITERS[mark](value)
    match value:
        case Enum():
            return written(value.value)
        case Secret() | Address() | SpoolUrl() | Path():
            return str(value)
        case tuple():
            return [written(each) for each in value]
        case Mapping():
            return {str(written(key)): written(each) for key, each in value.items()}
        case str() | int() | float():
            return value
        case _ if is_dataclass(value):
            return _section(value)
        case _:
            raise TypeError(f"a {type(value).__name__} has no form in the file")


def _section(section: object) -> dict[str, Shown]:
    kind = getattr(section, "kind", None)
    table: dict[str, Shown] = {"kind": kind} if isinstance(kind, str) else {}
    for field, hint in settings_of(type(section)):
        value = getattr(section, field.name)
        if value is not None and not (value == "" and _optional(field)):
            table[key_of(field, hint)] = written(value, hint)
    return table


def _optional(field: Field[Any]) -> bool:
    return field.default == ""


def _lines(table: Mapping[str, Shown], path: str = "") -> Iterator[str]:
    for key, value in table.items():
        if not _is_section(value):
            yield f"{key} = {_inline(value)}"
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from (["", f"[{name}]"] if any(not _is_section(each) for each in value.values()) else [])
            yield from _lines(value, name)
        elif isinstance(value, list) and _is_section(value):
            for entry in value:
                assert isinstance(entry, dict)
                yield from ("", f"[[{name}]]", *_lines(entry, name))


def _is_section(value: Shown) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _inline(value: Shown) -> str:
    """A value in TOML; JSON's strings, numbers and lists are TOML's too."""
    return msgspec.json.encode(value).decode()
