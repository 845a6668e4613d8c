"""The provider `postmark`: Postmark by its API, `POST /email`.

The visible recipients go into To and Cc as the message has them, the blind ones into Bcc. Header fields go as they are,
encoded words included; texts and names go decoded. Postmark keeps a Message-ID only if asked to. Links and opening are
not tracked in our mail, since that would change its text.

Promise: see `recomposed`. Our id is the metadata `posthorse-id`, which comes back in every event. A handover may be for
some of the recipients only: the answer names those that were left out. Left out: the message's own tags, templates.

Source: the API's page on sending a single email.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Outcome, Reply
from posthorse.mail.ports import Clock, HttpExchange, HttpResponse
from posthorse.providers.http_target import base_target
from posthorse.providers.mime.dissection import Dissected, File, Mailbox, Unfit
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.port import Capability, Fidelity
from posthorse.providers.postmark_replies import Answer, outcomes_of, translate
from posthorse.providers.recomposed import ID_KEY, Piece, RecomposedProvider
from posthorse.providers.seating import Seating
from posthorse.providers.table import Phase

ENDPOINT = "https://api.postmarkapp.com"
_MOST_TEXT_BYTES = 5_000_000
_MOST_SUBJECT = 2_000
_RESERVED = ("x-pm-",)
_REFUSED_ENDINGS = (
    *(".bat", ".bin", ".chm", ".com", ".cpl", ".crt", ".exe", ".hlp", ".hta", ".inf", ".ins", ".isp", ".jse", ".lnk"),
    *(".mdb", ".msc", ".msi", ".msp", ".mst", ".pcd", ".pif", ".reg", ".scr", ".sct", ".shs", ".vba", ".vbe", ".vbs"),
    *(".wsf", ".wsh", ".wsl"),
)
"""Of the names of files."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+")
_KEEP_ID = ("X-PM-KeepID", "true")

_json = msgspec.json.encode


class Postmark:
    """What Postmark wants. Implements `posthorse.providers.recomposed.Dialect`."""

    kind = "postmark"
    path = "/email"
    capability = Capability(
        fidelity=Fidelity.RECOMPOSED,
        separate_envelope=False,
        max_recipients=50,
        max_size_bytes=10_000_000,
        smtputf8=False,
        rewrites=("Date", "Return-Path", "Received", "MIME-Version"),
    )

    def __init__(self, *, server_token: str, endpoint: str = "", message_stream: str = "", ca_file: str = "") -> None:
        """`endpoint`: another base address; `message_stream`: empty for the server's transactional one."""
        self.target = base_target(endpoint or ENDPOINT, ca_file)
        self.headers = (
            ("X-Postmark-Server-Token", server_token),
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        )
        self._options: dict[str, object] = {"TrackOpens": False, "TrackLinks": "None"}
        if message_stream:
            self._options["MessageStream"] = message_stream

    def check(self, letter: Dissected) -> None:
        """See the port."""
        if any(name.lower().startswith(_RESERVED) for name, _ in letter.fields):
            raise Unfit("a header field that Postmark keeps for itself")
        if len(letter.subject or "") > _MOST_SUBJECT:
            raise Unfit(f"a subject longer than {_MOST_SUBJECT} characters")
        if any(text is not None and len(text) > _MOST_TEXT_BYTES for text in (letter.text, letter.html)):
            raise Unfit("a text larger than 5 MB")
        if letter.invitation is not None:
            raise Unfit("a calendar as an alternative: Postmark has no field for it")
        for file in letter.files:
            if file.name.lower().endswith(_REFUSED_ENDINGS):
                raise Unfit(f"a file whose name ends in {file.name[-4:].lower()}: Postmark refuses it")

    def request(self, letter: Dissected, seating: Seating, message_id: MessageId) -> Iterable[Piece]:
        """See the port."""
        fields: dict[str, object] = {"From": _shown(letter.author), "To": _list(letter.to)}
        if letter.cc:
            fields["Cc"] = _list(letter.cc)
        if seating.blind:
            fields["Bcc"] = ", ".join(seating.blind)
        if letter.reply_to:
            fields["ReplyTo"] = _list(letter.reply_to)
        if letter.subject:
            fields["Subject"] = letter.subject
        fields["Headers"] = [{"Name": name, "Value": value} for name, value in _headers(letter.fields)]
        yield _json({**fields, "Metadata": {ID_KEY: message_id.hex()}, **self._options})[:-1]
        for key, text in ((b"TextBody", letter.text), (b"HtmlBody", letter.html)):
            if text is not None:
                yield b',"' + key + b'":'
                yield text
        yield from _attachments(letter.files)
        yield b"}"

    def silence(self, phase: Phase, why: str) -> Outcome:
        """See the port."""
        return translate(phase, Answer(reply=Reply(text=why)))

    def outcomes(
        self, phase: Phase, response: HttpResponse, seating: Seating, recipients: Sequence[tuple[int, str]], now: int
    ) -> Mapping[int, Outcome]:
        """See the port."""
        return outcomes_of(phase, response, recipients)


def postmark_provider(
    *,
    name: ProviderName,
    server_token: str,
    dissector: Dissector,
    exchange: HttpExchange,
    clock: Clock,
    endpoint: str = "",
    message_stream: str = "",
    ca_file: str = "",
) -> RecomposedProvider:
    """One server of a Postmark account."""
    dialect = Postmark(server_token=server_token, endpoint=endpoint, message_stream=message_stream, ca_file=ca_file)
    return RecomposedProvider(name=name, dialect=dialect, dissector=dissector, exchange=exchange, clock=clock)


def _headers(fields: Sequence[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    yield from fields
    if any(name.lower() == "message-id" for name, _ in fields):
        yield _KEEP_ID


def _list(people: Sequence[Mailbox]) -> str:
    return ", ".join(map(_shown, people))


def _shown(person: Mailbox) -> str:
    """As in a header field (RFC 5322 section 3.4), but not encoded."""
    if not person.name:
        return person.address
    quoted = person.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{person.address}>'


def _type(file: File) -> str:
    """With its parameters (RFC 2045 section 5.1)."""
    return "; ".join([file.type, *(f"{name}={_value(value)}" for name, value in file.parameters)])


def _value(value: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _attachments(files: Sequence[File]) -> Iterable[Piece]:
    if not files:
        return
    between = b',"Attachments":['
    for file in files:
        fields = {"Name": file.name, "ContentType": _type(file)}
        if file.content_id:
            fields["ContentID"] = f"cid:{file.content_id}"
        yield between + _json(fields)[:-1] + b',"Content":"'
        yield file.content
        between = b'"},'
    yield b'"}]'
