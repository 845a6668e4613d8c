"""Text whose lines flow, as paragraphs of one line each: what a reader that knows such text shows.

Promise: pure, linear time; nothing is lost but the places where lines were broken and the spaces that said so. Quotes
keep their depth, the line before a signature stays alone, and so does an empty line: to the letter it would end the
paragraph before it and be gone, but where programs leave a space at the end of one, people meant the gap.

Source: RFC 3676 sections 4.1 to 4.6.
"""

import re

_QUOTED = re.compile(r"(>*)( ?)")
_SIGNATURE = "-- "


def unflowed(text: str, *, delete_space: bool) -> str:
    """The text with fixed lines. `delete_space`: the space at the end of a broken line belongs to the break (DelSp)."""
    pieces: list[str] = []
    open_depth = -1
    for line in text.replace("\r\n", "\n").split("\n"):
        depth, said = _read(line)
        flows = said.endswith(" ") and said != _SIGNATURE
        if said in ("", _SIGNATURE) or depth != open_depth:
            pieces += ("\r\n" if pieces else "", ">" * depth, " " if depth and said else "")
        pieces.append(said[:-1] if flows and delete_space else said)
        open_depth = depth if flows else -1
    return "".join(pieces)


def _read(line: str) -> tuple[int, str]:
    """How deep a line is quoted, and what it says."""
    found = _QUOTED.match(line)
    return (len(found[1]), line[found.end() :]) if found else (0, line)
