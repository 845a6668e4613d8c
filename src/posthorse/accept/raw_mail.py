"""Raw MIME from an API: whom its own header names when no envelope is given.

Promise: linear time; a list that could be read in two ways is refused, never half used. Left out: line ends
(`line_ends`), MIME structure, which is never parsed here, header fields given twice (admission).
"""

import re
from dataclasses import dataclass

from posthorse.accept.address import BadAddress
from posthorse.accept.headers import MAX_BLOCK_BYTES
from posthorse.accept.mailboxes import Mailbox, read_mailboxes

_FIELD = re.compile(rb"(?:\A|\n)(from|sender|to|cc|bcc):", re.IGNORECASE)
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_FOLD = re.compile(rb"\r\n(?=[ \t])")


class BadMail(ValueError):
    """Not a message we take. The text is for the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom the header of a message names."""

    author: Mailbox | None
    """Of From, if it is one; else of Sender; None: the header says neither in one way only."""
    recipients: tuple[Mailbox, ...]
    """Of To, Cc and Bcc, as they stand in the header; somebody named twice is here twice."""


def named(content: bytes, *, utf8: bool = False) -> Named:
    """Author and recipients as the header fields name them. `content`: strict lines. Raises `BadMail`."""
    end = content.find(b"\r\n\r\n", 0, MAX_BLOCK_BYTES)
    head = content[: end if end >= 0 else MAX_BLOCK_BYTES]
    authors: dict[str, list[Mailbox]] = {"from": [], "sender": []}
    recipients: list[Mailbox] = []
    for field in _FIELD.finditer(head):
        name = field[1].decode("ascii").lower()
        found = _field(name, head, field.end(), utf8)
        authors.get(name, recipients).extend(found)
    author = authors["from"] if len(authors["from"]) == 1 else authors["sender"]
    return Named(author=author[0] if len(author) == 1 else None, recipients=tuple(recipients))


def _field(name: str, head: bytes, start: int, utf8: bool) -> list[Mailbox]:
    stop = _FIELD_END.search(head, start)
    value = _FOLD.sub(b"", head[start : stop.start() if stop else len(head)])
    try:
        return read_mailboxes(value.decode("utf-8"), utf8=utf8)
    except UnicodeDecodeError:
        raise BadMail(f"the field {name.capitalize()} is not UTF-8") from None
    except BadAddress as error:
        raise BadMail(f"the field {name.capitalize()}: {error}") from None
