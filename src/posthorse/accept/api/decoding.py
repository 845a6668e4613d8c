"""Decoding: JSON of a request to the structs of `wire`, and what is wrong with it in words for people.

Promise: bounded in time (`posthorse.accept.json_bounds`); the field is named wherever the fault is in one.
Left out: content (`content`) and what the fields mean (`intake`).
"""

import re
from typing import Literal, assert_never, get_args, get_origin, get_type_hints

import msgspec

from posthorse.accept.api.problems import ApiError, Code, invalid
from posthorse.accept.api.wire import MAX_BATCH, Attachment, Batch, Message
from posthorse.accept.json_bounds import MAX_NAME_BYTES, Bounds, Excess, OutOfBounds, check

BOUNDS = Bounds(
    strings=200_000,
    objects=50_000,
    outside_bytes=1 << 20,
    escapes=3_000_000,
    value_bytes=64 << 10,
    content=frozenset({b"text", b"html", b"raw", b"content"}),
    maps=frozenset({b"tags"}),
    names_once=True,
)

_MESSAGE = msgspec.json.Decoder(Message)
_BATCH = msgspec.json.Decoder(Batch)

_PLACE = re.compile(r"(.*?)(?: - at (?:`key` in )?`\$\.?(.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `[^`]*`")
_KINDS = {"str": "a string", "int": "a whole number", "null": "null", "array": "a list", "object": "an object"}


async def decoded(octets: bytes) -> Message:
    """A message. Raises `ApiError`."""
    await _check(octets)
    return of_batch(octets)


def of_batch(octets: bytes | memoryview) -> Message:
    """The same of what was checked before. Raises `ApiError`."""
    try:
        return _MESSAGE.decode(octets)
    except msgspec.ValidationError as error:
        raise _said(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_json(error) from None


async def decoded_batch(octets: bytes) -> Batch:
    """A batch, its messages not decoded yet (`of_batch`). Raises `ApiError`."""
    await _check(octets)
    try:
        return _BATCH.decode(octets)
    except msgspec.ValidationError:
        raise invalid("messages", f"is a list of 1 to {MAX_BATCH} messages, and nothing stands beside it") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_json(error) from None


def _no_json(error: Exception) -> ApiError:
    """With the decoder's words for what is wrong, and where."""
    why = "it is nested too deeply" if isinstance(error, RecursionError) else plain(str(error))
    why = why.removeprefix("JSON is malformed: ")
    return ApiError(Code.MALFORMED_REQUEST, f"The body is no JSON that is taken here: {why}.")


async def _check(octets: bytes) -> None:
    try:
        await check(octets, BOUNDS)
    except OutOfBounds as error:
        raise _beyond(error) from None


def _beyond(error: OutOfBounds) -> ApiError:
    """A bound that does not hold in our words."""
    field = error.field or "body"
    match error.excess:
        case Excess.PARTS | Excess.OUTSIDE:
            return ApiError(Code.TOO_BIG, "So many values in JSON are not taken: send such a message as MIME.")
        case Excess.ESCAPES:
            told = "so many escapes in JSON are not taken; write letters as they are, in UTF-8, or send MIME"
            return ApiError(Code.TOO_BIG, f"{field}: {told}", field=field)
        case Excess.VALUE:
            return invalid(field, f"has a string of more than {BOUNDS.value_bytes} octets")
        case Excess.NAME:
            return invalid(field, f"has a name of more than {MAX_NAME_BYTES} octets")
        case Excess.NAME_ESCAPED:
            return invalid(field, "has a name with an escape: names are written plainly")
        case Excess.NAME_TWICE:
            return invalid(field, "stands there twice")
        case _:
            assert_never(error.excess)


def _said(text: str) -> ApiError:
    """A decoder's message in our words."""
    told = _PLACE.fullmatch(text)
    assert told is not None  # everything in it may be empty
    why, place = told[1], plain(told[2] or "").replace("[...]", "[]")
    if unknown := _UNKNOWN.fullmatch(why):
        return invalid(".".join(filter(None, (place, plain(unknown[1])))), "there is no such field")
    if missing := _MISSING.fullmatch(why):
        return invalid(".".join(filter(None, (place, missing[1]))), "is missing")
    if not place:
        return ApiError(Code.INVALID_FIELD, "A message is a JSON object.")
    if choices := _CHOICES.get(place.rpartition(".")[2]):
        return invalid(place, f"is one of {', '.join(choices)}")
    expected = _EXPECTED.fullmatch(why)
    kinds = [_KINDS[kind] for kind in expected[1].split(" | ") if kind in _KINDS] if expected else []
    return invalid(place, f"is {' or '.join(kinds)}" if kinds else "has a value that cannot be meant")


def _choices(*structs: type) -> dict[str, tuple[str, ...]]:
    """The words that a field may have, by its name."""
    found = {}
    for struct in structs:
        for name, kind in get_type_hints(struct).items():
            for one in (kind, *get_args(kind)):
                if get_origin(one) is Literal:
                    found[name] = get_args(one)
    return found


_CHOICES = _choices(Message, Attachment)


def plain(text: str) -> str:
    """A word of the client, fit for anybody's screen: at most 300 printable ASCII characters."""
    return re.sub(r"[^ -~]", "?", text[:300])
