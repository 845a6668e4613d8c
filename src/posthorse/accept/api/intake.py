"""Intake: from what a request says to an envelope, MIME bytes and controls, value by value.

Promise: no value is ignored or guessed at; what is wrong is refused with the field it stands in. Large content is
worked on in turns, so that nobody else waits. The same request always gives the same bytes.

Left out: reading the request (`app`), deciding about the mail (admission).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import UNSET, Raw

from posthorse.accept.address_lists import read_list
from posthorse.accept.api.content import body_of, octets_of
from posthorse.accept.api.problems import ApiError, Code, invalid
from posthorse.accept.api.wire import Message, Options
from posthorse.accept.compose import (
    DEFAULT_LIMITS,
    Attachment,
    ComposeError,
    Disposition,
    Mailbox,
    StructuredMail,
    checked_mailbox,
    compose,
    compose_in_turns,
)
from posthorse.accept.control import (
    MAX_TAGS,
    BadTag,
    Controls,
    NotAhead,
    parse_configuration_set,
    parse_deadline,
    parse_key,
    parse_stream,
    parse_tags,
    parse_time,
)
from posthorse.accept.envelope import distinct
from posthorse.accept.line_ends import BadLines, strict_lines, strict_lines_in_turns
from posthorse.accept.raw_mail import BadMail, named
from posthorse.mail.address_key import address_key
from posthorse.mail.large import LARGE_BYTES
from posthorse.mail.stream import SECOND

MAX_NOT_BEFORE_US = 30 * 86_400 * SECOND
_ADDRESSED = ("to", "cc", "bcc", "reply_to")
_NO_CONTENT = ("reply_to", "subject", "text", "html", "headers", "attachments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A request that says everything a submission needs."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


async def taken(message: Message, max_recipients: int) -> Taken:
    """What a JSON message says. Raises `ApiError`."""
    if message.template is not UNSET:
        raise ApiError(Code.TEMPLATES_NOT_OFFERED, field="template")
    if len(message.attachments) > DEFAULT_LIMITS.attachments:
        raise invalid("attachments", f"are more than {DEFAULT_LIMITS.attachments}")
    _check_numbers(message, max_recipients)
    try:
        mail = await (_structured(message) if message.raw is UNSET else _with_raw(message, message.raw))
    except ComposeError as error:
        remedy = "; bcc has room for more" if error.where in ("to", "cc") else ""
        where = "text" if error.where == "body" else error.where
        raise invalid(where, error.why + remedy) from None
    if len(mail.recipients) > max_recipients and len(distinct(mail.recipients)) > max_recipients:
        raise _too_many(message, max_recipients)
    return mail


def _check_numbers(message: Message, max_recipients: int) -> None:
    """Before they are read. Raises `ApiError`."""
    for name in _ADDRESSED:
        if len(getattr(message, name)) > max_recipients:
            raise ApiError(Code.RECIPIENTS, f"{name}: has more than {max_recipients} addresses", field=name)
    if len(message.to) + len(message.cc) + len(message.bcc) > 2 * max_recipients:
        raise _too_many(message, max_recipients)


def _too_many(message: Message, max_recipients: int) -> ApiError:
    """All lists together, by the name of the last that is there."""
    field = next((name for name in ("bcc", "cc", "to") if getattr(message, name)), "raw")
    return ApiError(Code.RECIPIENTS, f"{field}: there are more than {max_recipients} recipients in all", field=field)


async def _with_raw(message: Message, raw: Raw) -> Taken:
    for name in _NO_CONTENT:
        if getattr(message, name) not in ("", [], UNSET):
            raise invalid(name, "is part of the message in `raw`, and not given beside it")
    fields = [await read_list(name, getattr(message, name), utf8=True) for name in ("to", "cc", "bcc")]
    return await _in_mime(await octets_of("raw", raw), message.from_, _everybody(*fields))


async def taken_raw(content: bytes, sender: str | None, to: Sequence[str]) -> Taken:
    """What a message in MIME says, with the envelope given beside it; `sender` None and no `to`: what its header names.
    Raises `ApiError`.
    """
    try:
        return await _in_mime(content, sender, _everybody(await read_list("to", to, utf8=True)))
    except ComposeError as error:
        raise invalid(error.where, error.why) from None


async def _in_mime(content: bytes, sender: str | None, recipients: tuple[str, ...]) -> Taken:
    """Raises `ApiError`, and `ComposeError` for the sender."""
    try:
        if not content:
            raise BadMail("it is empty")
        large = len(content) > LARGE_BYTES
        content = await strict_lines_in_turns(content) if large else strict_lines(content)
        if sender is None or not recipients:
            found = await named(content, utf8=True)
            recipients = recipients or tuple(one.address for one in found.recipients)
            if sender is None and found.author is None:
                raise BadMail("no From field of its header is one address, so the sender must be given")
            sender = found.author.address if sender is None and found.author else sender
        return Taken(sender=_sender(sender), recipients=recipients, content=content)
    except (BadLines, BadMail) as error:
        raise ApiError(Code.MALFORMED_MESSAGE, str(error)) from None


def _sender(given: str | None) -> str:
    """An envelope sender; empty: the null sender."""
    return checked_mailbox("from", given, utf8=True).address if given else ""


async def _structured(message: Message) -> Taken:
    if message.from_ is None:
        raise invalid("from", "is missing")
    text, html = body_of("text", message.text), body_of("html", message.html)
    sender = checked_mailbox("from", message.from_, utf8=True)
    to, cc, bcc, reply_to = [await read_list(name, getattr(message, name), utf8=True) for name in _ADDRESSED]
    if not (to or cc or bcc):
        raise ApiError(Code.RECIPIENTS, "to: there is no recipient in to, cc and bcc", field="to")
    visible = _once(to, cc)
    mail = StructuredMail(
        from_=sender,
        to=visible[0],
        cc=visible[1],
        reply_to=reply_to,
        subject=message.subject,
        text=text,
        html=html,
        headers=tuple((header.name, header.value) for header in message.headers),
        attachments=tuple([await _attachment(number, message) for number in range(len(message.attachments))]),
    )
    size = sum(len(body.content) for body in (text, html) if body) + sum(len(one.content) for one in mail.attachments)
    content = await compose_in_turns(mail) if size > LARGE_BYTES else compose(mail)
    return Taken(sender=sender.address, recipients=_everybody(to, cc, bcc), content=content)


def _once(*fields: Iterable[Mailbox]) -> list[tuple[Mailbox, ...]]:
    """The fields with everybody at their first place only: providers that take fields refuse an address twice."""
    known: set[str] = set()
    kept: list[list[Mailbox]] = []
    for field in fields:
        kept.append([])
        for mailbox in field:
            key = address_key(mailbox.address)
            if key not in known:
                known.add(key)
                kept[-1].append(mailbox)
    return [tuple(field) for field in kept]


def _everybody(*fields: Iterable[Mailbox]) -> tuple[str, ...]:
    return tuple(mailbox.address for field in fields for mailbox in field)


async def _attachment(number: int, message: Message) -> Attachment:
    given = message.attachments[number]
    return Attachment(
        file_name=given.file_name,
        content=await octets_of(f"attachments[{number}].content", given.content),
        content_type=given.content_type,
        disposition=Disposition(given.disposition),
        content_id=given.content_id,
        description=given.description,
    )


# --- what is asked for beside the message ----------------------------------------------------------------------------


def controls_of(options: Options, now: int, key: str, fingerprint: bytes) -> Controls:
    """Options as admission takes them, at `now` (microseconds UTC). Raises `ApiError`."""
    controls = Controls(idempotency_key=key, fingerprint=fingerprint)
    field = ""
    try:
        if options.stream is not None:
            controls.stream = parse_stream(options.stream)
        field = "not_before"
        if options.not_before is not None:
            controls.not_before = _not_before(options.not_before, now)
        field = "deadline"
        if options.deadline is not None:
            controls.deadline_us = _deadline(str(options.deadline), controls.not_before, now)
        field = "supersede_key"
        controls.supersede_key = parse_key(options.supersede_key) if options.supersede_key else ""
        field = "configuration_set"
        name = options.configuration_set
        controls.configuration_set = parse_configuration_set(name) if name else ""
        field = "tags"
        if len(options.tags) > MAX_TAGS:
            raise ValueError(f"must be at most {MAX_TAGS}")
        controls.tags = parse_tags(options.tags.items())
    except BadTag as bad:
        what = "its value" if bad.part == "value" else "the name of a tag"
        raise invalid(f"tags.{bad.name}" if bad.part == "value" else field, f"{what} {bad.why}") from None
    except ValueError as error:
        raise invalid(field, str(error)) from None
    return controls


def _deadline(text: str, not_before: int, now: int) -> int:
    """Microseconds from now. A duration is counted from `not_before`. Raises ValueError."""
    start = max(now, not_before)
    try:
        return start - now + parse_deadline(text, start)
    except NotAhead:
        raise ValueError("is not after not_before" if start > now else "is not in the future") from None


def _not_before(text: str, now: int) -> int:
    """The moment, microseconds UTC; 0 if it has come already. Raises ValueError."""
    at = parse_time(text)
    if at > now + MAX_NOT_BEFORE_US:
        raise ValueError("must be at most 30 days ahead")
    return at if at > now else 0


def idempotency_key(headers: dict[bytes, bytes]) -> str:
    """The client's key for this request; empty: none. Raises `ApiError`."""
    given = headers.get(b"idempotency-key")
    if given is None:
        return ""
    try:
        return parse_key(given.decode("ascii"))
    except ValueError:
        raise ApiError(Code.IDEMPOTENCY_KEY_INVALID) from None
