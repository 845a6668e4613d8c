"""Raw MIME from an API: whom its own header names when no envelope is given.

Promise: linear time; a list that could be read in two ways is refused, never half used. Left out: line ends
(`line_ends`), MIME structure, which is never parsed here, header fields given twice (admission).
"""

import asyncio
import re
from dataclasses import dataclass

from posthorse.accept.address import BadAddress
from posthorse.accept.headers import MAX_BLOCK_BYTES
from posthorse.accept.mailboxes import Mailbox, each_mailbox, read_mailboxes

MAX_RECIPIENTS = 2_000
"""Named in a header; who has more says so beside the message."""

_FIELD = re.compile(rb"(?:\A|\n)(from|sender|to|cc|bcc):", re.IGNORECASE)
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_AT_ONCE = 1_024
"""Characters of a field; a longer one is read in turns."""
_PER_TURN = 250
"""Mailboxes read before others get a turn..."""
_STRANGE_PER_TURN = 10
"""...and where some have letters of the world: a long domain of them takes up to a millisecond."""
_FOLD = re.compile(rb"\r\n(?=[ \t])")


class BadMail(ValueError):
    """Not a message we take. The text is for the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom the header of a message names."""

    author: Mailbox | None
    """Of From, if it is one; else of Sender; None: the header says neither in one way only."""
    from_fields: int
    """How often From stands there."""
    recipients: tuple[Mailbox, ...]
    """Of To, Cc and Bcc, as they stand in the header; somebody named twice is here twice."""


async def named(content: bytes, *, utf8: bool = False) -> Named:
    """Author and recipients as the header fields name them, in turns if there may be many. `content`: strict lines.
    Raises `BadMail`.
    """
    end = content.find(b"\r\n\r\n", 0, MAX_BLOCK_BYTES)
    head = content[: end if end >= 0 else MAX_BLOCK_BYTES]
    authors: dict[str, list[Mailbox]] = {"from": [], "sender": []}
    recipients: list[Mailbox] = []
    from_fields = 0
    for field in _FIELD.finditer(head):
        name = field[1].decode("ascii").lower()
        value = _value(name, head, field.end())
        into = authors.get(name, recipients)
        from_fields += name == "from"
        if len(value) > _AT_ONCE:
            await _read_in_turns(name, value, utf8, into)
        else:
            into += _read(name, value, utf8)
            if not value.isascii():
                await asyncio.sleep(0)
        if len(recipients) > MAX_RECIPIENTS:
            raise BadMail(f"its To, Cc and Bcc fields name more than {MAX_RECIPIENTS} recipients")
    author = authors["from"] if len(authors["from"]) == 1 else authors["sender"]
    return Named(author=author[0] if len(author) == 1 else None, from_fields=from_fields, recipients=tuple(recipients))


def _value(name: str, head: bytes, start: int) -> str:
    stop = _FIELD_END.search(head, start)
    try:
        return _FOLD.sub(b"", head[start : stop.start() if stop else len(head)]).decode("utf-8")
    except UnicodeDecodeError:
        raise BadMail(f"the field {name.capitalize()} is not UTF-8") from None


def _read(name: str, value: str, utf8: bool) -> list[Mailbox]:
    try:
        return read_mailboxes(value, utf8=utf8)
    except BadAddress as error:
        raise BadMail(f"the field {name.capitalize()}: {error}") from None


async def _read_in_turns(name: str, value: str, utf8: bool, into: list[Mailbox]) -> None:
    per_turn = _PER_TURN if value.isascii() else _STRANGE_PER_TURN
    try:
        for number, mailbox in enumerate(each_mailbox(value, utf8=utf8), 1):
            into.append(mailbox)
            if number % per_turn == 0:
                await asyncio.sleep(0)
    except BadAddress as error:
        raise BadMail(f"the field {name.capitalize()}: {error}") from None
    await asyncio.sleep(0)
