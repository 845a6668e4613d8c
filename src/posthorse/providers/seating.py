"""Seating: which recipients of a group stand where in a request whose recipients are its visible fields.

A structured provider sends to every address in To and Cc, so each of them must be in the group; whoever else is in it
was a blind recipient, and goes into the provider's own blind field of the same request. A part of the visible
recipients therefore never goes there: the others would have a second copy. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from posthorse.providers.mime.dissection import Dissected, Mailbox, Unfit
from posthorse.providers.mime.mailboxes import is_plain_address


class UnfitPart(Unfit):
    """It is these recipients without the others that have no place; the whole message might."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """Numbers of the recipients in the order of each field."""

    to: tuple[int, ...]
    cc: tuple[int, ...]
    bcc: tuple[int, ...]
    blind: tuple[str, ...]
    """The addresses of `bcc`."""


def seat(letter: Dissected, recipients: Sequence[tuple[int, str]]) -> Seating:
    """Where each recipient (n, address) of a group stands. Raises `Unfit`."""
    if not letter.to:
        raise Unfit("nobody in To")
    left = {_key(address): (n, address) for n, address in recipients}
    if len(left) < len(recipients):
        raise Unfit("two recipients that differ in case only")
    visible = [person.address.lower() for person in (*letter.to, *letter.cc)]
    if len(set(visible)) < len(visible):
        raise Unfit("an address twice in To and Cc")
    to, cc = (tuple(_taken(person, left) for person in people) for people in (letter.to, letter.cc))
    for _, address in left.values():
        if not is_plain_address(address):
            raise Unfit("a blind recipient whose address has no plain form")
    blind = tuple(left.values())
    return Seating(to=to, cc=cc, bcc=tuple(n for n, _ in blind), blind=tuple(address for _, address in blind))


def _taken(person: Mailbox, left: dict[str, tuple[int, str]]) -> int:
    found = left.pop(_key(person.address), None)
    if found is None:
        raise UnfitPart("an address in To or Cc that is not among these recipients and would get it, too")
    return found[0]


def _key(address: str) -> str:
    """Equal for spellings of one mailbox. Where case matters in a local part (RFC 5321 section 2.4), the field has what
    its author wrote; admission takes both for one recipient, too.
    """
    return address.lower()
