"""From the file's tables to the frozen types, collecting every problem instead of stopping at the first.

Promise: unknown keys are refused with the nearest known one; a value that cannot be read leaves the default in its
place (or its section out), so that the rest is still checked; `Reading.problems` says why nothing of it may be used.
"""

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union

import msgspec

from posthorse.config.problem import Problem
from posthorse.config.secret import Secret, Surroundings, follow, is_reference, read_secret
from posthorse.config.setting import Address, SpoolUrl, Written, parse_address, parse_spool_url
from posthorse.config.shape import described, key_of, peel, settings_of
from posthorse.config.units import parse_duration, parse_rate, parse_size

T = TypeVar("T")

_UNITS: dict[Written, typing.Callable[[str], float]] = {
    Written.DURATION: parse_duration,
    Written.SIZE: parse_size,
    Written.RATE: parse_rate,
}


class Unreadable(Exception):
    """A value could not be read; the problem is already noted."""


class Reading:
    """One pass over one document."""

    def __init__(self, around: Surroundings) -> None:
        self.problems: list[Problem] = []
        self._around = around
        self._places: dict[int, tuple[str, object]] = {}

    def section(self, kind: type[T], table: object, path: str) -> T:
        """The table as a value of `kind`. Raises `Unreadable` if a field without default is missing or broken."""
        if not isinstance(table, dict):
            raise self._refused(path, f"is a {_kind_of(table)}, not a table", _heading(path))
        known = {key_of(field, hint): (field, hint) for field, hint in settings_of(kind)}
        self._unknown(table, known, path)
        values: dict[str, Any] = {}
        broken = False
        for key, (field, hint) in known.items():
            try:
                if key in table:
                    values[field.name] = self._value(hint, table[key], f"{path}.{key}" if path else key)
                elif not _has_default(field):
                    raise self._refused(f"{path}.{key}", "is missing", f"add {_example(hint) or key}")
            except Unreadable:
                broken = broken or not _has_default(field)
        if broken:
            raise Unreadable
        made = kind(**values)
        self._places[id(made)] = (path, made)
        return made

    def place(self, made: object) -> str:
        """Where in the file a section stands; empty for one that is not from the file."""
        return self._places.get(id(made), ("", None))[0]

    def _unknown(self, table: Mapping[str, object], known: Mapping[str, object], path: str) -> None:
        for key in table:
            if key not in known and not (key == "kind" and path.startswith("providers[")):
                near = difflib.get_close_matches(key, known, n=1)
                remedy = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
                self._note(f"{path}.{key}" if path else key, "is not a known key", remedy)

    def _value(self, hint: Any, raw: object, path: str) -> Any:
        bare, marks = peel(hint)
        if any(isinstance(mark, Written) for mark in marks):
            return self._written(bare, marks, raw, path)
        members = [member for member in typing.get_args(bare) if member is not types.NoneType]
        if typing.get_origin(bare) in {Union, types.UnionType}:
            if all(is_dataclass(member) for member in members) and len(members) > 1:
                return self._one_of(members, raw, path)
            if len(members) == 1:
                return self._value(members[0], raw, path)
        match typing.get_origin(bare):
            case origin if origin is tuple:
                return self._many(typing.get_args(bare)[0], raw, path)
            case origin if origin is Mapping:
                key_hint, value_hint = typing.get_args(bare)
                return self._table_by_name(key_hint, value_hint, raw, path)
            case _:
                return self._single(bare, marks, raw, path)

    def _single(self, bare: Any, marks: tuple[Any, ...], raw: object, path: str) -> Any:
        if isinstance(bare, type) and is_dataclass(bare) and bare not in {Address, Secret, SpoolUrl}:
            return self.section(bare, raw, path)
        try:
            if bare is Address:
                return parse_address(_text(raw))
            if bare is SpoolUrl:
                return parse_spool_url(_text(raw), self._around.folder)
            if bare is Secret:
                return read_secret(_text(raw), self._around)
            if bare is Path:
                return self._around.folder / _text(raw)
            return _convert(raw, bare, marks)
        except ValueError as error:
            raise self._refused(path, str(error)) from None

    def _written(self, bare: Any, marks: tuple[Any, ...], raw: object, path: str) -> Any:
        written = next(mark for mark in marks if isinstance(mark, Written))
        try:
            if written is Written.REFERENCE:
                text = _text(raw)
                return follow(text, self._around) if is_reference(text) else text
            if isinstance(raw, int | float):
                raise ValueError(f"is the bare number {raw}, without a unit")
            _convert(value := _UNITS[written](_text(raw)), bare, marks)
            return value
        except ValueError as error:
            raise self._refused(path, str(error)) from None

    def _many(self, hint: Any, raw: object, path: str) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise self._refused(path, f"is a {_kind_of(raw)}, not a list", _heading(f"{path}[0]"))
        found = []
        for number, entry in enumerate(raw):
            try:
                found.append(self._value(hint, entry, f"{path}[{number}]"))
            except Unreadable:
                continue
        return tuple(found)

    def _table_by_name(self, key_hint: Any, hint: Any, raw: object, path: str) -> dict[Any, Any]:
        if not isinstance(raw, dict):
            raise self._refused(path, f"is a {_kind_of(raw)}, not a table")
        found = {}
        for name, entry in raw.items():
            try:
                found[self._single(key_hint, (), name, f"{path}.{name}")] = self._value(hint, entry, f"{path}.{name}")
            except Unreadable:
                continue
        return found

    def _one_of(self, members: list[Any], raw: object, path: str) -> Any:
        kinds = {member.kind: member for member in members}
        if not isinstance(raw, dict):
            raise self._refused(path, f"is a {_kind_of(raw)}, not a table", _heading(path))
        kind = raw.get("kind")
        if kind not in kinds:
            what = "is missing" if kind is None else f'"{kind}" is not a kind of provider here'
            raise self._refused(f"{path}.kind", what, f"one of {', '.join(kinds)}")
        return self.section(kinds[kind], raw, path)

    def _note(self, path: str, what: str, remedy: str = "") -> None:
        self.problems.append(Problem(path=path, what=what, remedy=remedy))

    def _refused(self, path: str, what: str, remedy: str = "") -> Unreadable:
        self._note(path, what, remedy)
        return Unreadable(path)


def _convert(value: object, bare: Any, marks: tuple[Any, ...]) -> Any:
    """What msgspec makes of it, with its limits; problems in our words. Raises ValueError."""
    for mark in (mark for mark in marks if isinstance(mark, msgspec.Meta)):
        bare = Annotated[bare, mark]
    try:
        return msgspec.convert(value, bare)
    except msgspec.ValidationError as error:
        if isinstance(bare, type) and issubclass(bare, Enum):
            known = ", ".join(str(each.value) for each in bare)
            raise ValueError(f"{repr(value)[:80]} is not one of {known}") from None
        raise ValueError(f"cannot be {repr(value)[:80]}: {str(error)[:1].lower()}{str(error)[1:]}") from None


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"is a {_kind_of(raw)}, not a text")
    return raw


def _kind_of(raw: object) -> str:
    kinds = {dict: "table", list: "list", str: "text", bool: "yes or no", int: "number", float: "number"}
    return kinds.get(type(raw), "date or time")


def _heading(path: str) -> str:
    name, bracket, _ = path.partition("[")
    return f"write it as [[{name}]]" if bracket else f"write it as [{name}]"


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _example(hint: Any) -> str:
    setting = described(hint)
    return f"`{setting.example}`" if setting and setting.example else ""
