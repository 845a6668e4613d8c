"""The description of the native API (OpenAPI 3.1), made of the very types that decode its requests.

Promise: an operation, a field or a problem that the API has stands here, since both come from one place; the document
is the same at every gateway of a version.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from posthorse import __version__
from posthorse.accept.api import wire
from posthorse.accept.api.problems import CONTENT_TYPE, Code
from posthorse.accept.control import MAX_KEY_CHARACTERS, MAX_SET_NAME_CHARACTERS
from posthorse.mail.carriage import Carriage

Json = dict[str, Any]

_TYPES = (
    wire.Message,
    wire.Batch,
    wire.Receipt,
    wire.BatchAnswer,
    wire.Whole,
    wire.Cancelled,
    wire.Page,
    wire.Problem,
)
_ANYWHERE = (
    Code.UNAUTHENTICATED,
    Code.LOGIN_THROTTLED,
    Code.TLS_REQUIRED,
    Code.FROM_A_BROWSER,
    Code.MALFORMED_REQUEST,
    Code.BUG,
    Code.CONNECTIONS,
    Code.SPOOL,
)
_READING = (Code.UNSUPPORTED_MEDIA_TYPE, Code.TOO_BIG, Code.REQUEST_TIMEOUT, Code.OVERLOAD)
_KEYED = (Code.IDEMPOTENCY_KEY_INVALID, Code.IDEMPOTENCY_KEY_IN_FLIGHT)
_ADMISSION = (
    Code.INVALID_FIELD,
    Code.TEMPLATES_NOT_OFFERED,
    Code.SENDER_ADDRESS,
    Code.SENDER_DOMAIN,
    Code.RECIPIENT_ADDRESS,
    Code.RECIPIENTS,
    Code.RATE,
    Code.DISK_LOW,
    Code.MALFORMED_MESSAGE,
    Code.REPEATED_FIELD,
    Code.LOOP,
    Code.CONTROL,
    Code.IDEMPOTENCY_KEY_REUSED,
)


@cache
def document() -> Json:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Posthorse",
            "version": __version__,
            "summary": "Mail in, and what became of it.",
            "license": {"name": "see the project"},
        },
        "servers": [{"url": "/"}],
        "security": [{"access_key": []}, {}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "access_key": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An access key id as user, its secret as password; over TLS or from this machine. "
                    "`[[trusted_sources]]` need none.",
                }
            },
        },
    }


@cache
def encoded() -> bytes:
    """The same as JSON."""
    return msgspec.json.encode(document())


def _schemas() -> Json:
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    components["Batch"]["properties"]["messages"]["items"] = {"$ref": "#/components/schemas/Message"}
    components["Message"]["anyOf"] = [{"required": ["from"]}, {"required": ["raw"]}]
    return components


def _paths() -> Json:
    return {
        "/api/v1/messages": {"post": _send(), "get": _list()},
        "/api/v1/messages/batch": {"post": _send_batch()},
        "/api/v1/messages/{id}": {"get": _look()},
        "/api/v1/messages/{id}/cancel": {"post": _cancel()},
    }


def _send() -> Json:
    return _operation(
        "sendMessage",
        "Send one message",
        "In fields, or as MIME: then the query says what else is asked for. `202`: the gateway is responsible for it, "
        "and has it on disk.",
        {202: wire.Receipt},
        (*_ANYWHERE, *_READING, *_KEYED, *_ADMISSION),
        parameters=[_KEY, *_options(), *_ENVELOPE],
        body={
            "application/json": {"schema": _ref(wire.Message), "example": _EXAMPLE},
            "message/rfc822": {"schema": {"type": "string", "contentMediaType": "message/rfc822"}},
        },
    )


def _send_batch() -> Json:
    return _operation(
        "sendBatch",
        f"Send up to {wire.MAX_BATCH} messages",
        "Each is taken or refused for itself; the answer has one result for each, in order.",
        {200: wire.BatchAnswer},
        (*_ANYWHERE, *_READING, *_KEYED, Code.INVALID_FIELD),
        parameters=[_KEY],
        body={"application/json": {"schema": _ref(wire.Batch), "example": {"messages": [_EXAMPLE]}}},
    )


def _list() -> Json:
    return _operation(
        "listMessages",
        "List messages, newest first",
        "A page may hold fewer than asked for, or none, and still name a `before` to go on with.",
        {200: wire.Page},
        (*_ANYWHERE, Code.INVALID_FIELD),
        parameters=_FILTERS,
    )


def _look() -> Json:
    return _operation(
        "getMessage",
        "One message with its whole history",
        "Every step with its reason, and how each recipient stands now.",
        {200: wire.Whole},
        (*_ANYWHERE, Code.NOT_FOUND),
        parameters=[_ID],
    )


def _cancel() -> Json:
    return _operation(
        "cancelMessage",
        "Take back what still waits",
        "Says for each recipient what became of it: what was handed over stays so.",
        {200: wire.Cancelled},
        (*_ANYWHERE, *_READING, Code.NOT_FOUND),
        parameters=[_ID],
    )


def _operation(
    name: str,
    summary: str,
    description: str,
    good: Mapping[int, type],
    bad: Sequence[Code],
    *,
    parameters: Sequence[Json],
    body: Json | None = None,
) -> Json:
    responses: Json = {str(status): _answer(kind) for status, kind in good.items()}
    by_status: dict[int, list[Code]] = {}
    for code in bad:
        by_status.setdefault(code.status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _problem(status, codes)
    operation: Json = {
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": list(parameters),
        "responses": responses,
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _answer(kind: type) -> Json:
    answer: Json = {
        "description": (kind.__doc__ or "").strip(),
        "content": {"application/json": {"schema": _ref(kind)}},
    }
    if kind is wire.Receipt:
        there = {"parameters": {"id": "$response.body#/id"}}
        answer["links"] = {name: {"operationId": name} | there for name in ("getMessage", "cancelMessage")}
        answer["headers"] = {
            "Location": {"description": "Where to see what became of it.", "schema": {"type": "string"}},
            "Idempotent-Replayed": {
                "description": "`true`: it was accepted before under this key.",
                "schema": {"type": "string"},
            },
        }
    return answer


def _problem(status: int, codes: Sequence[Code]) -> Json:
    lines = "\n".join(f"- `{code.word}`: {code.meaning}" for code in codes)
    problem: Json = {
        "description": f"{HTTPStatus(status).phrase}:\n\n{lines}",
        "content": {CONTENT_TYPE: {"schema": _ref(wire.Problem)}},
    }
    if any(code.retry_after_s for code in codes):
        problem["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return problem


def _ref(kind: type) -> Json:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _parameter(name: str, description: str, schema: Json, place: str = "query", **more: Any) -> Json:
    return {"name": name, "in": place, "description": description, "schema": schema, **more}


def _options() -> list[Json]:
    """The options of a message in MIME, as they stand in the query."""
    info = msgspec.json.schema_components([wire.Options])[1]["Options"]["properties"]
    return [
        _parameter(name, f"With a message in MIME only. {info[name].get('description', '')}".strip(), schema)
        for name, schema in (
            ("stream", {"enum": ["urgent", "standard", "once", "bulk"]}),
            ("deadline", {"type": "string"}),
            ("not_before", {"type": "string", "format": "date-time"}),
            ("supersede_key", {"type": "string", "maxLength": MAX_KEY_CHARACTERS}),
            ("configuration_set", {"type": "string", "maxLength": MAX_SET_NAME_CHARACTERS}),
        )
    ]


_EXAMPLE: Json = {
    "from": "Shop <shop@example.com>",
    "to": ["Ada <ada@example.net>"],
    "subject": "Your receipt",
    "text": "Thank you!",
    "tags": {"kind": "receipt"},
}
_STRING: Json = {"type": "string"}
_STRINGS: Json = {"type": "array", "items": {"type": "string"}}
_KEY = _parameter(
    "Idempotency-Key",
    f"1 to {MAX_KEY_CHARACTERS} printable ASCII characters, kept for 24 hours. The same request again gets the first "
    "receipt.",
    {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "header",
)
_ID = _parameter("id", "As in the receipt.", {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}, "path", required=True)
_ENVELOPE = [
    _parameter("from", "With MIME only: envelope sender. Without it: the address of its From.", _STRING),
    _parameter("to", "With MIME only: a recipient, as often as needed. Without: To, Cc and Bcc.", _STRINGS),
    _parameter("tag", "With MIME only: `name=value`, as often as needed.", _STRINGS),
]
_FILTERS = [
    _parameter("tag", "Only messages with this tag, `name=value`.", _STRING),
    _parameter("recipient_domain", "Only messages with a recipient there.", _STRING),
    _parameter("state", "Only with a recipient in this state.", {"enum": [state.value for state in Carriage]}),
    _parameter("before", "Only older ones than this id.", {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}),
    _parameter(
        "limit", "Most messages of a page.", {"type": "integer", "minimum": 1, "maximum": wire.MAX_PAGE, "default": 50}
    ),
]
