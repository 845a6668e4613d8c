"""The reference page of the configuration, written from the types: meaning, default, example, consequence.

`posthorse config reference` prints it; a test compares it with docs/configuration.md.
"""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union

import msgspec

from posthorse.config.secret import Secret
from posthorse.config.setting import Address, SpoolUrl, Written
from posthorse.config.shape import described, key_of, peel, settings_of
from posthorse.config.show import written
from posthorse.config.tree import Config

_INTRODUCTION = """\
# Configuration

One TOML file, `posthorse.toml` unless `--config` names another. `posthorse config check` tells everything that is wrong
with it at once, `posthorse config show` prints what is in effect. Unknown keys are refused.

- **Durations** have a unit: `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"7d"`. **Sizes** too: `"64KiB"`, `"10MiB"`, `"1GB"`.
  **Rates** too: `"50/s"`, `"600/m"`, `"10000/d"`.
- **Secrets** are references, never values: `"env:NAME"` reads an environment variable, `"file:PATH"` a file.
- **Paths** are relative to the folder of the file.
- *restart*: a change takes effect at the next start; everything else when the file is read again (`SIGHUP`). A file
  with problems changes nothing: the old set stays in use, and the log says why.

This page is written from the types by `posthorse config reference`.
"""

_WRITTEN_TYPES = {
    Written.DURATION: "duration",
    Written.SIZE: "size",
    Written.RATE: "rate",
    Written.REFERENCE: "text or reference",
}
_TYPES: dict[Any, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    Path: "path",
    Address: "address:port",
    Secret: "reference",
    SpoolUrl: "url",
}


def reference() -> str:
    """The whole page in Markdown."""
    sections = (_top(key_of(field, hint), hint) for field, hint in settings_of(Config))
    return "\n".join([_INTRODUCTION, *sections])


def _top(name: str, hint: Any) -> str:
    bare, _ = peel(hint)
    arguments = typing.get_args(bare)
    origin = typing.get_origin(bare)
    if origin is Mapping:
        return _section(f"[{name}.NAME]", arguments[1], f" `NAME` is {_type_of(arguments[0])}.")
    if origin is not tuple:
        return _section(f"[{name}]", bare)
    members = _members(arguments[0])
    if len(members) == 1:
        return _section(f"[[{name}]]", members[0])
    return "\n".join(_section(f'[[{name}]] kind = "{member.kind}"', member) for member in members)


def _section(heading: str, kind: Any, more: str = "") -> str:
    lines = [f"## `{heading}`", "", f"{' '.join(kind.__doc__.split())}{more}", "", *_HEAD, *_rows(kind, ""), ""]
    return "\n".join(lines)


_HEAD = ("| key | type | default | meaning | example | consequence |", "|---|---|---|---|---|---|")


def _rows(kind: Any, prefix: str) -> Iterator[str]:
    for field, hint in settings_of(kind):
        setting = described(hint)
        assert setting is not None, f"{kind.__name__}.{field.name} is not described"
        key = f"{prefix}{key_of(field, hint)}"
        consequence = " ".join(filter(None, ("*restart.*" if setting.restart else "", setting.consequence)))
        cells = (
            f"`{key}`",
            _type_of(hint),
            _default(field, hint),
            setting.meaning,
            _code(setting.example),
            consequence,
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        bare, _ = peel(hint)
        each = "[]" if typing.get_origin(bare) is tuple else ""
        inner = typing.get_args(bare)[0] if each else bare
        if is_dataclass(inner) and inner not in _TYPES:
            yield from _rows(inner, f"{key}{each}.")


def _type_of(hint: Any) -> str:
    bare, marks = peel(hint)
    for mark in marks:
        if isinstance(mark, Written):
            return _WRITTEN_TYPES[mark]
    if typing.get_origin(bare) is Literal:
        return "one of " + ", ".join(f"`{each}`" for each in typing.get_args(bare))
    if typing.get_origin(bare) is tuple:
        return f"list of {_type_of(typing.get_args(bare)[0]).removeprefix('one of ')}"
    bare = getattr(bare, "__supertype__", bare)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return "one of " + ", ".join(f"`{each.value}`" for each in bare)
    return _TYPES.get(bare, "table")


def _default(field: Field[Any], hint: Any) -> str:
    if field.default is MISSING:
        return "required"
    if field.default is None or field.default == "":
        return "not set"
    return _code(msgspec.json.encode(written(field.default, hint)).decode())


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _members(hint: Any) -> list[Any]:
    return list(typing.get_args(hint)) if typing.get_origin(hint) in {Union, types.UnionType} else [hint]
