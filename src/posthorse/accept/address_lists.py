"""Lists of mailboxes as the fronts of HTTP get them: read once, in turns where names are long or strange.

Promise: linear time, and nobody else waits for more than some ten milliseconds; a bad one is refused by its place.
Left out: how many there may be, writing them (`compose`).
"""

import asyncio
import re
from collections.abc import Sequence

from posthorse.accept.address import PLAIN_MAILBOX, PLAIN_MAILBOX_BYTES
from posthorse.accept.compose import checked_mailbox
from posthorse.accept.mailboxes import Mailbox

_PLAIN = re.compile(PLAIN_MAILBOX.decode("ascii"))
_TURN_WEIGHT = 10_000
"""Characters of addresses read before others get a turn: a strange name takes a microsecond for each."""
_ADDRESS_WEIGHT = 20
"""What an address weighs whatever its length."""
_LETTER_WEIGHT = 10
"""What each character weighs where some go beyond ASCII: those of a domain take some seven microseconds."""


async def read_list(where: str, given: Sequence[str], *, utf8: bool) -> tuple[Mailbox, ...]:
    """The mailboxes. `utf8`: a local part may go beyond ASCII. Raises `ComposeError` with the place of a bad one."""
    checked: list[Mailbox] = []
    weight = 0
    for number, one in enumerate(given):
        plain = len(one) <= PLAIN_MAILBOX_BYTES and _PLAIN.fullmatch(one)
        checked.append(Mailbox(address=one) if plain else checked_mailbox(f"{where}[{number}]", one, utf8=utf8))
        weight += len(one) * (1 if one.isascii() else _LETTER_WEIGHT) + _ADDRESS_WEIGHT
        if weight > _TURN_WEIGHT:
            weight = 0
            await asyncio.sleep(0)
    return tuple(checked)
