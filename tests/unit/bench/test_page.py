"""The measured part of the page of performance: made from the record, and whole after a run of one part."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import page, record
from bench.figures import Row, alone, compared
from bench.record import Measured

DOCS = Path(__file__).resolve().parents[3] / "docs"
MARKED = "before\n" + page.BEGIN + "old\n" + page.END + "\nafter\n"


def part(name: str, *rows: Row, **particulars: object) -> Measured:
    """A record of one part."""
    fields = {"at": "2026-11-24 12:00", "machine": "2 x Some Processor", "load": "0.1", **particulars}
    return Measured(part=name, rows=list(rows), **fields)  # type: ignore[arg-type]


def api() -> Measured:
    """A compared part with a figure that is reached and one that is not."""
    accept = compared("SES v2 API accept", [900, 1000, 1100], [500, 500, 500], "1/s", ">= 1.2x", least=1.2)
    cpu = compared("CPU <us> per message", [500, 500, 500], [1000, 1000, 1000], "us", "<= 0.35x", most=0.35)
    return part(
        "api", accept, cpu, settings={"gateway": "[node]\n", "Postfix": "in_flow_delay = 0\n"}, notes=["checked"]
    )


def test_the_page_tells_figures_machine_date_rounds_and_configuration(tmp_path: Path) -> None:
    """Everything that a reader needs to judge a ratio stands there, and the rest of the page stays as it is."""
    text = tmp_path / "performance.md"
    text.write_text(MARKED)
    page.refresh(text, tmp_path / "performance.svg", [part("http", alone("handovers", [9.0, 10.0], "1/s", "")), api()])
    written = text.read_text()
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "\nold\n" not in written
    assert "| SES v2 API accept, 1/s | 1000 | 500 | 2.00 | 1.80..2.20 | >= 1.2x | yes |" in written
    assert "| 0.50 | 0.50..0.50 | <= 0.35x | no |" in written
    assert "| handovers, 1/s | 9.5 | 9.00..10.00 |  |  |" in written
    assert "2026-11-24 12:00 UTC, load average 0.1 at the start, rounds: 3. 2 x Some Processor." in written
    assert "in_flow_delay = 0" in written
    assert written.index("SES API") < written.index("Handover by HTTP")


def test_the_page_can_be_written_again(tmp_path: Path) -> None:
    """Writing the same record twice changes nothing; a page without marks is refused untouched."""
    text, picture = tmp_path / "performance.md", tmp_path / "performance.svg"
    text.write_text(MARKED)
    page.refresh(text, picture, [api()])
    once = text.read_text()
    page.refresh(text, picture, [api()])
    assert text.read_text() == once
    text.write_text("no marks")
    with pytest.raises(ValueError, match="no marks"):
        page.refresh(text, picture, [api()])
    assert text.read_text() == "no marks"


def test_the_plot_is_a_picture_of_the_compared_figures(tmp_path: Path) -> None:
    """Well-formed, with a dot for each ratio and a bar for each bound."""
    text, picture = tmp_path / "performance.md", tmp_path / "performance.svg"
    text.write_text(MARKED)
    page.refresh(text, picture, [api(), part("http", alone("handovers", [9.0], "1/s", ""))])
    drawn = ET.fromstring(picture.read_text())  # noqa: S314 - written just before
    shapes = [element.tag.rpartition("}")[2] for element in drawn.iter()]
    assert shapes.count("circle") == 2
    assert "CPU <us> per message" in "".join(drawn.itertext())


def test_a_run_of_one_part_keeps_the_others(tmp_path: Path) -> None:
    """The record holds the latest of every part, and can be read back."""
    file = tmp_path / "performance.json"
    record.write(file, record.read(file), [api()])
    newer = part("api", alone("other", [1.0], "1/s", ""))
    both = record.write(file, record.read(file), [part("http", alone("handovers", [1.0], "1/s", "")), newer])
    assert {one.part: one for one in record.read(file)} == {one.part: one for one in both}
    assert next(one for one in both if one.part == "api") == newer


def test_the_record_names_no_folder(tmp_path: Path) -> None:
    """Where it was measured stays out of what is published."""
    found = record.measured("api", [], {"gateway": f"file = {tmp_path}/x"}, [], "0.1", tmp_path)
    assert str(tmp_path) not in json.dumps(found.settings)
    assert "Python 3." in found.machine


def test_the_committed_page_is_what_the_record_says(tmp_path: Path) -> None:
    """Nobody has changed a measured figure by hand."""
    text = tmp_path / "performance.md"
    text.write_text((DOCS / "performance.md").read_text())
    parts = record.read(DOCS / "performance.json")
    if parts:
        page.refresh(text, tmp_path / "performance.svg", parts)
    assert text.read_text() == (DOCS / "performance.md").read_text()
