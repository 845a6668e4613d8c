"""The examples of the documentation as things that can be run.

A fenced block says in its info string, after the language, what may be done with it:

    ```sh run needs=swaks arrives=1

`run` (a test executes it against a running gateway), `check` (a test parses it) or `show` (nothing to execute: output,
or a fragment of another program's configuration). `needs=PROGRAM` names an outside program, `arrives=N` how many
messages reach the mailbox because of it. Left out: running them; tests/scenarios does that.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

_FENCE = re.compile(r"^```(?P<info>\S[^\n]*)\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL)


class Use(Enum):
    """What a test does with an example."""

    RUN = "run"
    """Execute it as it stands, against a running gateway."""
    CHECK = "check"
    """Parse it: the syntax, and the settings if it is a configuration."""
    SHOW = "show"
    """Nothing: it is output, or belongs to a program that is not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One fenced block of a page."""

    page: str
    line: int
    """Line of the opening fence, from 1."""
    language: str
    use: Use | None
    """None: the block does not say, which is a defect of the page."""
    settings: dict[str, str] = field(default_factory=dict)
    text: str

    @property
    def needs(self) -> str:
        """The outside program it drives; empty: none."""
        return self.settings.get("needs", "")

    @property
    def arrives(self) -> int:
        """How many messages reach the mailbox because of it."""
        return int(self.settings.get("arrives", "0"))


def examples_in(page: Path) -> list[Example]:
    """Every fenced block of a page that names a language, in order."""
    text = page.read_text(encoding="utf-8")
    return [_example(page.name, text, found) for found in _FENCE.finditer(text)]


def placed(text: str, addresses: dict[str, str]) -> str:
    """The example with the documented addresses replaced by those of the gateway under test, in one pass."""
    if not addresses:
        return text
    longest_first = sorted(addresses, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: addresses[found[0]], text)


def _example(page: str, text: str, found: re.Match[str]) -> Example:
    language, *words = found["info"].split()
    uses = [use for use in Use if use.value in words]
    return Example(
        page=page,
        line=text.count("\n", 0, found.start()) + 1,
        language=language,
        use=uses[0] if len(uses) == 1 else None,
        settings=dict(word.split("=", 1) for word in words if "=" in word),
        text=found["text"],
    )
