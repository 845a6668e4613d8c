"""The query of a request to the native API: options and envelope of a message in MIME, or which messages are wanted.

Promise: a parameter given twice or not known is refused, never passed over.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl

import msgspec

from posthorse.accept.api.decoding import plain
from posthorse.accept.api.looking import Wanted
from posthorse.accept.api.problems import ApiError, Code, invalid
from posthorse.accept.api.wire import MAX_PAGE, Options
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import parse_message_id

MAX_QUERY_BYTES = 64 << 10
MAX_PARAMETERS = 2_000

_PARAMETERS = frozenset({"stream", "deadline", "not_before", "supersede_key", "configuration_set"})
_FILTERS = frozenset({"tag", "recipient_domain", "state", "before", "limit"})
_TAG = re.compile(r"([^=]*)=(.*)", re.DOTALL)


def options_of(query: Iterable[tuple[str, str]]) -> tuple[Options, str | None, list[str]]:
    """Options, envelope sender and recipients of the query of a request that is MIME. Raises `ApiError`."""
    given: dict[str, str] = {}
    tags: dict[str, str] = {}
    to: list[str] = []
    for name, value in query:
        tag = _TAG.fullmatch(value)
        if name == "to":
            to.append(value)
        elif name == "tag" and tag is not None:
            tags[tag[1]] = tag[2]
        elif name in given or name not in _PARAMETERS | {"from"}:
            raise _misplaced(name, [*sorted(_PARAMETERS), "from", "tag (NAME=VALUE)", "to"], is_twice=name in given)
        else:
            given[name] = value
    sender = given.pop("from", None)
    try:
        options = msgspec.convert({**given, "tags": tags}, Options)
    except msgspec.ValidationError as error:
        raise ApiError(Code.INVALID_FIELD, plain(str(error))) from None
    return options, sender, to


def _misplaced(name: str, known: Sequence[str], *, is_twice: bool) -> ApiError:
    shown = plain(name)[:50]
    told = "stands there twice" if is_twice else f"is not known; known are {', '.join(known)}"
    return ApiError(Code.MALFORMED_REQUEST, f"The query's parameter `{shown}` {told}.")


def parameters(octets: bytes) -> list[tuple[str, str]]:
    """Names and values. Raises `ApiError`."""
    if not octets:
        return []
    try:
        if len(octets) > MAX_QUERY_BYTES:
            raise ValueError
        return parse_qsl(
            octets.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise ApiError(Code.MALFORMED_REQUEST, "The query cannot be read.") from None


def wanted(query: list[tuple[str, str]]) -> Wanted:
    """What a list shall show. Raises `ApiError`."""
    given: dict[str, str] = {}
    for name, value in query:
        if name in given or name not in _FILTERS:
            raise _misplaced(name, sorted(_FILTERS), is_twice=name in given)
        given[name] = value
    name, values = "state", f"one of {', '.join(one.value for one in Carriage)}"
    try:
        carriage = Carriage(given["state"]) if "state" in given else None
        name, values = "before", "the id of a message, 32 hexadecimal digits"
        before = parse_message_id(given["before"]) if "before" in given else None
        name, values = "limit", f"a number from 1 to {MAX_PAGE}"
        limit = given.get("limit", "50")
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= MAX_PAGE:
            raise ValueError
    except ValueError:
        raise invalid(name, f"is {values}") from None
    return Wanted(
        tag=given.get("tag", ""),
        recipient_domain=given.get("recipient_domain", "").lower(),
        carriage=carriage,
        before=before,
        limit=int(limit[:9]),
    )
