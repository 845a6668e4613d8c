"""What a request of the SES API asks to send, in words that both versions share, turned into mail.

Promise: what SES would find a problem in is a problem here, with its error; a parameter comes before the header that
says the same. Envelope sender: the address for bounces, else the one given as From, else Return-Path, else From of the
message. Recipients: the destination, else To, Cc and Bcc of the message, at most 50, counted as they are given.

Left out: the decision (`admission`), the wire (`v1`, `v2`), the message's own rules (`compose`, `line_ends`).
Source: API reference of SES, `SendEmail` and `SendRawEmail`; developer guide, "Service quotas".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import islice

from posthorse.accept.address import BadAddress
from posthorse.accept.address_lists import read_list
from posthorse.accept.compose import ComposeError, checked_mailbox, compose, compose_in_turns
from posthorse.accept.compose_words import address_field
from posthorse.accept.control import BadTag, Controls, parse_configuration_set, parse_tags
from posthorse.accept.headers import IDEMPOTENCY_KEY, MAX_BLOCK_BYTES
from posthorse.accept.line_ends import BadLines, strict_lines, strict_lines_in_turns
from posthorse.accept.mailboxes import Mailbox, each_mailbox, read_mailbox
from posthorse.accept.raw_mail import BadMail, Named, named
from posthorse.accept.refusal import sender_not_verified
from posthorse.accept.ses.errors import Kind, SesError, of_refusal
from posthorse.accept.ses.field_names import Naming, of_v2
from posthorse.accept.structured import SES_LIMITS, StructuredMail
from posthorse.mail.large import LARGE_BYTES
from posthorse.mail.message import Caller, Front, Submission

MAX_RECIPIENTS = 50
V1_MAX_BYTES = 10 << 20
V2_MAX_BYTES = 40 << 20

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_FOLD = re.compile(rb"\r\n(?=[ \t]|\Z)")
_OWN_KEY = b"\n" + IDEMPOTENCY_KEY + b":"


@dataclass(slots=True, kw_only=True)
class Asked:
    """One message, as it was asked for. Texts are the client's, unchecked."""

    from_: str = ""
    bounces_to: str = ""
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    """Recipients; all three empty: whom the message names."""
    reply_to: Sequence[str] = ()
    raw: bytes | None = None
    """The message; None: it is to be composed of `structured`."""
    structured: partial[StructuredMail] | None = None
    """All but To, Cc and Reply-To, which stand above and are read first."""
    replaces_from: bool = False
    """`from_` becomes the author, whoever the message names (v2); else it only stands in for a missing one (v1)."""
    configuration_set: str = ""
    tags: Sequence[tuple[str, str]] = ()
    most_bytes: int = V2_MAX_BYTES
    naming: Naming = of_v2
    """What the client calls the fields of its request."""


@dataclass(slots=True, kw_only=True)
class Request:
    """Who asks, and what tells a repetition of the request."""

    caller: Caller
    tls: bool
    repeat_key: str
    """The same for every try of one call of a client library; empty: nothing tells one from another call."""
    body_digest: bytes


async def submitted(asked: Asked, request: Request) -> tuple[Submission, Controls]:
    """What admission decides about. Raises `SesError`."""
    controls = _controls(asked, request)
    try:
        given = _author(asked.from_) if asked.from_ else None
        destination = await _destination(asked)
        content = await _composed(asked, destination) if asked.raw is None else await _raw(asked)
        end = content.find(b"\r\n\r\n", 0, MAX_BLOCK_BYTES)
        small_head = b"\n" + content[: end + 2 if end >= 0 else MAX_BLOCK_BYTES].lower()
        if given is not None and asked.raw is not None:
            content = _with_author(content, small_head, given, replace_it=asked.replaces_from)
        if _OWN_KEY in small_head:  # the application's own key comes before the library's
            controls.idempotency_key, controls.fingerprint = "", b""
        recipients = tuple([one.address for field in destination for one in field])
        sender, recipients = await _envelope(asked, content, small_head, given, recipients)
    except ComposeError as error:
        raise _invalid(asked, error.where, error.why) from None
    submission = Submission(
        caller=request.caller,
        front=Front.SES,
        sender=sender,
        recipients=recipients,
        content=content,
        tls=request.tls,
    )
    return submission, controls


def _invalid(asked: Asked, where: str, why: object) -> SesError:
    return SesError(Kind.INVALID, f"{asked.naming(where)}: {why}.")


def repeat_key(access_key_id: str, call: bytes, body_sha256: str) -> str:
    """The idempotency key of a request. `call`: what all tries of one call have in common."""
    text = b"%b\0%b\0%b" % (access_key_id.encode(), call, body_sha256.encode("ascii"))
    return "ses:" + blake2b(text, digest_size=20).hexdigest()


def _controls(asked: Asked, request: Request) -> Controls:
    controls = Controls(idempotency_key=request.repeat_key, fingerprint=request.body_digest)
    try:
        if asked.configuration_set:
            controls.configuration_set = parse_configuration_set(asked.configuration_set)
    except ValueError as error:
        raise _invalid(asked, "configuration_set", error) from None
    try:
        if asked.tags:
            controls.tags = parse_tags(asked.tags)
    except BadTag as bad:
        named = f' (the tag "{bad.name}")' if bad.part == "value" else ""
        raise _invalid(asked, f"tags[{bad.number}].{bad.part}", f"{bad.why}{named}") from None
    except ValueError as error:
        raise _invalid(asked, "tags", error) from None
    return controls


# --- the message -----------------------------------------------------------------------------------------------------


