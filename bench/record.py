"""What was measured, kept beside the page: per part of the bench the rows of its latest run, when and on what.

`docs/performance.json` is the source, `docs/performance.md` and its plot are made from it; a run of one part leaves
what is known of the others as it is.
"""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One part of the bench, as it was last measured."""

    part: str
    at: str
    """Date and time, UTC, to the minute."""
    machine: str
    load: str
    """Load average when it began: what else used the processors."""
    rows: list[Row]
    settings: dict[str, str] = field(default_factory=dict)
    """By peer: its whole configuration."""
    notes: list[str] = field(default_factory=list)
    """What was checked on the way."""


def measured(
    part: str, rows: list[Row], settings: dict[str, str], notes: list[str], load: str, folder: Path
) -> Measured:
    """This run's record; `folder`, where it was measured, is not named in it."""
    return Measured(
        part=part,
        at=f"{datetime.now(tz=UTC):%Y-%m-%d %H:%M}",
        machine=machine(folder),
        load=load,
        rows=rows,
        settings={name: text.replace(str(folder), "BENCH") for name, text in settings.items()},
        notes=notes,
    )


def load_now() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def machine(folder: Path) -> str:
    """What it ran on: processors, file system, versions."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "").partition(":")[2]
    parts = [f"{os.cpu_count()} x {model.strip() or platform.machine()}", f"{_file_system(folder)}"]
    parts += [f"Linux {platform.release().partition('-')[0]}", f"Python {platform.python_version()}"]
    return ", ".join([*parts, f"Postfix {_postfix()}"])


def read(file: Path) -> list[Measured]:
    """What is known so far."""
    if not file.exists():
        return []
    return [Measured(**(one | {"rows": [Row(**row) for row in one["rows"]]})) for one in json.loads(file.read_text())]


def write(file: Path, known: list[Measured], new: list[Measured]) -> list[Measured]:
    """Put the new in the place of what was known of the same parts; answers all."""
    parts = {one.part: one for one in [*known, *new]}
    file.write_text(json.dumps([asdict(one) for one in parts.values()], indent=1) + "\n")
    return list(parts.values())


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


def _file_system(folder: Path) -> str:
    """The kind of the file system below a folder; its longest mount point counts."""
    mounts = [line.split() for line in _lines("/proc/mounts")]
    above = [(len(fields[1]), fields[2]) for fields in mounts if folder.is_relative_to(fields[1])]
    return max(above, default=(0, "unknown file system"))[1]


def _postfix() -> str:
    done = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not installed"
