"""The page on what structured providers cannot carry says it all, in the words that customers are told."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
PROVIDERS = TOP / "src" / "posthorse" / "providers"
PAGE = (TOP / "docs" / "structured.md").read_text(encoding="utf-8")


def worded(node: ast.expr) -> str:
    """A text as it stands in the source, `...` for what is filled in; empty: it is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=pieces):
            return "".join(worded(piece) or "..." for piece in pieces)
        case _:
            return ""


def reasons() -> Iterator[str]:
    """Why something is not carried: all there is in the source."""
    for path in PROVIDERS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("Unfit", "UnfitPart"):
                yield worded(node.args[0])
            elif node.func.id == "Undissected":
                yield worded(node.keywords[0].value)


def test_every_reason_stands_on_the_page_and_no_other() -> None:
    """Whoever looks for the words of a rejection finds them there, with what to do; what is carried now is gone."""
    tables = PAGE.partition("## Neither carries")[2].partition("## Written in another way")[0]
    rows = [line.rstrip(" |").rpartition(" | ")[2] for line in tables.splitlines() if line.startswith("|")]
    listed = {reason for row in rows for reason in re.findall(r"`([^`]+)`", row)}
    said = {reason for reason in reasons() if reason}
    assert len(said) > 60
    assert listed == said
