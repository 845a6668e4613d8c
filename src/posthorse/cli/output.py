"""Printing: a reply as one JSON document, or as a table for people.

Promise: text from mail (addresses, replies of providers) never reaches the terminal as control characters.
"""

import sys
from collections.abc import Iterable, Sequence

import typer


def print_json(value: object) -> None:
    """One JSON document with its end of line."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_json_line(value: object) -> None:
    """One JSON document on one line, at once: for programs that wait for it."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """One line for a person."""
    typer.echo(harmless(text))


def counted(number: int, word: str) -> str:
    """A number with its word in the right form: 1 recipient, 2 recipients."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table; `empty` is said when it has no rows. Wide enough for its content when it goes into a file."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    count = 0
    for row in rows:
        table.add_row(*(Text(harmless(_cell(value))) for value in row))
        count += 1
    if not count:
        say(empty)
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=500)
    console.print(table)


def harmless(text: str) -> str:
    """The text with everything a terminal could act on written out."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return character.encode("unicode_escape", "replace").decode("ascii")


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case _:
            return str(value)
