"""What the notifications of every provider are made of: JSON, times, ids, addresses, and words for people.

Promise: whatever a body holds, these either give a value or raise `Unreadable` with the place and none of the content,
and with the events beside it that could be read: one odd word, or one odd recipient, costs no other.
Bounds: nesting as deep as the JSON reader takes, so many events of one notification, so many characters of a text.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId, ProviderName, parse_message_id
from posthorse.providers.notices import Unreadable

T = TypeVar("T")

ID_NAME = "posthorse-id"
"""Under this name every adapter sends our message id along (tag, custom argument, metadata)."""

MOST_EVENTS = 5_000
"""Of one notification: more than any provider puts into one."""
MOST_TOLD = 3
"""Of what makes no sense in one notification, so many places are named."""
_MOST_ADDRESS = 320
_MOST_TEXT = 500
_MOST_ID = 200

_ESCAPE = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})", re.ASCII
)
"""A backslash, a pair of surrogates, or (group 1) half of one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LATEST = (datetime(2100, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def decoded(decoder: msgspec.json.Decoder[T], raw: bytes | str, place: str = "") -> T:
    """The JSON as the decoder's type. Raises `Unreadable`; `place` is where the text itself stood."""
    try:
        return _decoded(decoder, raw, place)
    except Unreadable:
        mended = _mended(raw)
        if mended == raw:
            raise
        return _decoded(decoder, mended, place)


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes | str, place: str) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        why = "JSON too deep" if isinstance(error, RecursionError) else str(error)
        raise Unreadable(f"{place}: {why}" if place else why) from None


def _mended(raw: bytes | str) -> bytes | str:
    """The same with a replacement character for what is no character: half a pair of surrogates, bytes of no UTF-8.

    Such things stand in what receiving servers say, and must not cost the event they belong to.
    """
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    mended = _ESCAPE.sub(lambda found: found[0] if found[1] is None else "\\ufffd", text)
    return mended.encode("utf-8", "replace") if isinstance(raw, bytes) else mended


def time_of(text: object) -> int:
    """Microseconds UTC of a time in ISO 8601, or in seconds since 1970; 0: it is none, or in no year of ours."""
    try:
        match text:
            case str() if len(text) <= 40 and "-" in text:
                read = datetime.fromisoformat(text)
                at = ((read if read.tzinfo else read.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
            case bool():
                return 0
            case int() | float():
                at = int(text * 1_000_000)
            case str() if text.isascii() and text.isdigit() and len(text) <= 12:
                at = int(text) * 1_000_000
            case _:
                return 0
    except (ValueError, OverflowError):
        return 0
    return at if _EARLIEST <= at < _LATEST else 0


def own_id_of(text: object) -> MessageId | None:
    """Our id as it came back; None: it is not one."""
    try:
        return parse_message_id(text) if isinstance(text, str) else None
    except ValueError:
        return None


def id_of(text: object) -> str:
    """An id of the provider's; empty: none that could be one."""
    return text if isinstance(text, str) and len(text) <= _MOST_ID and text.isascii() and text.isprintable() else ""


def address_of(text: object, place: str) -> str:
    """An address without the name before it. Raises `Unreadable`."""
    if not isinstance(text, str):
        raise Unreadable(f"{place}: no address")
    address = text.strip()
    if address.endswith(">"):
        address = address[address.rfind("<") + 1 : -1]
    if not 3 <= len(address) <= _MOST_ADDRESS or "@" not in address or not address.isprintable():
        raise Unreadable(f"{place}: no address")
    return address


def words_of(text: object) -> str:
    """A text for people, on one line and not long; empty: none."""
    match text:
        case str():
            kept = " ".join(text[: 2 * _MOST_TEXT].split())
        case bool() | None:
            kept = ""
        case int() | float():
            kept = str(text) if abs(text) < 1e15 else ""
        case _:
            kept = ""
    return "".join(letter for letter in kept if letter.isprintable())[:_MOST_TEXT]


def key_of(*parts: object) -> str:
    """What tells a repetition of an event that has no id of its own: equal for equal parts."""
    told = "\0".join(str(part) for part in parts)
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def digest_of(*parts: bytes) -> bytes:
    """16 bytes that tell a repetition of a whole notification."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def detail_of(**words: object) -> Mapping[str, str]:
    """The detail of an event: what is empty is left out."""
    return {name: kept for name, text in words.items() if (kept := words_of(text))}


def _either_id(provider_message_id: str, own_id: MessageId | None) -> str | MessageId:
    if provider_message_id:
        return provider_message_id
    if own_id is None:
        raise Unreadable("no message id")
    return own_id


def fanned_out(
    provider: ProviderName,
    kind: EventKind,
    recipients: Sequence[tuple[object, Mapping[str, Any]]],
    *,
    own_id: MessageId | None,
    provider_message_id: str,
    at: int,
    key_parts: Sequence[object],
    place: str,
) -> tuple[Event, ...]:
    """One event for each recipient, who is in its key; None: nobody knows which of several it was.

    Raises `Unreadable` if there are none, or too many, or neither id; and, with the other events, for a wrong address.
    """
    if not recipients or len(recipients) > MOST_EVENTS:
        raise Unreadable(f"{place}: {'too many' if recipients else 'no'} recipients")
    message = _either_id(provider_message_id, own_id)
    events, senseless = list[Event](), list[str]()
    for number, (given, told) in enumerate(recipients):
        try:
            address = "" if given is None else address_of(given, f"{place}[{number}]")
        except Unreadable as error:
            senseless.append(str(error))
            continue
        events.append(
            Event(
                provider=provider,
                key=key_of(kind.value, message, address.lower(), *key_parts),
                kind=kind,
                at=at,
                recipient=address,
                message_id=own_id,
                provider_message_id=provider_message_id,
                detail=detail_of(**told),
            )
        )
    if senseless:
        raise Unreadable("; ".join(senseless[:MOST_TOLD]), events)
    return tuple(events)
