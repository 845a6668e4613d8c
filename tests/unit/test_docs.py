"""The pages keep up with the code: generated parts, glossary, dependencies, standards and links."""

import re
import tomllib
from enum import Enum
from pathlib import Path

import pytest

from posthorse.mail.carriage import TRANSITIONS, Carriage, Fate
from posthorse.mail.outcome import KINDS, Scope
from posthorse.mail.stream import Stream
from tools import generated

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"
PAGES = sorted([*TOP.glob("*.md"), *DOCS.rglob("*.md")])
ROW = re.compile(r"^\|(.+)\|\s*$", re.MULTILINE)
CITATION = re.compile(r"\bRFC[ -]?(\d{3,5})\b")


def rows(page: Path) -> list[list[str]]:
    """The cells of every table row of a page, heads and rulers left out."""
    found = [[cell.strip() for cell in line.split("|")] for line in ROW.findall(page.read_text())]
    rulers = [number for number, cells in enumerate(found) if set("".join(cells)) <= {"-", ":"}]
    return [cells for number, cells in enumerate(found) if number not in rulers and number + 1 not in rulers]


def test_generated_parts_are_up_to_date() -> None:
    """Every generated block equals what the code's tables say now; `make docs` writes them again."""
    stale = [page.name for page in generated.pages() if generated.refreshed(page.read_text()) != page.read_text()]
    assert stale == []


def test_every_generated_part_is_shown_somewhere() -> None:
    """No maker of a generated block goes unused."""
    used = {name for page in generated.pages() for _, name, *_ in generated.BLOCK.findall(page.read_text())}
    assert used == set(generated.MAKERS)


def test_the_diagram_has_every_legal_move_and_no_other() -> None:
    """The arrows of the diagram are the pairs of the transition table."""
    arrows = set(re.findall(r"^  (\w+) --> (\w+):", generated.carriage_diagram(), flags=re.MULTILINE))
    assert arrows == {(old.value, new.value) for old, new in TRANSITIONS}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "0.5 s"), (8, "8 s"), (60, "60 s"), (90, "90 s"), (3600, "60 min"), (86_400, "24 h"), (432_000, "5 d")],
)
def test_durations_are_written_as_people_say_them(seconds: float, words: str) -> None:
    """The tables say 24 h and 90 s, not 86400 and 1.5 min."""
    assert generated.duration(seconds) == words


@pytest.mark.parametrize("closed_set", [Carriage, Fate, Stream, Scope])
def test_every_member_is_in_the_glossary(closed_set: type[Enum]) -> None:
    """A state, stream or scope that nobody explained cannot be added."""
    explained = {cells[0].strip("`") for cells in rows(DOCS / "glossary.md")}
    assert {member.value for member in closed_set} - explained == set()


def test_every_outcome_is_in_the_glossary() -> None:
    """Each of the six outcomes is explained."""
    explained = {cells[0].strip("`") for cells in rows(DOCS / "glossary.md")}
    assert set(KINDS.values()) - explained == set()


def test_every_dependency_has_its_reason() -> None:
    """The page of dependencies lists exactly the direct dependencies, each with a reason."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *groups["build"], *groups["dev"]]
    names = {re.split(r"[^\w-]", line, maxsplit=1)[0] for line in wanted}
    page = (DOCS / "dependencies.md").read_text().split("## Not taken")[0]
    reasons = dict(re.findall(r"^\| ([a-z][\w-]*) \| (.+) \|$", page, flags=re.MULTILINE))
    reasons.pop("package")
    assert set(reasons) == names
    assert [name for name, reason in reasons.items() if len(reason.split()) < 4] == []


def test_standards_match_the_citations() -> None:
    """Every RFC cited in the source stands in the table, and every one said to be followed is cited."""
    cited = {number for path in (TOP / "src").rglob("*.py") for number in CITATION.findall(path.read_text())}
    table = {number: cells[1] for cells in rows(DOCS / "standards.md") for number in CITATION.findall(cells[0])}
    assert set(table.values()) <= {"yes", "partly", "no"}
    assert cited - set(table) == set()
    assert {number for number, followed in table.items() if followed != "no"} - cited == set()


def test_interfaces_of_services_match_the_source() -> None:
    """Every name of a foreign interface that is said to be followed stands in the source."""
    source = "\n".join(path.read_text() for path in (TOP / "src").rglob("*.py")).lower()
    followed = [cells[0] for cells in rows(DOCS / "standards.md") if cells[1] != "no"]
    names = [name.lower() for cell in followed for name in re.findall(r"`([^`]+)`", cell)]
    assert names
    assert [name for name in names if name not in source] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_decisions_are_numbered_without_gaps() -> None:
    """Decision pages are numbered from 1 on and each has its three parts."""
    pages = sorted((DOCS / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        assert [part for part in ("Context", "Choice", "Price") if part not in text] == [], page.name
