"""Structured providers: what their requests say is what the message says."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from posthorse.mail.ids import MessageId
from posthorse.mail.outcome import Handover, Reply
from posthorse.providers.mime.dissect import dissect
from posthorse.providers.mime.dissection import Dissected, Mailbox
from tests.unit.providers.structured_kit import ID, KINDS, PLAIN, bench, files_of, group, surveyed, yes

CORPUS = Path(__file__).parents[2] / "corpus" / "mime"


def test_the_request_of_sendgrid_says_everything() -> None:
    """Fields, credentials, our id, nothing of SendGrid's own in the text; blind recipients stay blind."""
    body = PLAIN.replace(
        b"Subject: s\r\n",
        b"Cc: C =?utf-8?q?=C3=9C?= <c@example.org>\r\nSubject: =?utf-8?q?=C3=BC?=\r\nX-Own: =?utf-8?q?=C3=BC?=\r\n",
    )
    it = bench("sendgrid", ip_pool="receipts")
    report = asyncio.run(it.provider.attempt(group("b@EXAMPLE.org", "x@example.net", "c@example.org", body=body), yes))
    handed = Handover(reply=Reply(code=202), provider_message_id="sg-1")
    assert report.outcomes == {3: handed, 4: handed, 5: handed}
    assert it.sent == {
        "personalizations": [
            {
                "to": [{"email": "b@example.org"}],
                "cc": [{"email": "c@example.org", "name": "C Ü"}],
                "bcc": [{"email": "x@example.net"}],
                "custom_args": {"posthorse-id": ID.hex()},
            }
        ],
        "from": {"email": "ann@example.com", "name": "Ann"},
        "subject": "ü",
        "headers": {"X-Posthorse-Id": "00", "X-Own": "=?utf-8?q?=C3=BC?=", "Message-ID": "<1@example.com>"},
        "content": [{"type": "text/plain", "value": "Hello\r\n"}],
        "ip_pool_name": "receipts",
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
        "mail_settings": {"footer": {"enable": False}},
    }
    (request,) = it.exchange.requests
    assert (request.method, request.path, request.target.host) == ("POST", "/v3/mail/send", "api.sendgrid.com")
    assert dict(request.headers)["Authorization"] == "Bearer SG.key"


def test_the_request_of_postmark_says_everything() -> None:
    """Fields, credentials, our id, the message stream, and that the Message-ID is kept."""
    body = PLAIN.replace(
        b"Subject: s\r\n",
        b'Cc: "Quo\\"te, C" <c@example.org>\r\nReply-To: r@example.com, s@example.com\r\n'
        b"Subject: =?utf-8?q?=C3=BC?=\r\n",
    )
    it = bench("postmark", message_stream="receipts")
    report = asyncio.run(it.provider.attempt(group("b@example.org", "x@example.net", "c@example.org", body=body), yes))
    assert set(report.outcomes.values()) == {Handover(reply=Reply(code=200), provider_message_id="pm-1")}
    assert it.sent == {
        "From": '"Ann" <ann@example.com>',
        "To": "b@example.org",
        "Cc": '"Quo\\"te, C" <c@example.org>',
        "Bcc": "x@example.net",
        "ReplyTo": "r@example.com, s@example.com",
        "Subject": "ü",
        "Headers": [
            {"Name": "X-Posthorse-Id", "Value": "00"},
            {"Name": "Message-ID", "Value": "<1@example.com>"},
            {"Name": "X-PM-KeepID", "Value": "true"},
        ],
        "Metadata": {"posthorse-id": ID.hex()},
        "MessageStream": "receipts",
        "TrackOpens": False,
        "TrackLinks": "None",
        "TextBody": "Hello\r\n",
    }
    (request,) = it.exchange.requests
    assert (request.method, request.path, request.target.host) == ("POST", "/email", "api.postmarkapp.com")
    assert dict(request.headers)["X-Postmark-Server-Token"] == "token"


ORDER = ("text/plain", "text/html", "text/calendar; method=REQUEST")


