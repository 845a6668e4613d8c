"""Rules of the house that no other tool checks: size, names, docstrings, nothing of any one machine in the files."""

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
MOST_LINES = 400

# Put together from parts, so that this file may be searched like every other.
FORBIDDEN = [
    "py" + "pi.org",
    "python" + "hosted",
    "deb.debian" + ".org",
    "npm" + "js",
    "index-" + "url",
    "/wo" + "rk/",
    "../sha" + "red",
    "/ro" + "ot/",
    "/opt" + "/",
]
CATCH_ALL_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools", "stuff", "base"}


def tracked() -> list[Path]:
    """Every file git knows, as a path that exists."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, check=True, text=True).stdout
    return [TOP / name for name in listed.split("\0") if name and (TOP / name).is_file()]


def modules(*folders: str) -> list[Path]:
    """Every Python file below the given folders."""
    return sorted(path for folder in folders for path in (TOP / folder).rglob("*.py"))


def test_no_module_is_longer_than_the_limit() -> None:
    """A module is one idea: none has more than 400 lines."""
    lengths = {
        path.relative_to(TOP).as_posix(): len(path.read_text().splitlines())
        for path in modules("src", "tools", "bench")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_module_is_a_catch_all() -> None:
    """No module or room has a name that says nothing of what it does."""
    names = {part for path in modules("src") for part in path.relative_to(TOP / "src").with_suffix("").parts}
    assert names & CATCH_ALL_NAMES == set()


def test_every_folder_of_the_package_is_a_package() -> None:
    """A folder without `__init__.py` would escape the import contracts unseen."""
    folders = {path.parent for path in modules("src/posthorse")}
    bare = {folder.relative_to(TOP).as_posix() for folder in folders if not (folder / "__init__.py").exists()}
    assert bare == set()


def test_every_module_says_its_duty() -> None:
    """Every module of the package opens with a docstring."""
    silent = [p.relative_to(TOP).as_posix() for p in modules("src") if not p.read_text().startswith('"""')]
    assert silent == []


def test_every_test_states_a_behaviour() -> None:
    """Every test function carries a docstring of at least one sentence."""
    silent = [
        f"{path.relative_to(TOP)}::{node.name}"
        for path in modules("tests")
        if "def test_" in (text := path.read_text())
        for node in _functions(ast.parse(text))
        if node.name.startswith("test_")
        if len((ast.get_docstring(node) or "").split()) < 4
    ]
    assert silent == []


def test_nothing_of_this_machine_is_in_the_files() -> None:
    """No tracked file names a package index, a folder of one machine or material outside the project."""
    found = [
        f"{path.relative_to(TOP)}: {word}"
        for path in tracked()
        for text in [path.read_bytes().decode("utf-8", errors="replace")]
        for word in FORBIDDEN
        if word in text
    ]
    assert found == []


def test_every_stage_is_held_to_the_ports() -> None:
    """A stage that has come into being is named in the contract that keeps it from concrete adapters."""
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (held,) = [contract["source_modules"] for contract in contracts if contract["name"].startswith("Stages know")]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    (stages,) = [re.findall(r"\w+", layer) for layer in layers if "dispatch" in layer]
    there = {f"posthorse.{name}" for name in stages if (TOP / "src" / "posthorse" / name / "__init__.py").exists()}
    assert set(held) == there


def test_help_lists_every_target() -> None:
    """`make` alone prints one line for each thing that can be made."""
    shown = subprocess.run(["make"], cwd=TOP, capture_output=True, check=True, text=True).stdout
    phony = re.findall(r"^\.PHONY: (\S+)", (TOP / "Makefile").read_text(), flags=re.MULTILINE)
    assert re.findall(r"^  make (\S+) +\S", shown, flags=re.MULTILINE) == phony


def test_a_missing_python_is_told_in_one_line() -> None:
    """Without a Python nothing is made, and one line says what is missing and how to get it."""
    made = subprocess.run(
        ["tools/make_venv", "python-that-is-not-there", "requirements.txt"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 1
    assert made.stderr == (
        "posthorse: missing: python-that-is-not-there (Debian: apt-get install python3 python3-venv)\n"
    )


def test_whoever_checks_from_outside_runs_what_we_run() -> None:
    """`.ci/run` calls exactly `make test`."""
    commands = [line for line in (TOP / ".ci" / "run").read_text().splitlines() if line and line[0] != "#"]
    assert commands[-1] == "exec make test"


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "tests/clients/awscli/requirements.txt"])
def test_every_locked_package_has_hashes(lock: str) -> None:
    """Each pinned package is followed by at least one hash and names no address."""
    text = (TOP / lock).read_text()
    pins = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pins) > 5
    assert [pin.split("\n", 1)[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert "://" not in text


def test_every_locked_javascript_package_has_a_hash() -> None:
    """Each package of the JavaScript lock carries its hash, and the file names no address."""
    text = (TOP / "tests/clients/node/package-lock.json").read_text()
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert len(packages) > 5
    assert [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert "://" not in text


def test_both_locks_agree() -> None:
    """What a user runs is what the tests ran: every version of the run lock stands in the development lock."""
    run, dev = (set(_pins(TOP / name)) for name in ("requirements.txt", "requirements-dev.txt"))
    assert run - dev == set()


def test_every_direct_dependency_is_locked() -> None:
    """Whoever adds a dependency makes the locks again."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["build"]]
    assert {_name(line) for line in wanted} - {_name(pin) for pin in _pins(TOP / "requirements.txt")} == set()
    assert {_name(line) for line in project["dependency-groups"]["dev"]} - {
        _name(pin) for pin in _pins(TOP / "requirements-dev.txt")
    } == set()


def _functions(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those of a module and of its classes: where tests are looked for."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node)


def _pins(lock: Path) -> list[str]:
    return re.findall(r"^[A-Za-z0-9][\w.-]*==[^\s;]+", lock.read_text(), flags=re.MULTILINE)


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")
