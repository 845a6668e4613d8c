"""Figures: rounds of a measurement, their median and spread, and the row that goes into the table."""

import statistics
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report. `peer` and `ratio` are None where nothing is compared."""

    name: str
    ours: float
    peer: float | None
    ratio: float | None
    spread: str
    """Lowest to highest ratio (or own figure) over the rounds."""
    rounds: int
    unit: str
    wanted: str
    """The figure to reach, as written in the design."""
    met: bool | None

    def as_json(self) -> dict[str, object]:
        """For `--json` and the file of rows."""
        return asdict(self)


def compared(
    name: str, ours: list[float], peers: list[float], unit: str, wanted: str, *, least: float = 0.0, most: float = 0.0
) -> Row:
    """A row of ratios ours / peer, taken round by round. `least`/`most`: the bound that is wanted, if one is."""
    ratios = [mine / other for mine, other in zip(ours, peers, strict=True)]
    ratio = statistics.median(ratios)
    return Row(
        name=name,
        ours=statistics.median(ours),
        peer=statistics.median(peers),
        ratio=ratio,
        spread=f"{min(ratios):.2f}..{max(ratios):.2f}",
        rounds=len(ratios),
        unit=unit,
        wanted=wanted,
        met=(ratio >= least if least else ratio <= most) if wanted else None,
    )


def alone(name: str, values: list[float], unit: str, wanted: str, *, least: float = 0.0, most: float = 0.0) -> Row:
    """A row of our own figure. `wanted`: empty if nothing was set as a goal."""
    value = statistics.median(values)
    return Row(
        name=name,
        ours=value,
        peer=None,
        ratio=None,
        spread=f"{min(values):.2f}..{max(values):.2f}",
        rounds=len(values),
        unit=unit,
        wanted=wanted,
        met=(value >= least if least else value <= most) if wanted else None,
    )


def table(rows: list[Row]) -> str:
    """The rows for a terminal."""
    lines = [f"{'':40} {'ours':>10} {'peer':>10} {'ratio':>7}  {'spread':15} {'wanted':>14}"]
    for row in rows:
        peer = f"{row.peer:10.1f}" if row.peer is not None else " " * 10
        ratio = f"{row.ratio:7.2f}" if row.ratio is not None else " " * 7
        mark = {True: "yes", False: "NO", None: ""}[row.met]
        lines.append(f"{row.name:40} {row.ours:10.1f} {peer} {ratio}  {row.spread:15} {row.wanted:>14} {mark}")
    return "\n".join(lines)
