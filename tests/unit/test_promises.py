"""The page of promises is true: whatever it names as proof exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^\| (?P<promise>.+?) \| (?P<proof>.+?) \|$", re.MULTILINE)


def promises() -> list[tuple[str, str]]:
    """Every promise with the text of its proof, heads and rulers left out."""
    found = LINE.findall((TOP / "docs" / "promises.md").read_text())
    return [(promise, proof) for promise, proof in found if promise != "promise" and not set(promise) <= {"-", "|"}]


@cache
def make_targets() -> frozenset[str]:
    """The targets of the Makefile that stand in its help."""
    return frozenset(re.findall(r"^([a-z-]+):.*## ", (TOP / "Makefile").read_text(), flags=re.MULTILINE))


@cache
def functions_in(path: Path) -> frozenset[str]:
    """The names of the test functions of one file."""
    tree = ast.parse(path.read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def missing(proof: str) -> list[str]:
    """The parts of a proof that do not exist; a proof with no part at all is missing itself."""
    if proof == "*open*":
        return []
    parts = re.findall(r"`([^`]+)`", proof)
    return [part for part in parts if not exists(part)] if parts else [proof]


def exists(part: str) -> bool:
    """Whether a test file, a test (`file::name`), or a make target with its settings (`make sim SEEDS=200`) exists."""
    if part.startswith("make "):
        return part.split()[1] in make_targets()
    name, _, test = part.partition("::")
    path = TOP / name
    if not (name.startswith("tests/") and path.exists()):
        return False
    return not test or (path.is_file() and test.split("[")[0] in functions_in(path))


@pytest.mark.parametrize(("promise", "proof"), promises())
def test_every_proof_exists(promise: str, proof: str) -> None:
    """Each line names tests or make targets that are there, or says that it is open."""
    assert missing(proof) == [], promise


def test_promises_are_made_once() -> None:
    """No promise stands twice, and there are some."""
    made = [promise for promise, _ in promises()]
    assert len(made) == len(set(made)) > 10


@pytest.mark.parametrize(
    "proof",
    [
        "`tests/unit/test_nothing.py`",
        "`tests/unit/test_promises.py::test_never_written`",
        "`make coffee`",
        "trust us",
        "`README.md`",
        "`tests/unit::test_every_proof_exists`",
    ],
)
def test_an_empty_proof_is_found(proof: str) -> None:
    """A proof that names nothing, or something that is not there, does not pass."""
    assert missing(proof)


@pytest.mark.parametrize(
    "proof",
    ["*open*", "`make lint`", "`tests/unit/test_promises.py::test_promises_are_made_once`, `make sim SEEDS=200`"],
)
def test_a_real_proof_passes(proof: str) -> None:
    """Tests, files and targets that exist are proof, alone or together."""
    assert missing(proof) == []