def said(kind: str, request: Any) -> dict[str, Any]:
    """What a request says, in one form for both."""
    if kind == "postmark":
        return {
            "calendar": None,
            "text": request.get("TextBody"),
            "html": request.get("HtmlBody"),
            "subject": request.get("Subject"),
            "people": [request["From"], request["To"], request.get("Cc", ""), request.get("ReplyTo", "")],
            "fields": [(each["Name"], each["Value"]) for each in request["Headers"] if each["Name"] != "X-PM-KeepID"],
        }
    texts = {each["type"]: each["value"] for each in request["content"]}
    assert list(texts) == [kind for kind in ORDER if kind in texts]
    (to,) = request["personalizations"]
    replies = request.get("reply_to_list") or [request[key] for key in ("reply_to",) if key in request]
    people = [[request["from"]], to["to"], to.get("cc", []), replies]
    return {
        "calendar": texts.get("text/calendar; method=REQUEST"),
        "text": texts.get("text/plain"),
        "html": texts.get("text/html"),
        "subject": request["subject"],
        "people": [", ".join(shown(one.get("name", ""), one["email"]) for one in field) for field in people],
        "fields": list(request["headers"].items()),
    }


def shown(name: str, address: str) -> str:
    """As in a header field."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name else address


def meant(letter: Dissected) -> dict[str, Any]:
    """What a message says, in the same form."""

    def list_of(people: tuple[Mailbox, ...]) -> str:
        return ", ".join(shown(person.name, person.address) for person in people)

    return {
        "calendar": None if letter.invitation is None else msgspec.json.decode(letter.invitation.content),
        "text": None if letter.text is None else msgspec.json.decode(letter.text),
        "html": None if letter.html is None else msgspec.json.decode(letter.html),
        "subject": letter.subject,
        "people": [list_of((letter.author,)), list_of(letter.to), list_of(letter.cc), list_of(letter.reply_to)],
        "fields": list(letter.fields),
    }


@KINDS
def test_requests_say_what_messages_say(kind: str) -> None:
    """For every message of the corpus that can be carried: decoded, the request is the message."""
    carried = 0
    for number, mail in enumerate(tomllib.loads((CORPUS / "index.toml").read_text(encoding="utf-8"))["mail"]):
        content = (CORPUS / mail["file"]).read_bytes()
        it = bench(kind)
        wanted = group(*mail["recipients"], body=content, message_id=MessageId(number.to_bytes(16, "big")))
        if asyncio.run(it.provider.survey(wanted)):
            continue
        report = asyncio.run(it.provider.attempt(wanted, yes))
        assert all(isinstance(outcome, Handover) for outcome in report.outcomes.values()), mail["file"]
        letter = dissect(content)
        assert isinstance(letter, Dissected)
        assert said(kind, it.sent) == meant(letter), mail["file"]
        files = [(file.name, file.type, file.content_id) for file in letter.files]
        given = [(name, kind.partition(";")[0], content_id) for name, kind, content_id, _ in files_of(kind, it.sent)]
        assert given == files, mail["file"]
        carried += 1
    assert carried > 150


@KINDS
def test_a_file_of_megabytes_arrives_in_one_piece(kind: str) -> None:
    """What is worked on in turns is the same as what is worked on at once."""
    line = b"QUJD" * 19 + b"\r\n"
    content = PLAIN.replace(
        b"\r\n\r\nHello\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    content += (
        b"--b\r\n\r\nHello\r\n--b\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    content += line * 60_000 + b"--b--\r\n"
    it = bench(kind)
    asyncio.run(it.provider.attempt(group(body=content), yes))
    assert files_of(kind, it.sent) == [("a.png", "image/png", "", b"ABC" * 19 * 60_000)]


@pytest.mark.parametrize("subject", [b"", b"Subject: \r\n", b"Subject: =?utf-8?q?_?=\r\n"])
def test_mail_without_a_subject_goes_where_none_is_demanded(subject: bytes) -> None:
    """No subject, an empty one, one of white space: Postmark's request has none, SendGrid is no candidate."""
    wanted = group(body=PLAIN.replace(b"Subject: s\r\n", subject))
    assert surveyed(bench("sendgrid").provider.survey(wanted)) == "cannot carry: no subject: SendGrid demands one"
    it = bench("postmark")
    asyncio.run(it.provider.attempt(wanted, yes))
    assert "Subject" not in it.sent


