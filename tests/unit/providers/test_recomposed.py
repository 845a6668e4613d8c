"""Structured providers: what their requests say is what the message says, or they are no candidate."""

import asyncio
import tomllib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from posthorse.mail.ids import MessageId
from posthorse.mail.outcome import Deferral, Fault, Handover, Rejection, Reply, Scope, Unclear
from posthorse.mail.ports import ExchangeFailed, HttpResponse, NoAnswer
from posthorse.providers import recomposed
from posthorse.providers.mime.dissect import dissect
from posthorse.providers.mime.dissection import Dissected, Mailbox
from posthorse.providers.port import Fidelity, NotNow, Obstacle, Surveying
from tests.unit.providers.structured_kit import ID, PLAIN, Bench, bench, files_of, group, no, yes

CORPUS = Path(__file__).parents[2] / "corpus" / "mime"
KINDS = pytest.mark.parametrize("kind", ["sendgrid", "postmark"])


def surveyed(survey: Coroutine[Any, Any, Obstacle | None]) -> str:
    """What a survey says, in words; empty: nothing speaks against it."""
    obstacle = asyncio.run(survey)
    return "" if obstacle is None else obstacle.why


@KINDS
def test_a_structured_provider_is_asked_first(kind: str) -> None:
    """It shows as such: to be surveyed, recomposed, recipients from the fields."""
    provider = bench(kind).provider
    assert isinstance(provider, Surveying)
    assert provider.kind == kind
    assert provider.capability.fidelity is Fidelity.RECOMPOSED
    assert not provider.capability.separate_envelope


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


