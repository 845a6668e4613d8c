"""A request of SendGrid's v3 Mail Send, and the mails SendGrid makes of it, pure.

Duty: read the request as strictly as its documentation says, one mail for each personalization. Promise: whatever is
wrong is a `SendgridRefused` with SendGrid's words and the field it names; nothing is sent then. Left out: templates,
categories' statistics, tracking, scheduling (their fields are known and have no effect).
Source: SendGrid v3 Mail Send, request body and errors.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthorse.lab.recompose import Attached, Fields, words

MAX_RECIPIENTS, MAX_BYTES, MAX_ARGS_BYTES = 1_000, 30_000_000, 10_000

TOP = words(
    "personalizations from reply_to reply_to_list subject content attachments template_id headers categories "
    "custom_args send_at batch_id asm ip_pool_name mail_settings tracking_settings"
)
PERSONAL = words("from to cc bcc subject headers substitutions dynamic_template_data custom_args send_at")
RESERVED = words(
    "x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding to from subject reply-to cc bcc"
)
"""Header fields that a client may not give (Mail Send, headers)."""

_REQUEST = "text/calendar; method=REQUEST"
"""The one type that may have a parameter."""
_ADDRESS = re.compile(r"[^@\s<>(),;:\"\[\]\\]+@[A-Za-z0-9.-]+")
_FIELD_NAME = re.compile(r"[!-9;-~]+")
_LINE_END = re.compile(r"[\r\n\0]")


class SendgridRefused(Exception):
    """What SendGrid says of a bad request: HTTP status, text, field."""

    def __init__(self, text: str, field: str, status: int = 400) -> None:
        super().__init__(text)
        self.text, self.field, self.status = text, field, status


@dataclass(frozen=True, slots=True, kw_only=True)
class SendgridMail:
    """One personalization."""

    fields: Fields
    recipients: tuple[str, ...]
    """To, Cc, Bcc."""


def read_mail_send(body: bytes) -> list[SendgridMail]:
    """The mails in a request body. Raises `SendgridRefused`."""
    if len(body) > MAX_BYTES:
        raise SendgridRefused("The request is larger than 30 MB.", "", 413)
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SendgridRefused("Bad Request", "") from error
    request = _object(request, "", TOP)
    personalizations = _list(request.get("personalizations"), "personalizations")
    if not personalizations:
        raise SendgridRefused("You must have at least one personalization.", "personalizations")
    mails = [_mail(request, one, f"personalizations.{n}") for n, one in enumerate(personalizations)]
    if sum(len(mail.recipients) for mail in mails) > MAX_RECIPIENTS:
        raise SendgridRefused("There is a limit of 1000 total recipients (to + cc + bcc) per request.", "")
    return mails


def _mail(request: Mapping[str, Any], personal: Any, where: str) -> SendgridMail:
    personal = _object(personal, where, PERSONAL)
    to, cc, bcc = (_people(personal.get(kind, []), f"{where}.{kind}") for kind in ("to", "cc", "bcc"))
    if not to:
        raise SendgridRefused(
            "The to array is required for all personalization objects, and must have at least one email object with a "
            "valid email address.",
            f"{where}.to",
        )
    _unique(where, {"to": to, "cc": cc, "bcc": bcc})
    tags = _args(request.get("custom_args", {}), "custom_args")
    tags |= _args(personal.get("custom_args", {}), f"{where}.custom_args")
    if len(json.dumps(tags)) > MAX_ARGS_BYTES:
        raise SendgridRefused("custom_args may not exceed 10000 bytes.", "custom_args")
    headers = _headers(request.get("headers", {}), "headers")
    headers |= _headers(personal.get("headers", {}), f"{where}.headers")
    fields = Fields(
        sender=_person(personal.get("from", request.get("from")), "from"),
        to=to,
        cc=cc,
        reply_to=_reply_to(request),
        subject=_subject(personal.get("subject", request.get("subject"))),
        bodies=_bodies(request.get("content")),
        attached=tuple(_attached(request.get("attachments", []))),
        headers=tuple(headers.items()),
        tags=tags,
    )
    return SendgridMail(fields=fields, recipients=tuple(address for _, address in (*to, *cc, *bcc)))


def _object(value: Any, where: str, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SendgridRefused("Invalid type. Expected: object.", where)
    for name in value:
        if name not in known:
            raise SendgridRefused(f"Additional property {name} is not allowed", where)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise SendgridRefused("Invalid type. Expected: array.", where)
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SendgridRefused("Invalid type. Expected: string.", where)
    return value


def _line(value: Any, where: str) -> str:
    if _LINE_END.search(_text(value, where)):
        raise SendgridRefused("The value may not contain line ends.", where)
    return str(value)


def _people(value: Any, where: str) -> list[tuple[str, str]]:
    return [_person(one, f"{where}.{n}") for n, one in enumerate(_list(value, where))]


def _person(value: Any, where: str) -> tuple[str, str]:
    if value is None:
        raise SendgridRefused(
            "The from object must be provided for every email send. It is an object that requires the email parameter, "
            "but may also contain a name parameter.",
            f"{where}.email",
        )
    person = _object(value, where, frozenset({"email", "name"}))
    address = _text(person.get("email"), f"{where}.email")
    if not _ADDRESS.fullmatch(address) or not address.isascii():
        raise SendgridRefused("Does not contain a valid address.", f"{where}.email")
    return _line(person.get("name", ""), f"{where}.name"), address


def _unique(where: str, people: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    seen: set[str] = set()
    for kind, addresses in people.items():
        for _, address in addresses:
            if address.lower() in seen:
                raise SendgridRefused(
                    "Each email address in the personalization block should be unique between to, cc, and bcc. We "
                    f"found the first duplicate instance of [{address}] in the {where}.{kind} field.",
                    where,
                )
            seen.add(address.lower())


def _reply_to(request: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    if "reply_to" in request and "reply_to_list" in request:
        raise SendgridRefused("reply_to is mutually exclusive with reply_to_list.", "reply_to_list")
    if "reply_to" in request:
        return [_person(request["reply_to"], "reply_to")]
    return _people(request.get("reply_to_list", []), "reply_to_list")


def _subject(value: Any) -> str:
    if not value:
        raise SendgridRefused("The subject is required.", "subject")
    return _line(value, "subject")


def _bodies(value: Any) -> list[tuple[str, str]]:
    if not value:
        raise SendgridRefused(
            "Unless a valid template_id is provided, the content parameter is required. There must be at least one "
            "defined content block.",
            "content",
        )
    bodies = []
    for n, one in enumerate(_list(value, "content")):
        body = _object(one, f"content.{n}", frozenset({"type", "value"}))
        kind, text = _line(body.get("type"), f"content.{n}.type"), _text(body.get("value"), f"content.{n}.value")
        if "/" not in kind:
            raise SendgridRefused("The content type is not a valid MIME type.", f"content.{n}.type")
        if ";" in kind and kind != _REQUEST:
            raise SendgridRefused("The content type cannot contain ';', or CRLF characters.", f"content.{n}.type")
        if not text:
            raise SendgridRefused(
                "The content value must be a string at least one character in length.", f"content.{n}.value"
            )
        bodies.append((kind, text))
    _ordered([kind for kind, _ in bodies])
    return bodies


def _ordered(kinds: Sequence[str]) -> None:
    """Plain text first, then HTML, then the rest, none of the two twice."""
    ranks = [{"text/plain": 0, "text/html": 1}.get(kind, 2) for kind in kinds]
    if ranks != sorted(ranks) or ranks.count(0) > 1 or ranks.count(1) > 1:
        raise SendgridRefused(
            "If present, text/plain and text/html may only be provided once, in this order, before other types.",
            "content",
        )


def _attached(value: Any) -> Iterator[Attached]:
    known = frozenset({"content", "type", "filename", "disposition", "content_id"})
    for n, one in enumerate(_list(value, "attachments")):
        where = f"attachments.{n}"
        file = _object(one, where, known)
        disposition = file.get("disposition", "attachment")
        if disposition not in ("inline", "attachment"):
            raise SendgridRefused('The disposition must be either "attachment" or "inline".', f"{where}.disposition")
        yield Attached(
            name=_named(file, where),
            content_type=_type(file.get("type", "application/octet-stream"), f"{where}.type"),
            content=_decoded(file.get("content"), f"{where}.content"),
            content_id=_id(file.get("content_id", ""), f"{where}.content_id"),
            is_inline=disposition == "inline",
        )


def _type(value: Any, where: str) -> str:
    kind = _line(value, where)
    if ";" in kind and kind != _REQUEST:
        raise SendgridRefused("The attachment type cannot contain ';', or CRLF characters.", where)
    return kind


def _id(value: Any, where: str) -> str:
    content_id = _line(value, where)
    if ";" in content_id or " " in content_id:
        raise SendgridRefused("The content_id cannot contain ';', spaces, or CRLF characters.", where)
    return content_id


def _named(file: Mapping[str, Any], where: str) -> str:
    name = _line(file.get("filename"), f"{where}.filename")
    if not name:
        raise SendgridRefused("The filename parameter is required.", f"{where}.filename")
    return name


def _decoded(value: Any, where: str) -> bytes:
    try:
        content = base64.b64decode(_text(value, where), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SendgridRefused("The attachment content must be base64 encoded.", where) from error
    if not content:
        raise SendgridRefused("The content value must be a string at least one character in length.", where)
    return content


def _headers(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise SendgridRefused("Invalid type. Expected: object.", where)
    for name, text in value.items():
        if name.lower() in RESERVED:
            raise SendgridRefused(f"The header field {name} is reserved and may not be given.", f"{where}.{name}")
        if not _FIELD_NAME.fullmatch(name):
            raise SendgridRefused("Header names must be printable ASCII without a colon.", f"{where}.{name}")
        if not _line(text, f"{where}.{name}").isascii():
            raise SendgridRefused("Header values must be ASCII; use encoded words.", f"{where}.{name}")
    return dict(value)


def _args(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise SendgridRefused("Invalid type. Expected: object.", where)
    return {name: _text(text, f"{where}.{name}") for name, text in value.items()}
