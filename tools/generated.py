"""The generated parts of the documentation, made from the same tables the code runs on.

`python tools/generated.py` rewrites every block between `<!-- generated: NAME -->` and `<!-- end: NAME -->` below
`docs/`; a test compares the files with what this module would write, so that a page cannot fall behind the code.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from posthorse.cli.reference import commands_page
from posthorse.config.reference import reference as configuration
from posthorse.mail.carriage import ENDS_OF_DUTY, FATE_ORDER, TRANSITIONS, Carriage, Fate
from posthorse.mail.stream import BY_ORDER, RULES
from posthorse.watch.metrics import metrics_page

TOP = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- end: \2 -->)", re.DOTALL)


def main() -> int:
    """Rewrite every page whose generated blocks differ; print which."""
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = refreshed(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(TOP))
    return 0


def pages() -> list[Path]:
    """Every page that may hold generated blocks."""
    return sorted((TOP / "docs").rglob("*.md"))


def refreshed(text: str) -> str:
    """The page with every generated block made anew. Raises KeyError for a block nobody makes."""
    return BLOCK.sub(lambda found: f"{found[1]}{MAKERS[found[2]]()}{found[4]}", text)


def carriage_diagram() -> str:
    """The transition table of carriage as a mermaid diagram: every edge with the causes that may bring it."""
    lines = ["```mermaid", "stateDiagram-v2", "  direction LR", f"  [*] --> {Carriage.QUEUED.value}"]
    for (old, new), causes in TRANSITIONS.items():
        label = ", ".join(sorted(cause.value for cause in causes))
        lines.append(f"  {old.value} --> {new.value}: {label}")
    lines += [f"  {state.value} --> [*]" for state in Carriage if state in ENDS_OF_DUTY]
    return "\n".join([*lines, "```", ""])


def fate_diagram() -> str:
    """The order of fate as a mermaid diagram: an event moves it to the right only, and may skip."""
    ranked = sorted(Fate, key=FATE_ORDER.__getitem__)
    lines = ["```mermaid", "stateDiagram-v2", "  direction LR", f"  [*] --> {ranked[0].value}"]
    for rank, old in enumerate(ranked):
        lines += [f"  {old.value} --> {new.value}" for new in ranked[rank + 1 :]]
    return "\n".join([*lines, "```", ""])


def stream_table() -> str:
    """What every stream promises, in the order in which streams are served."""
    lines = [
        "| stream | tried for | answer within | in doubt, elsewhere after | copies at most | first retry in |",
        "|---|---|---|---|---|---|",
    ]
    for stream in BY_ORDER:
        rule = RULES[stream]
        elsewhere = "never without a person" if rule.elsewhere_after_s is None else duration(rule.elsewhere_after_s)
        lines.append(
            f"| `{stream.value}` | {duration(rule.deadline_s)} | {duration(rule.answer_timeout_s)} | {elsewhere} "
            f"| {rule.copies_allowed} | {duration(rule.retry_base_s)} |"
        )
    return "\n".join([*lines, ""])


def duration(seconds: float) -> str:
    """Seconds in the largest unit that leaves a whole number: `90 s`, `60 min`, `24 h`, `5 d`."""
    for unit, size, most in (("d", 86_400, float("inf")), ("h", 3_600, 48), ("min", 60, 120)):
        if seconds % size == 0 and size < seconds <= most * size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


MAKERS: dict[str, Callable[[], str]] = {
    "carriage": carriage_diagram,
    "fate": fate_diagram,
    "streams": stream_table,
    "configuration": configuration,
    "metrics": metrics_page,
    "commands": commands_page,
}
"""Every generated block by its name."""


if __name__ == "__main__":
    sys.exit(main())