def said(kind: str, request: Any) -> dict[str, Any]:
    """What a request says, in one form for both."""
    if kind == "postmark":
        return {
            "text": request.get("TextBody"),
            "html": request.get("HtmlBody"),
            "subject": request["Subject"],
            "people": [request["From"], request["To"], request.get("Cc", ""), request.get("ReplyTo", "")],
            "fields": [(each["Name"], each["Value"]) for each in request["Headers"] if each["Name"] != "X-PM-KeepID"],
        }
    texts = {each["type"]: each["value"] for each in request["content"]}
    assert list(texts) == sorted(texts, reverse=True)
    (to,) = request["personalizations"]
    replies = request.get("reply_to_list") or [request[key] for key in ("reply_to",) if key in request]
    people = [[request["from"]], to["to"], to.get("cc", []), replies]
    return {
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
        assert [file[:3] for file in files_of(kind, it.sent)] == files, mail["file"]
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


REFUSED = [
    (("b@example.org", "c@example.org"), b"To: b@example.org, c@example.org", ""),
    (("b@example.org",), b"To: b@example.org, c@example.org", "not among these recipients"),
    (("c@example.org",), b"To: b@example.org", "not among these recipients"),
    (("B@example.org",), b"To: b@example.org", ""),
    (("b@example.org", "b@EXAMPLE.org"), b"To: b@example.org", "differ in case"),
    (("b@example.org",), b"To: b@example.org, B@Example.org", "twice"),
    (("b@example.org",), b"To: b@example.org\r\nCc: b@example.org", "twice"),
    (("b@example.org",), b"X-To: b@example.org", "nobody in To"),
    (("b@example.org",), b"Cc: b@example.org", "nobody in To"),
    (("b@example.org", '"x y"@example.org'), b"To: b@example.org", "blind recipient"),
    (("b@example.org",), b"To: b@example.org\r\nDKIM-Signature: v=1", "signed mail"),
    (("b@example.org",), b"To: b@example.org\r\nSubject: s", "given twice"),
]


@KINDS
@pytest.mark.parametrize(("addresses", "to", "why"), REFUSED)
def test_the_group_must_be_all_that_can_be_seen(kind: str, addresses: tuple[str, ...], to: bytes, why: str) -> None:
    """Survey and attempt say the same of a group; whoever is not visible is blind."""
    it = bench(kind)
    wanted = group(*addresses, body=PLAIN.replace(b"To: b@example.org", to))
    told = surveyed(it.provider.survey(wanted))
    report = asyncio.run(it.provider.attempt(wanted, yes))
    if not why:
        assert told == ""
        return
    assert told.startswith("cannot carry: ")
    assert why in told
    assert not it.exchange.requests
    outcome = Rejection(scope=Scope.CHANNEL, reply=Reply(text=told))
    assert report.outcomes == dict.fromkeys(range(3, 3 + len(addresses)), outcome)


@KINDS
@pytest.mark.parametrize("subject", [b"", b"Subject: \r\n", b"Subject: =?utf-8?q?_x?=\r\n"])
def test_a_subject_that_would_change_is_not_carried(kind: str, subject: bytes) -> None:
    """No subject, an empty one, white space around it."""
    told = surveyed(bench(kind).provider.survey(group(body=PLAIN.replace(b"Subject: s\r\n", subject))))
    assert told == "cannot carry: no subject, or white space around it"


@pytest.mark.parametrize(
    ("kind", "field", "why"),
    [
        ("sendgrid", b"X-SMTPAPI: {}", "keeps for itself"),
        ("sendgrid", b"X-Sg-Eid: 1", "keeps for itself"),
        ("sendgrid", b"X-A: 1\r\nx-a: 2", "more than once"),
        ("sendgrid", b'Cc: "C; D" <c@example.org>', "comma or semicolon"),
        ("postmark", b"X-PM-Tag: x", "keeps for itself"),
        ("postmark", b"X-A: 1\r\nx-a: 2", ""),
        ("postmark", b"Subject-Of: " + b"x" * 3_000, ""),
    ],
)
def test_what_one_provider_cannot_say_makes_it_no_candidate(kind: str, field: bytes, why: str) -> None:
    """Reserved fields, repeated ones, names that it splits."""
    wanted = group("b@example.org", "c@example.org", body=PLAIN.replace(b"Subject:", field + b"\r\nSubject:"))
    told = surveyed(bench(kind).provider.survey(wanted))
    assert (why in told) if why else (told == "")


def test_limits_of_postmark_are_known_before() -> None:
    """A subject of 2,000 characters, a text of 5 MB, 50 recipients, 10 MB in all."""
    subject = b"Subject: " + b"x" * 2_001
    assert "2000" in surveyed(bench("postmark").provider.survey(group(body=PLAIN.replace(b"Subject: s", subject))))
    text = PLAIN + b"0123456789\r\n" * 500_000
    assert "5 MB" in surveyed(bench("postmark").provider.survey(group(body=text)))
    quotes = PLAIN + b'"""""""""\r\n' * 450_000
    assert "a text larger" in surveyed(bench("postmark").provider.survey(group(body=quotes)))
    many = group("b@example.org", *(f"x{n}@example.org" for n in range(50)))
    assert "51 recipients at once" in surveyed(bench("postmark").provider.survey(many))


def test_a_request_that_grows_over_the_limit_is_known_before() -> None:
    """What counts is the request, in which some characters take more room than in the message."""
    text = PLAIN + b'"""""""""\r\n' * 1_500_000
    wanted = group(body=text)
    it = bench("sendgrid")
    assert len(text) < it.provider.capability.max_size_bytes
    told = surveyed(it.provider.survey(wanted))
    assert "are over its limit of 30000000" in told
    (outcome,) = asyncio.run(it.provider.attempt(wanted, yes)).outcomes.values()
    assert outcome == Rejection(scope=Scope.CHANNEL, reply=Reply(text=told))


@KINDS
def test_nothing_is_sent_without_the_release(kind: str) -> None:
    """The gate says no: the last byte stays, and nobody has an outcome."""
    it = bench(kind)
    report = asyncio.run(it.provider.attempt(group(), no))
    assert report.outcomes == {}
    assert it.exchange.kept_back == 1


@KINDS
def test_what_is_no_answer_depends_on_the_release_alone(kind: str) -> None:
    """Early: a fault. Late: unclear. Our certificates: ours."""
    it = bench(kind)
    it.exchange.script = [ExchangeFailed("early"), ExchangeFailed("late"), ExchangeFailed("early ours", ours=True)]
    outcomes = [asyncio.run(it.provider.attempt(group(), yes)).outcomes[3] for _ in range(3)]
    assert outcomes == [
        Fault(scope=Scope.CHANNEL, reply=Reply(text="early")),
        Unclear(scope=Scope.PROVIDER, reply=Reply(text="late")),
        Deferral(scope=Scope.US, reply=Reply(text="early ours")),
    ]


@KINDS
def test_what_it_refused_of_a_mail_is_not_offered_again(kind: str) -> None:
    """A refusal of the fields is remembered for this group, so that another provider or the end is next."""
    it = bench(kind)
    it.exchange.script = [HttpResponse(status=413, body=b"Payload too large")]
    asyncio.run(it.provider.attempt(group(), yes))
    assert surveyed(it.provider.survey(group())) == "refused it: 413 Payload too large"
    assert surveyed(it.provider.survey(group("b@example.org", "x@example.org"))) == ""


@KINDS
def test_what_it_said_of_itself_is_no_refusal_of_the_mail(kind: str) -> None:
    """After throttles, faults and bad credentials the mail may be offered again."""
    it = bench(kind)
    it.exchange.script = [HttpResponse(status=status) for status in (429, 401, 500, 404)]
    for _ in range(4):
        asyncio.run(it.provider.attempt(group(), yes))
    assert surveyed(it.provider.survey(group())) == ""


def test_memory_of_refusals_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten."""
    monkeypatch.setattr(recomposed, "_MOST_REFUSED", 2)
    it = bench("postmark")

    async def story(it: Bench) -> list[Obstacle | None]:
        groups = [group(message_id=MessageId(n.to_bytes(16, "big"))) for n in range(3)]
        for each in groups:
            it.exchange.script = [HttpResponse(status=413)]
            await it.provider.attempt(each, yes)
        return [await it.provider.survey(each) for each in groups]

    told = asyncio.run(story(it))
    assert [bool(each) for each in told] == [False, True, True]


@KINDS
def test_a_message_is_taken_apart_once_for_survey_and_attempt(kind: str) -> None:
    """What the survey read the attempt uses; after the handover it is forgotten."""
    it = bench(kind)

    async def story() -> None:
        await it.provider.survey(group())
        await it.provider.attempt(group(), yes)
        assert it.worker.asked == 1
        await it.provider.survey(group())
        assert it.worker.asked == 2

    asyncio.run(story())


@KINDS
def test_without_a_worker_nothing_is_known_and_nothing_lost(kind: str) -> None:
    """The survey says not now; an attempt is put off, for a reason of ours."""
    it = bench(kind)
    it.worker.down = NoAnswer("no process", ours=True)
    with pytest.raises(NotNow, match="no process"):
        asyncio.run(it.provider.survey(group()))
    (outcome,) = asyncio.run(it.provider.attempt(group(), yes)).outcomes.values()
    assert isinstance(outcome, Deferral)
    assert outcome.scope is Scope.US
    assert not it.exchange.requests


@KINDS
def test_connections_are_kept_by_the_exchange(kind: str) -> None:
    """Preparing asks it for some to the right place; an endpoint of one's own is used."""
    it = bench(kind, endpoint="http://127.0.0.1:9102")
    asyncio.run(it.provider.prepare(3))
    asyncio.run(it.provider.close())
    ((target, connections),) = it.exchange.prepared
    assert (target.host, target.port, target.tls, connections) == ("127.0.0.1", 9102, False, 3)