@KINDS
def test_white_space_around_a_subject_is_let_go(kind: str) -> None:
    """Nobody sees it, and the providers would refuse some of it."""
    it = bench(kind)
    asyncio.run(it.provider.attempt(group(body=PLAIN.replace(b"Subject: s", b"Subject: =?utf-8?q?_x_?=")), yes))
    assert it.sent.get("subject", it.sent.get("Subject")) == "x"


@KINDS
@pytest.mark.parametrize("body", [b"", b"\r\n", b" \r\n\r\n"])
def test_mail_that_says_nothing_has_an_empty_line(kind: str, body: bytes) -> None:
    """Both demand a text: they get one line without anything in it."""
    it = bench(kind)
    asyncio.run(it.provider.attempt(group(body=PLAIN.removesuffix(b"Hello\r\n") + body), yes))
    assert said(kind, it.sent)["text"] == "\r\n"
    assert said(kind, it.sent)["html"] is None


def with_part(head: bytes, content: bytes = b"eA==", text: bytes = b"--b\r\n\r\nHello\r\n") -> bytes:
    """A message with a file of this header behind its text."""
    body = (
        PLAIN.removesuffix(b"\r\nHello\r\n") + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    return (
        body + text + b"--b\r\nContent-Transfer-Encoding: base64\r\n" + head + b"\r\n\r\n" + content + b"\r\n--b--\r\n"
    )


TYPES = [
    (b"text/csv; header=present; charset=utf-8", "text/csv", "text/csv; header=present"),
    (
        b'text/calendar; charset=utf-8; method="request"',
        "text/calendar; method=REQUEST",
        "text/calendar; method=request",
    ),
    (b"text/calendar; method=CANCEL", "", "text/calendar; method=CANCEL"),
    (b'application/x; profile="a \\"b\\" c;"', "", 'application/x; profile="a \\"b\\" c;"'),
    (
        b"application/octet-stream; type=x; x-unix-mode=0644",
        "application/octet-stream",
        "application/octet-stream; type=x",
    ),
]


@pytest.mark.parametrize(("written", "sendgrid", "postmark"), TYPES)
def test_parameters_go_where_they_can(written: bytes, sendgrid: str, postmark: str) -> None:
    """Postmark takes every parameter; SendGrid one, and what no reader looks at may be missing there."""
    wanted = group(body=with_part(b"Content-Type: " + written + b"\r\nContent-Disposition: attachment; filename=a"))
    for kind, expected in (("sendgrid", sendgrid), ("postmark", postmark)):
        it = bench(kind)
        told = surveyed(it.provider.survey(wanted))
        assert ("with the parameter" in told) == (not expected), (kind, told)
        if expected:
            asyncio.run(it.provider.attempt(wanted, yes))
            assert [kind for _, kind, _, _ in files_of(kind, it.sent)] == [expected]


def test_an_invitation_goes_as_the_last_text() -> None:
    """SendGrid has a place for it, for a request; Postmark has none."""
    calendar = b"--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n--b--\r\n"
    body = (
        PLAIN.removesuffix(b"\r\nHello\r\n")
        + b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    )
    wanted = group(body=body + b"--b\r\n\r\nHello\r\n" + calendar)
    it = bench("sendgrid")
    asyncio.run(it.provider.attempt(wanted, yes))
    assert it.sent["content"] == [
        {"type": "text/plain", "value": "Hello"},
        {"type": "text/calendar; method=REQUEST", "value": "BEGIN:VCALENDAR"},
    ]
    assert "Postmark has no field" in surveyed(bench("postmark").provider.survey(wanted))
    cancel = group(body=wanted.body.replace(b"=REQUEST", b"=CANCEL"))
    assert "method is not REQUEST" in surveyed(bench("sendgrid").provider.survey(cancel))


@KINDS
def test_a_reason_names_the_part(kind: str) -> None:
    """Whoever reads it knows which attachment it was."""
    empty = with_part(b"Content-Disposition: attachment; filename=a.csv", b"")
    assert surveyed(bench(kind).provider.survey(group(body=empty))) == "cannot carry: an empty file (part 2)"
