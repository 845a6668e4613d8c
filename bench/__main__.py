"""`make bench`: interleaved runs beside Postfix, a table, and the measured part of docs/performance.md with its plot.

It reports; it fails nobody. `--only PART` measures one part and leaves what the page says of the others as it is.
"""

import argparse
from pathlib import Path

from bench import page, record
from bench.ending import end_cleanly
from bench.figures import table
from bench.parts import PARTS, Wanted, measure

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help="this part alone; may be given again")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds of each comparison")
    parser.add_argument("--messages", type=int, default=4_000, help="messages a round")
    parser.add_argument("--fault-rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="on the disk to be measured")
    parser.add_argument("--show", action="store_true", help="print only; leave the page as it is")
    asked = parser.parse_args()
    wanted = Wanted(
        folder=asked.folder.absolute(), rounds=asked.rounds, messages=asked.messages, fault_rounds=asked.fault_rounds
    )
    end_cleanly()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for part in asked.only or PARTS:
        found = measure(part, wanted)
        print(table(found.rows))
        if not asked.show:  # after each part, so that a run broken off keeps what it has measured
            known = DOCS / "performance.json"
            page.refresh(
                DOCS / "performance.md", DOCS / "performance.svg", record.write(known, record.read(known), [found])
            )


if __name__ == "__main__":
    main()
