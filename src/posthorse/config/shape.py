"""The shape of the tree, read off its types: fields, their keys in the file, and their marks."""

import types
import typing
from dataclasses import Field, fields
from typing import Annotated, Any, Union

from posthorse.config.setting import Setting, Written


def settings_of(kind: type) -> list[tuple[Field[Any], Any]]:
    """Every field of a section with its annotated type, in the order of definition."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return [(field, hints[field.name]) for field in fields(kind)]


def key_of(field: Field[Any], hint: Any) -> str:
    """The key of a field in the file: its name, without the unit that the file spells out."""
    written = next((mark for mark in marks_of(hint) if isinstance(mark, Written)), None)
    return field.name.removesuffix(written.value) if written and written.value else field.name


def peel(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The bare type and all marks; a mark inside `X | None` counts for the whole."""
    marks: tuple[Any, ...] = ()
    while typing.get_origin(hint) is Annotated:
        hint, *more = typing.get_args(hint)
        marks += tuple(more)
    if typing.get_origin(hint) in {Union, types.UnionType}:
        inner = [member for member in typing.get_args(hint) if member is not types.NoneType]
        if len(inner) == 1:
            bare, more_marks = peel(inner[0])
            return bare, marks + more_marks
    return hint, marks


def marks_of(hint: Any) -> tuple[Any, ...]:
    """Everything that an annotation carries beside its type."""
    return peel(hint)[1]


def described(hint: Any) -> Setting | None:
    """What the reference page says about a field; None for a section, which speaks by its docstring."""
    return next((mark for mark in marks_of(hint) if isinstance(mark, Setting)), None)
