"""The provider `sendgrid`: SendGrid by its Web API v3, `POST /v3/mail/send`.

One personalization carries the whole group: the visible recipients as the message has them, the blind ones in `bcc`.
Header fields go as they are, encoded words included, since SendGrid wants them encoded; texts and names go decoded.
What SendGrid would put into the texts by itself (tracked links, an opening pixel, a footer) is switched off.

Promise: see `recomposed`. Our id is the custom argument `posthorse-id`, which comes back in every event. Left out: the
message's own tags (a custom argument may shadow a field of the event), templates, categories, scheduling.

Source: Mail Send in the API reference, with its list of reserved header fields.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Outcome, Reply
from posthorse.mail.ports import Clock, HttpExchange, HttpResponse
from posthorse.providers.http_target import base_target
from posthorse.providers.mime.dissection import Dissected, File, Mailbox, Unfit
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.mime.words import shown
from posthorse.providers.port import Capability, Fidelity
from posthorse.providers.recomposed import ID_KEY, Piece, RecomposedProvider
from posthorse.providers.seating import Seating
from posthorse.providers.sendgrid_replies import outcomes_of, translate
from posthorse.providers.table import Phase

ENDPOINT = "https://api.sendgrid.com"
_SPLITS_NAMES = (",", ";")
"""With these in a display name of a recipient SendGrid's quoting goes wrong."""
_RESERVED = frozenset({"x-sg-id", "x-sg-eid", "x-smtpapi"})
"""Besides those that are never among the fields to carry."""
_METHOD = "REQUEST"
_REQUEST = "text/calendar; method=REQUEST"
"""The only type with a parameter that SendGrid takes, of a text and of a file, written like this."""
_UNSEEN = frozenset({("text/csv", "header"), ("text/vcard", "version"), ("text/markdown", "variant")})
_UNSEEN_OF_ALL = frozenset({"component", "padding", "type"})
"""Parameters that change nothing for a reader; they are let go."""
_ADD_NOTHING = {
    "tracking_settings": {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
        "ganalytics": {"enable": False},
    },
    "mail_settings": {"footer": {"enable": False}},
}

_json = msgspec.json.encode


class SendGrid:
    """What SendGrid wants. Implements `posthorse.providers.recomposed.Dialect`."""

    kind = "sendgrid"
    path = "/v3/mail/send"
    capability = Capability(
        fidelity=Fidelity.RECOMPOSED,
        separate_envelope=False,
        max_recipients=1_000,
        max_size_bytes=30_000_000,
        smtputf8=False,
        rewrites=("Date", "Message-ID", "Return-Path", "Received", "MIME-Version"),
    )

    def __init__(self, *, api_key: str, endpoint: str = "", ip_pool: str = "", ca_file: str = "") -> None:
        """`endpoint`: another base address than the global one; `ip_pool`: empty for the account's default."""
        self.target = base_target(endpoint or ENDPOINT, ca_file)
        self.headers = (
            ("Authorization", f"Bearer {api_key}"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        )
        self._options: dict[str, object] = {**_ADD_NOTHING, **({"ip_pool_name": ip_pool} if ip_pool else {})}

    def check(self, letter: Dissected) -> None:
        """See the port."""
        if not letter.subject:
            raise Unfit("no subject: SendGrid demands one")
        names = [name.lower() for name, _ in letter.fields]
        if len(set(names)) < len(names):
            raise Unfit("a header field that stands there more than once")
        if not _RESERVED.isdisjoint(names):
            raise Unfit("a header field that SendGrid keeps for itself")
        if any(mark in person.name for person in (*letter.to, *letter.cc) for mark in _SPLITS_NAMES):
            raise Unfit("a recipient's name with a comma or semicolon")
        if letter.invitation is not None and letter.invitation.method != _METHOD:
            raise Unfit(f"a calendar whose method is not {_METHOD}")
        for file in letter.files:
            _check_file(file)

    def request(self, letter: Dissected, seating: Seating, message_id: MessageId) -> Iterable[Piece]:
        """See the port."""
        yield _json(
            {
                "personalizations": [_personalization(letter, seating, message_id)],
                "from": _person(letter.author),
                **_reply_to(letter.reply_to),
                "subject": letter.subject,
                "headers": dict(letter.fields),
                **self._options,
            }
        )[:-1]
        between = b',"content":['
        for kind, text in _texts(letter):
            if text is not None:
                yield between + _json({"type": kind})[:-1] + b',"value":'
                yield text
                between = b"},"
        yield b"}]"
        yield from _attachments(letter.files)
        yield b"}"

    def silence(self, phase: Phase, why: str) -> Outcome:
        """See the port."""
        return translate(phase, Reply(text=why))

    def outcomes(
        self, phase: Phase, response: HttpResponse, seating: Seating, recipients: Sequence[tuple[int, str]], now: int
    ) -> Mapping[int, Outcome]:
        """See the port."""
        return outcomes_of(phase, response, seating, recipients, now)


def sendgrid_provider(
    *,
    name: ProviderName,
    api_key: str,
    dissector: Dissector,
    exchange: HttpExchange,
    clock: Clock,
    endpoint: str = "",
    ip_pool: str = "",
    ca_file: str = "",
) -> RecomposedProvider:
    """One SendGrid account (or subuser)."""
    dialect = SendGrid(api_key=api_key, endpoint=endpoint, ip_pool=ip_pool, ca_file=ca_file)
    return RecomposedProvider(name=name, dialect=dialect, dissector=dissector, exchange=exchange, clock=clock)


def _personalization(letter: Dissected, seating: Seating, message_id: MessageId) -> dict[str, object]:
    fields: dict[str, object] = {"to": [_person(person) for person in letter.to]}
    if letter.cc:
        fields["cc"] = [_person(person) for person in letter.cc]
    if seating.blind:
        fields["bcc"] = [{"email": address} for address in seating.blind]
    return {**fields, "custom_args": {ID_KEY: message_id.hex()}}


def _person(person: Mailbox) -> dict[str, str]:
    return {"email": person.address, "name": person.name} if person.name else {"email": person.address}


def _reply_to(people: Sequence[Mailbox]) -> dict[str, object]:
    if not people:
        return {}
    persons = [_person(person) for person in people]
    return {"reply_to": persons[0]} if len(persons) == 1 else {"reply_to_list": persons}


def _texts(letter: Dissected) -> Iterable[tuple[str, memoryview | None]]:
    yield "text/plain", letter.text
    yield "text/html", letter.html
    if letter.invitation is not None:
        yield _REQUEST, letter.invitation.content


def _check_file(file: File) -> None:
    for name, value in file.parameters:
        if name in _UNSEEN_OF_ALL or (file.type, name) in _UNSEEN or _is_request(file.type, name, value):
            continue
        raise Unfit(f"{shown(file.type)} with the parameter {shown(name)}")
    if ";" in file.content_id:
        raise Unfit("a Content-ID with a semicolon")


def _is_request(kind: str, name: str, value: str) -> bool:
    return kind == "text/calendar" and name == "method" and value.upper() == _METHOD


def _type(file: File) -> str:
    return _REQUEST if any(_is_request(file.type, *each) for each in file.parameters) else file.type


def _attachments(files: Sequence[File]) -> Iterable[Piece]:
    if not files:
        return
    between = b',"attachments":['
    for file in files:
        disposition = "inline" if file.content_id else "attachment"
        fields = {"filename": file.name, "type": _type(file), "disposition": disposition}
        if file.content_id:
            fields["content_id"] = file.content_id
        yield between + _json(fields)[:-1] + b',"content":"'
        yield file.content
        between = b'"},'
    yield b'"}]'
