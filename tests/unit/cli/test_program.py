"""The program itself: its list of commands, its exit status, its start, and what it says when something is wrong."""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posthorse.cli.app import COMMANDS, load, run
from posthorse.cli.output import counted, harmless
from posthorse.cli.reference import commands_page, leaves
from tests.unit.cli.stage import Stage

TOP = Path(__file__).resolve().parents[3]


def test_the_page_is_what_the_commands_say() -> None:
    """docs/commands.md holds the help of every command as it is now."""
    assert commands_page() in (TOP / "docs" / "commands.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_list_can_be_loaded(name: str) -> None:
    """No name leads nowhere, and each command says more of itself than its name."""
    command = load(name)
    assert command.name == name
    assert len((command.help or "").split()) > 2


def test_every_command_that_prints_data_can_print_json() -> None:
    """Programs read JSON from every command, save those that print a page or run in the foreground."""
    without = {("config", "reference")}
    silent = {words for words in leaves() if words not in without and not _has_json(words)}
    assert silent == set()


def _has_json(words: tuple[str, ...]) -> bool:
    command = load(words[0])
    for word in words[1:]:
        command = command.commands[word]
    return any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize(
    "arguments",
    [
        ["gallop"],
        ["queue", "gallop"],
        ["queue", "list", "--gallop"],
        ["queue", "list", "--state", "sent"],
        ["queue", "list", "--limit", "0"],
        ["queue", "decide", "0" * 32, "perhaps"],
        ["queue", "decide", "0" * 31, "was-not-sent"],
        ["queue", "show", "not-an-id"],
        ["queue", "retry", "0" * 32, "z" * 32],
        ["queue", "cancel", "1 " * 16],
        ["queue", "cancel", "0" * 32, "--recipient", "-1"],
        ["queue", "hold", "1", "--reason", "odd"],
        ["queue", "list", "--before", "yesterday"],
        ["explain"],
        ["explain", "e" * 33],
        ["providers", "eject", "relay", "--for", "soon"],
        ["serve", "--quickstart", "--until-eof"],
        ["send", "--to", "a@b.example"],
        ["send", "--to", "a@b.example", "--from", "c@d.example", "--server", "nowhere"],
    ],
    ids=" ".join,
)
def test_what_is_not_understood_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command, option or value is told on standard error, and nothing is done."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage:" in captured.err


COUNTED = "recipients|messages|arrivals|bytes|copies|problems|warnings|keys|lines|attempts|providers"


@pytest.mark.parametrize("room", ["cli", "control"])
def test_what_is_counted_has_the_right_ending(room: str) -> None:
    """No command says "1 recipients": numbers are written by `counted`, and it knows one from many."""
    sources = "\n".join(path.read_text() for path in (TOP / "src" / "posthorse" / room).glob("*.py"))
    assert re.findall(rf"\}} (?:{COUNTED})\b.*", sources) == []
    assert [counted(number, "recipient") for number in range(3)] == ["0 recipients", "1 recipient", "2 recipients"]


@pytest.mark.parametrize("room", ["cli", "control", "config", "quickstart", "watch/standing.py", "daemon/readiness.py"])
def test_nothing_is_said_to_have_failed(room: str) -> None:
    """What people read says which it was (a fault, a deferral, in doubt, ...): "failed" would hide it."""
    place = TOP / "src" / "posthorse" / room
    for path in place.glob("*.py") if place.is_dir() else [place]:
        values = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
        assert [text for text in values if isinstance(text, str) and re.search(r"\bfailed\b", text)] == [], path.name


def test_a_missing_file_is_status_one_with_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a configuration each command says so in one line, and not with a traceback."""
    monkeypatch.chdir(tmp_path)
    for arguments in (["queue", "list"], ["config", "show"], ["serve"], ["status"]):
        assert run(arguments) == 1
        assert capsys.readouterr().err.startswith("posthorse.toml: No such file or directory; name it with --config")


def test_the_file_may_be_named_by_the_environment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """POSTHORSE_CONFIG stands in for --config."""
    stage.accept()
    monkeypatch.setenv("POSTHORSE_CONFIG", str(stage.config))
    assert run(["queue", "list"]) == 0


def test_check_tells_problems_and_warnings(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Problems make it a no; warnings do not."""
    status, out, _ = stage.call("config", "check")
    assert status == 1
    assert "NOT_IN_AN_OPERATORS_SHELL, which is not set" in out
    monkeypatch.setenv("NOT_IN_AN_OPERATORS_SHELL", "s")
    assert stage.data("config", "check") == {"problems": [], "warnings": []}
    stage.config.write_text(stage.config.read_text() + '[[trusted_sources]]\ncidr = "10.0.0.0/8"\n')
    found = stage.data("config", "check")
    assert [each["path"] for each in found["warnings"]] == ["trusted_sources[0]"]


def test_show_prints_the_whole_file_without_secrets(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in effect prints as a file that would do the same, references in the place of secrets."""
    monkeypatch.setenv("NOT_IN_AN_OPERATORS_SHELL", "hunter2")
    status, out, _ = stage.call("config", "show")
    assert status == 0
    assert "hunter2" not in out
    assert 'secret = "env:NOT_IN_AN_OPERATORS_SHELL"' in out
    assert stage.data("config", "show")["limits"]["message_size"] == "40MiB"


def test_the_reference_and_the_version_need_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    """What is about the program works anywhere."""
    assert run(["config", "reference"]) == 0
    assert capsys.readouterr().out.startswith("# Configuration")
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("posthorse 0.")


def test_a_reader_that_goes_away_is_no_traceback(stage: Stage) -> None:
    """`posthorse config reference | head -1` ends quietly."""
    command = f"{sys.executable} -m posthorse config reference | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=TOP, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "# Configuration\n"
    assert "Traceback" not in done.stderr


def test_help_comes_at_once() -> None:
    """The list of commands imports none of them: neither the loop nor the database nor the tables."""
    code = "import sys; from posthorse.cli.app import run; run(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    modules = done.stdout.splitlines()[-1]
    for heavy in ("'asyncio'", "'apsw'", "'msgspec'", "'rich.table'", "'cryptography'", "'posthorse.config'"):
        assert heavy not in modules


def test_the_program_starts_fast() -> None:
    """`posthorse --help` takes well under two seconds even on a busy machine (a fifth of a second on a good one)."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    best = 60.0
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "posthorse", "--help"], env=environment, check=True, capture_output=True, timeout=60
        )
        best = min(best, time.perf_counter() - began)
    assert best < 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\rb", "a\\rb"),
        ("\u202e", "\\u202e"),
        ("é日", "é日"),
        ("a\nb", "a\nb"),
    ],
)
def test_text_for_a_terminal_is_harmless(text: str, shown: str) -> None:
    """What a terminal would act on is written out; letters of any script stay."""
    assert harmless(text) == shown
