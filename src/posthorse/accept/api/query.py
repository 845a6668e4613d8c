"""The query of a request to the native API: options and envelope of a message in MIME, or which messages are wanted.

Promise: a parameter given twice or not known is refused, never passed over.
"""

import re
from collections.abc import Iterable
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
            raise ApiError(Code.MALFORMED_REQUEST, "The query has a parameter twice, or one that is not known.")
        else:
            given[name] = value
    sender = given.pop("from", None)
    try:
        options = msgspec.convert({**given, "tags": tags}, Options)
    except msgspec.ValidationError as error:
        raise ApiError(Code.INVALID_FIELD, plain(str(error))) from None
    return options, sender, to


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
    given = dict(query)
    if len(given) < len(query) or given.keys() - {"tag", "recipient_domain", "state", "before", "limit"}:
        raise ApiError(Code.MALFORMED_REQUEST, "The query has a parameter twice, or one that is not known.")
    name = ""
    try:
        name = "state"
        carriage = Carriage(given["state"]) if "state" in given else None
        name = "before"
        before = parse_message_id(given["before"]) if "before" in given else None
        name = "limit"
        limit = given.get("limit", "50")
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= MAX_PAGE:
            raise ValueError
    except ValueError:
        raise invalid(name, "is not one of the values it may have") from None
    return Wanted(
        tag=given.get("tag", ""),
        recipient_domain=given.get("recipient_domain", "").lower(),
        carriage=carriage,
        before=before,
        limit=int(limit[:9]),
    )
