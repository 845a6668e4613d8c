"""The bounds that the description of the native API gives are those that hold, to the character."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from posthorse.accept.api.openapi import document
from tests.unit.accept.api.desk import MESSAGE, Desk

Run = Callable[[Any], Any]
Bound = tuple[str, str, str, int]
SCHEMAS = document()["components"]["schemas"]


def bounds() -> Iterator[Bound]:
    """Of every field of a message: type, field, keyword and how much it allows."""
    for kind in ("Message", "Header", "Attachment"):
        for field, schema in SCHEMAS[kind]["properties"].items():
            for keyword in ("maxLength", "maxItems", "maxProperties"):
                if keyword in schema:
                    yield kind, field, keyword, schema[keyword]


BOUNDS = list(bounds())


def text(field: str, characters: int) -> str:
    """A value of the field of so many characters."""
    match field:
        case "content_type":
            return "application/x-" + "a" * (characters - 14)
        case "value":  # a field's name counts with it
            return ("word " * characters)[: characters - 4] + "x"
        case "name":
            return "X-" + "a" * (characters - 2)
        case "subject" | "description":
            return ("word " * characters)[: characters - 1] + "x"
        case _:
            return "a" * characters


def value(field: str, keyword: str, amount: int) -> Any:
    """So much of the field."""
    if keyword == "maxLength":
        return text(field, amount)
    if keyword == "maxProperties":
        return {f"t{number}": "v" for number in range(amount)}
    one = {"name": "X-A", "value": "1"} if field == "headers" else {"content": "YQ==", "file_name": "a.txt"}
    return [one | ({"name": f"X-{number}"} if field == "headers" else {}) for number in range(amount)]


def message(bound: Bound, more: int) -> dict[str, Any]:
    """A message that has so much more of the field than is allowed."""
    kind, field, keyword, most = bound
    given = {field: value(field, keyword, most + more)}
    match kind:
        case "Header":
            return MESSAGE | {"headers": [{"name": "X-A", "value": "1"} | given]}
        case "Attachment":
            return MESSAGE | {"attachments": [{"content": "YQ==", "file_name": "a.txt"} | given]}
        case _:
            return MESSAGE | given


def test_every_list_and_text_that_is_bounded_says_so() -> None:
    """None is left out: lists, the map of tags, and each short text but addresses, which RFC 5321 bounds."""
    told = {(kind, field) for kind, field, _, _ in BOUNDS}
    assert told == {
        *(("Message", field) for field in ("supersede_key", "configuration_set", "tags", "subject", "headers")),
        ("Message", "attachments"),
        *(("Header", field) for field in ("name", "value")),
        *(("Attachment", field) for field in ("file_name", "content_type", "content_id", "description")),
    }


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: f"{bound[0]}.{bound[1]}")
def test_what_is_described_is_taken_and_one_more_is_not(run: Run, bound: Bound) -> None:
    """And the field is named."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.send(message(bound, 0))
        assert answered.status == 202, answered.json
        answered = await desk.send(message(bound, 1))
        assert answered.status == 422
        told = answered.json["field"]
        assert told.startswith({"Header": "headers[0]", "Attachment": "attachments[0]"}.get(bound[0], bound[1])), told

    run(story())
