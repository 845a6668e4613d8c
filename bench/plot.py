"""The plot: one line per compared figure, from the lowest to the highest ratio of a round, with a dot at the median.

SVG written by hand, without script, font or colour that a page could not show; a bar marks what is wanted.
"""

import math
import re
from collections.abc import Sequence
from html import escape

from bench.figures import Row

_LEFT, _WIDTH, _STEP, _TOP = 330, 520, 26, 52
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10)
_SVG = "http://www.w3.org/2000/svg"
_LEGEND = (
    "gateway as a multiple of Postfix: line from lowest to highest round, dot at the median, bar at what is wanted"
)
_BOUND = re.compile(r"(>=|<=) ([0-9.]+)x")


def plot(rows: Sequence[Row]) -> str:
    """The whole file. Rows have a ratio; figures above one are more than Postfix's, on a scale of equal factors."""
    height = _TOP + _STEP * len(rows) + 34
    parts = [
        f'<svg xmlns="{_SVG}" viewBox="0 0 {_LEFT + _WIDTH + 90} {height}" font-family="sans-serif" font-size="12">',
        "<title>Figures of the gateway as multiples of Postfix's</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" fill="#444444">{_LEGEND}</text>',
    ]
    parts += [_tick(value, height) for value in _TICKS]
    parts += [_line(row, _TOP + _STEP * number + 14) for number, row in enumerate(rows)]
    return "\n".join([*parts, "</svg>", ""])


def _x(ratio: float) -> float:
    low, high = math.log(_TICKS[0]), math.log(_TICKS[-1])
    share = (math.log(min(max(ratio, _TICKS[0]), _TICKS[-1])) - low) / (high - low)
    return round(_LEFT + share * _WIDTH, 1)


def _tick(value: float, height: int) -> str:
    colour = "#888888" if value == 1 else "#dddddd"
    return (
        f'<line x1="{_x(value)}" y1="{_TOP - 8}" x2="{_x(value)}" y2="{height - 24}" stroke="{colour}"/>'
        f'<text x="{_x(value)}" y="{height - 8}" text-anchor="middle" fill="#444444">{value:g}x</text>'
    )


def _line(row: Row, y: int) -> str:
    assert row.ratio is not None
    low, _, high = row.spread.partition("..")
    colour = {True: "#1a7f37", False: "#b42318", None: "#444444"}[row.met]
    parts = [
        f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end" fill="#222222">{escape(row.name)}</text>',
        f'<line x1="{_x(float(low))}" y1="{y}" x2="{_x(float(high))}" y2="{y}" stroke="{colour}" stroke-width="3"/>',
        f'<circle cx="{_x(row.ratio)}" cy="{y}" r="5" fill="{colour}"/>',
        f'<text x="{_LEFT + _WIDTH + 12}" y="{y + 4}" fill="{colour}">{row.ratio:.2f}x</text>',
    ]
    bound = _BOUND.fullmatch(row.wanted)
    if bound is not None:
        x = _x(float(bound[2]))
        parts.append(f'<line x1="{x}" y1="{y - 9}" x2="{x}" y2="{y + 9}" stroke="#222222" stroke-width="2"/>')
    return "".join(parts)
