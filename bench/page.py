"""The measured part of `docs/performance.md`, and its plot: made from the record, never by hand."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Row
from bench.plot import plot
from bench.record import Measured

BEGIN, END = "<!-- measured -->\n", "<!-- end: measured -->"
TITLES = {
    "throughput": "SMTP, beside Postfix",
    "tls": "TLS for each message, beside Postfix",
    "api": "SES API, beside Postfix's SMTP",
    "http": "Handover by HTTP",
    "notifications": "Notifications",
    "webhooks": "Events out",
    "features": "What each feature costs",
    "faults": "A provider that dies under a saturating load",
}
"""Every part in the order of the page."""


def refresh(page: Path, picture: Path, parts: Sequence[Measured]) -> None:
    """Write the picture, and the page's text between the marks. ValueError if the page has no marks."""
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no marks for what is measured")
    ordered = sorted(parts, key=lambda one: list(TITLES).index(one.part))
    before, _, rest = text.partition(BEGIN)
    page.write_text(before + BEGIN + measured_text(ordered, picture.name) + END + rest.partition(END)[2])
    picture.write_text(plot([row for one in ordered for row in one.rows if row.ratio is not None]))


def measured_text(parts: Sequence[Measured], picture: str) -> str:
    """All parts, each with its table, and the configuration of every peer at the end."""
    compared = any(row.ratio is not None for one in parts for row in one.rows)
    blocks = [f"![Figures of the gateway as multiples of Postfix's]({picture})\n"] if compared else []
    blocks += [_part(one) for one in parts]
    blocks += [_settings(parts)] if any(one.settings for one in parts) else []
    return "\n".join(["", *blocks, ""])


def _part(one: Measured) -> str:
    rounds = sorted({row.rounds for row in one.rows})
    counted = "-".join(str(number) for number in {rounds[0]: None, rounds[-1]: None})
    lines = [f"### {TITLES[one.part]}", ""]
    lines += [f"{one.at} UTC, load average {one.load} at the start, rounds: {counted}. {one.machine}.", ""]
    lines += _table(one.rows)
    lines += ["", *[f"{note}." for note in one.notes]] if one.notes else []
    return "\n".join([*lines, ""])


def _table(rows: Sequence[Row]) -> list[str]:
    if any(row.ratio is not None for row in rows):
        head = ["| figure | gateway | Postfix | ratio | spread | wanted | reached |", "|---|---|---|---|---|---|---|"]
        return head + [_cells(row, is_compared=True) for row in rows]
    head = ["| figure | median | spread | wanted | reached |", "|---|---|---|---|---|"]
    return head + [_cells(row, is_compared=False) for row in rows]


def _cells(row: Row, *, is_compared: bool) -> str:
    reached = {True: "yes", False: "no", None: ""}[row.met]
    cells = [f"{row.name}, {row.unit}" if row.unit else row.name, _short(row.ours)]
    if is_compared:
        cells += ["" if row.peer is None else _short(row.peer), "" if row.ratio is None else f"{row.ratio:.2f}"]
    return "| " + " | ".join([*cells, row.spread, row.wanted, reached]) + " |"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _settings(parts: Sequence[Measured]) -> str:
    lines = ["### Configuration of each peer", "", "Whole, as it was measured; the folder is written `BENCH`.", ""]
    for one in parts:
        for name, text in one.settings.items():
            body = re.sub(r"\n{2,}", "\n", text.strip())
            lines += [
                f"<details><summary>{TITLES[one.part]}: {name}</summary>",
                "",
                "```",
                body,
                "```",
                "</details>",
                "",
            ]
    return "\n".join(lines)
