"""A value with parameters (Content-Type, Content-Disposition), read strictly.

Promise: a value that readers could read in two ways (comments, a parameter twice, two names for one file, a gap in
continuations) is `Unfit`; linear time.

Sources: RFC 2045 section 5.1, RFC 2183, RFC 2231 sections 3 and 4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from posthorse.providers.mime.dissection import Unfit
from posthorse.providers.mime.words import Words, check_line, decoded

_MAIN = re.compile(r"[ \t]*([!#$%&'*+.^_`{|}~0-9A-Za-z/-]+)[ \t]*")
_PARAMETER = re.compile(
    r';[ \t]*(?:([!#$%&\'+.^_`{|}~0-9A-Za-z*-]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s;"(),\\]+)[ \t]*)?'
)
_NAME = re.compile(r"([^*]+)(?:\*(0|[1-9][0-9]?))?(\*)?")
_ESCAPED = re.compile(r"\\(.)")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_ENCODED = re.compile(rb"(?:[^%'()<>@,;:\\\"/\[\]?=*\s]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The value of a field that may have parameters."""

    main: str
    """In lower case."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """By name in lower case, decoded (RFC 2231), but encoded words are left (`file_name`)."""
    literal: frozenset[str] = frozenset()
    """Names of those that came with a charset (RFC 2231): what looks like an encoded word in them is none."""


def read_value(text: str) -> Value:
    """The parts of a value, unfolded and in ASCII. Raises `Unfit`."""
    main = _MAIN.match(text)
    if main is None:
        raise Unfit("a malformed MIME field")
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    at = main.end()
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            raise Unfit("a malformed MIME parameter")
        if parameter[1]:
            _note(sections, parameter[1], parameter[2])
        at = parameter.end()
    literal = frozenset(name for name, parts in sections.items() if _is_literal(parts))
    parameters = {name: _joined(parts) for name, parts in sections.items()}
    return Value(main=main[1].lower(), parameters=parameters, literal=literal)


def file_name(value: Value, parameter: str, words: Words) -> str:
    """The file name in a parameter, decoded once more if it is an encoded word (never allowed, always done)."""
    name = value.parameters.get(parameter, "")
    return name if parameter in value.literal else words.decode(name)


_WHOLE, _EXTENDED = -2, -1
"""Places of a parameter given in one piece: as it is, and in the form with a charset."""


def _note(sections: dict[str, dict[int, tuple[str, bool]]], name: str, raw: str) -> None:
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise Unfit("a malformed MIME parameter")
    encoded = parts[3] is not None
    if encoded and raw.startswith('"'):
        raise Unfit("an encoded MIME parameter in quotes")
    place = int(parts[2]) if parts[2] else _EXTENDED if encoded else _WHOLE
    known = sections.setdefault(parts[1].lower(), {})
    if place in known:
        raise Unfit("a MIME parameter given twice")
    known[place] = (_ESCAPED.sub(r"\1", raw[1:-1]) if raw.startswith('"') else raw, encoded)


def _is_literal(parts: dict[int, tuple[str, bool]]) -> bool:
    """Whether a parameter is given with its charset, and in no other way."""
    return _WHOLE not in parts and parts.get(_EXTENDED, parts.get(0, ("", False)))[1]


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    """One value of a parameter from all that was said about it."""
    is_clear = _is_literal(parts) or parts.keys() == {_WHOLE}
    values = []
    if _WHOLE in parts:
        values.append(check_line(parts.pop(_WHOLE)[0]))
    if _EXTENDED in parts:
        values.append(_extended([parts.pop(_EXTENDED)]))
    if parts:
        if sorted(parts) != list(range(len(parts))):
            raise Unfit("a MIME parameter with a piece missing")
        values.append(_extended([parts[number] for number in range(len(parts))]))
    if any(value != values[0] for value in values) or ("=?" in values[0] and not is_clear):
        raise Unfit("a MIME parameter with two meanings")
    return values[0]


def _extended(pieces: list[tuple[str, bool]]) -> str:
    """Pieces in order; those marked are in the charset that the first one names."""
    charset = ""
    octets: list[bytes] = []
    for number, (text, encoded) in enumerate(pieces):
        raw = text.encode("ascii")
        if encoded and number == 0:
            charset, _, rest = text.partition("'")
            _, quote, value = rest.partition("'")
            if not charset or not quote:
                raise Unfit("an encoded MIME parameter without a charset")
            raw = value.encode("ascii")
        if encoded:
            if not charset or _ENCODED.fullmatch(raw) is None:
                raise Unfit("a malformed encoded MIME parameter")
            raw = _PERCENT.sub(lambda match: bytes((int(match[1], 16),)), raw)
        octets.append(raw)
    return check_line(decoded(b"".join(octets), charset or "us-ascii"))