async def _raw(asked: Asked) -> bytes:
    content = asked.raw or b""
    if not content:
        raise SesError(Kind.INVALID, "Message data is empty.")
    _check_size(content, asked.most_bytes)
    try:
        return await strict_lines_in_turns(content) if len(content) > LARGE_BYTES else strict_lines(content)
    except BadLines as error:
        raise SesError(Kind.INVALID, str(error)) from None


async def _composed(asked: Asked, destination: "_Named") -> bytes:
    """Raises `ComposeError`, and `SesError`."""
    assert asked.structured is not None, "a request asks for raw or for structured mail"
    to, cc, _ = destination
    reply_to = await read_list("reply_to", asked.reply_to, utf8=False) if asked.reply_to else ()
    mail = asked.structured(to=to, cc=cc, reply_to=reply_to)
    large = sum(len(one.content) for one in mail.attachments)
    large += sum(len(body.content) for body in (mail.text, mail.html) if body is not None)
    content = await compose_in_turns(mail, SES_LIMITS) if large > LARGE_BYTES else compose(mail, SES_LIMITS)
    _check_size(content, asked.most_bytes)
    return content


def _check_size(content: bytes, most_bytes: int) -> None:
    if len(content) > most_bytes:
        raise SesError(Kind.INVALID, f"Message length is more than {most_bytes} bytes long: '{len(content)}'.")


def _with_author(content: bytes, small_head: bytes, author: Mailbox, *, replace_it: bool) -> bytes:
    """The message with its From set, if it lacks one, or names somebody else and is to be replaced."""
    at = small_head.find(b"\nfrom:")
    if at < 0:
        return address_field("From", [author]) + content
    if not replace_it:
        return content
    end = _FIELD_END.search(content, at)
    stop = end.end() if end else len(content)
    if _is_named_alone(author, content[at + len(b"from:") : stop]):
        return content  # its name, as the message spells it, stays
    return b"".join((memoryview(content)[:at], address_field("From", [author]), memoryview(content)[stop:]))


def _is_named_alone(author: Mailbox, value: bytes) -> bool:
    """Whether a field names this mailbox and nobody else, so that every reader finds it."""
    try:
        first_two = list(islice(each_mailbox(_FOLD.sub(b"", value).decode("utf-8").strip()), 2))
    except (UnicodeDecodeError, BadAddress):
        return False
    return [one.address.lower() for one in first_two] == [author.address.lower()]


# --- the envelope ----------------------------------------------------------------------------------------------------


_Named = tuple[tuple[Mailbox, ...], ...]
"""To, Cc and Bcc."""
_NOBODY: _Named = ((), (), ())


async def _destination(asked: Asked) -> _Named:
    """Whom the request names. Raises `ComposeError`, and `SesError`."""
    count = len(asked.to) + len(asked.cc) + len(asked.bcc)
    if not count:
        return _NOBODY
    _check_count(count)
    lists = (("to", asked.to), ("cc", asked.cc), ("bcc", asked.bcc))
    return tuple([await read_list(where, given, utf8=False) if given else () for where, given in lists])


async def _envelope(
    asked: Asked, content: bytes, small_head: bytes, given: Mailbox | None, recipients: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Sender and recipients; `recipients`: whom the request names. Raises `ComposeError`, and `SesError`."""
    names = await _names(content) if not recipients or given is None else None
    if not recipients:
        assert names is not None
        _check_count(len(names.recipients))
        recipients = tuple([one.address for one in names.recipients])
    if not recipients:
        raise SesError(Kind.INVALID, "Missing final destination: there is no recipient.")
    sender = checked_mailbox("bounces_to", asked.bounces_to, utf8=False).address if asked.bounces_to else ""
    sender = sender or (given.address if given else "") or _return_path(content, small_head)
    if not sender and names is not None and names.author is not None:
        sender = names.author.address
    if not sender:
        raise SesError(Kind.INVALID, _no_sender(names.from_fields if names else 0))
    if sender.rpartition("@")[2].rpartition(".")[2].lower() == "invalid":
        # never anybody's (RFC 6761 section 6.4), and what nodemailer asks with whether all is well
        raise of_refusal(sender_not_verified(sender.rpartition("@")[2]))
    return sender, recipients


def _no_sender(from_fields: int) -> str:
    if from_fields == 1:
        return "The header names no single sender: 'From' has none or several, and 'Sender' is no help."
    return "Duplicate header 'From'." if from_fields else "Missing required header 'From'."


def _check_count(recipients: int) -> None:
    if recipients > MAX_RECIPIENTS:
        raise SesError(Kind.INVALID, f"Recipient count exceeds {MAX_RECIPIENTS}.")


@lru_cache(maxsize=1_024)
def _author(text: str) -> Mailbox:
    """The mailbox given as From; an application has few. Raises `ComposeError`."""
    return checked_mailbox("from", text, utf8=False)


async def _names(content: bytes) -> Named:
    try:
        return await named(content)
    except BadMail as error:
        raise SesError(Kind.INVALID, f"The message cannot be read: {error}.") from None


def _return_path(content: bytes, small_head: bytes) -> str:
    at = small_head.find(b"\nreturn-path:")
    if at < 0:
        return ""
    end = _FIELD_END.search(content, at)
    value = content[at + len(b"return-path:") : end.start() if end else len(content)].decode("latin-1").strip()
    if value in ("", "<>"):
        return ""
    try:
        return read_mailbox(value).address
    except BadAddress as error:
        raise SesError(Kind.INVALID, f"The message's Return-Path: {error}.") from None
