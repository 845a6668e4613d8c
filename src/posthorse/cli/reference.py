"""The reference page of the commands: what each says of itself with `--help`. A test compares docs/commands.md."""

from collections.abc import Iterator
from typing import Any

from posthorse.cli.app import COMMANDS, app, load

_INTRODUCTION = """\
# Commands

Every command that concerns mail is carried out by the gateway that runs on the spool, over its control socket; while
none runs, the command opens the spool itself. Whoever gives a command stands in the history for it. Exit status: 0
done, 1 no or not done, 2 not understood. `--json` prints data as one JSON document, with names and units in its keys.

`--config` (or the variable `POSTHORSE_CONFIG`) names the configuration file; the default is `posthorse.toml`.

This page is what the commands say of themselves with `--help`.
"""


def commands_page() -> str:
    """The whole page in Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, leaves())])


def leaves() -> Iterator[tuple[str, ...]]:
    """Every command that does something, as the words that call it."""
    for name in COMMANDS:
        yield from _below((name,), load(name))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words
        return
    for name, each in inner.items():
        yield from _below((*words, name), each)


def _section(words: tuple[str, ...]) -> str:
    from typer.testing import CliRunner

    told = CliRunner().invoke(app, [*words, "--help"], prog_name="posthorse", env={"COLUMNS": "80", "TERM": "dumb"})
    assert told.exit_code == 0, told.output
    return f"## posthorse {' '.join(words)}\n\n```text\n{told.output.strip()}\n```\n"
