"""Real clients send through a running gateway, and what they sent is in the mailboxes it was meant for."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest

from posthorse.control.requests import QueueShow
from posthorse.lab.mailbox import Arrival
from tests.scenarios import client_mails
from tests.scenarios.client_mails import BINARY, HTML, SUBJECT, TEXT, Mail
from tests.scenarios.clients import KEY, REGION, SECRET, Runner, Said, Shop

pytestmark = pytest.mark.needs("node")

CLIENTS = ("boto3", "JavaScript", "AWS CLI")
WAYS = ("v1 simple", "v1 raw", "v1 raw by headers", "v2 simple", "v2 raw", "v2 raw by headers")
OTHERS = ("nodemailer ses", "nodemailer smtp", "django-ses v1", "django-ses v2", "django-anymail")
ALL = tuple(f"{client}: {way}" for client in CLIENTS for way in WAYS) + OTHERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One mail and what became of it."""

    mail: Mail
    said: Said
    receipt: str
    arrivals: list[Arrival]
    handed_over: EmailMessage
    attributes: Mapping[str, str]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A gateway that takes mail from example.com."""
    runner = Runner(tmp_path_factory.mktemp("sending"), "")
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def sent(stage: Runner) -> Mapping[str, Sent]:
    """Every mail of every client, once all have arrived."""
    return stage.run(_sent(stage.shop))


async def _sent(shop: Shop) -> Mapping[str, Sent]:
    told = await _by_calls(shop) | await _by_mail_libraries(shop)
    receipts = {name: _receipt(said) for name, (_, said) in told.items()}
    arrived = await shop.arrived(receipts.values())
    handed_over = await shop.mails()
    found = {}
    for name, (mail, said) in told.items():
        shown = await shop.running.ask(QueueShow(id=receipts[name]))
        found[name] = Sent(
            mail=mail,
            said=said,
            receipt=receipts[name],
            arrivals=arrived[receipts[name]],
            handed_over=handed_over[receipts[name]],
            attributes=shown.attributes,
        )
    return found


async def _by_calls(shop: Shop) -> dict[str, tuple[Mail, Said]]:
    mails = {client: client_mails.by_ses(client, b"text" if client == "AWS CLI" else BINARY) for client in CLIENTS}
    calls = {client: [mail.call for mail in mails[client]] for client in CLIENTS}
    told = await asyncio.gather(
        shop.boto3(calls["boto3"]), shop.javascript(calls["JavaScript"]), shop.aws(calls["AWS CLI"])
    )
    return {
        f"{client}: {mail.name}": (mail, said)
        for client, answers in zip(CLIENTS, told, strict=True)
        for mail, said in zip(mails[client], answers, strict=True)
    }


async def _by_mail_libraries(shop: Shop) -> dict[str, tuple[Mail, Said]]:
    orders = [client_mails.as_nodemailer_takes_it(transport) for transport in ("ses", "smtp")]
    headers = {"X-SES-CONFIGURATION-SET": "orders", "X-SES-MESSAGE-TAGS": "campaign=order-shipped"}
    extra = {
        "esp_extra": {"ConfigurationSetName": "orders", "EmailTags": [{"Name": "campaign", "Value": "order-shipped"}]}
    }
    mails = [
        client_mails.as_django_takes_it("django-ses v1", {}, headers),
        client_mails.as_django_takes_it("django-ses v2", {}, headers),
        client_mails.as_django_takes_it("django-anymail", extra, {}),
    ]
    settings = (_django_ses(shop, use_v2=False), _django_ses(shop, use_v2=True), ANYMAIL)
    nodemailer, *django = await asyncio.gather(
        shop.nodemailer([order for _, order in orders]),
        *(shop.django(asked, [words]) for asked, (_, words) in zip(settings, mails, strict=True)),
    )
    told = {mail.name: (mail, said) for (mail, _), said in zip(orders, nodemailer, strict=True)}
    return told | {mail.name: (mail, said) for (mail, _), (said,) in zip(mails, django, strict=True)}


def _django_ses(shop: Shop, *, use_v2: bool) -> dict[str, Any]:
    """Settings as its manual has them; it brings an endpoint of its own, and asks for the quota before it sends."""
    return {
        "EMAIL_BACKEND": "django_ses.SESBackend",
        "AWS_SES_ACCESS_KEY_ID": KEY,
        "AWS_SES_SECRET_ACCESS_KEY": SECRET,
        "AWS_SES_REGION_NAME": REGION,
        "AWS_SES_REGION_ENDPOINT_URL": shop.url,
        "AWS_SES_AUTO_THROTTLE": 0.5,
        "USE_SES_V2": use_v2,
    }


ANYMAIL = {"EMAIL_BACKEND": "anymail.backends.amazon_ses.EmailBackend", "ANYMAIL": {}}


def _receipt(said: Said) -> str:
    """The message id; Nodemailer's SMTP transport has it in the server's last words."""
    assert not said.error, said
    receipt = said.answer.get("MessageId") or str(said.answer["response"])
    found = re.search("[0-9a-f]{32}", receipt)
    assert found is not None, said
    return found[0]


@pytest.mark.parametrize("name", ALL)
def test_every_recipient_gets_it_once_and_nobody_else(name: str, sent: Mapping[str, Sent]) -> None:
    """To, Cc and Bcc alike, from the parameters or from the headers."""
    one = sent[name]
    assert sorted(arrival.recipient for arrival in one.arrivals) == sorted(one.mail.recipients)


@pytest.mark.parametrize("name", ALL)
def test_what_a_reader_sees_is_what_was_sent(name: str, sent: Mapping[str, Sent]) -> None:
    """Names, subject, both bodies and every attachment, letter for letter; nobody sees who was Bcc."""
    one = sent[name]
    seen = one.handed_over
    author, address = parseaddr(_raw(seen, "from"))
    assert (_words(author), address) == (one.mail.author, "shop@example.com")
    assert _words(_raw(seen, "subject")) == SUBJECT
    assert seen["To"].addresses[0].addr_spec.startswith("to@")
    assert seen["Cc"].addresses[0].addr_spec == one.mail.cc
    assert seen["Reply-To"].addresses[0].addr_spec == one.mail.reply_to
    assert "bcc@" not in seen.as_string()
    plain, html = seen.get_body(("plain",)), seen.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n").rstrip("\n") == TEXT.replace("\r\n", "\n").rstrip("\n")
    assert html.get_content().strip() == HTML
    assert _attachments(seen) == one.mail.attachments
    assert {header: seen[header] for header in one.mail.headers} == one.mail.headers


def _raw(seen: EmailMessage, wanted: str) -> str:
    """A field as it stands there, unfolded."""
    (value,) = [str(value) for name, value in seen.raw_items() if name.lower() == wanted]
    return re.sub(r"\r?\n(?=[ \t])", "", value).strip()


def _words(text: str) -> str:
    """Encoded words decoded; those of one text that were encoded apart belong together (RFC 2047 section 6.2)."""
    return str(make_header(decode_header(text)))


def _attachments(seen: EmailMessage) -> dict[str, bytes]:
    named = ((part.get_filename(), part) for part in seen.walk())
    return {name: _bytes(part) for name, part in named if name}


def _bytes(part: Any) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@pytest.mark.parametrize("name", ALL)
def test_configuration_set_and_tags_are_kept_and_not_sent(name: str, sent: Mapping[str, Sent]) -> None:
    """By parameter or by header: rules can use them, and no header of control leaves the house."""
    one = sent[name]
    assert {key: one.attributes.get(key) for key in one.mail.attributes} == one.mail.attributes
    left = [header for header in one.handed_over.keys() if header.lower().startswith("x-ses-")]  # noqa: SIM118
    assert left == []


@pytest.mark.parametrize("name", [name for name in ALL if ": v2" in name and "headers" not in name])
def test_a_tag_can_choose_the_stream(name: str, sent: Mapping[str, Sent], stage: Runner) -> None:
    """A client that can set tags only has a way to say how urgent its mail is."""
    rows = stage.run(stage.shop.running.recipients())
    assert {row.stream for row in rows if row.id == sent[name].receipt} == {"urgent"}


def test_answers_carry_the_id_that_support_asks_for(sent: Mapping[str, Sent]) -> None:
    """Every call of an SDK, and django-ses, which reads it, gets a request id of its own."""
    ids = [one.said.request_id for name, one in sent.items() if name.startswith(("boto3", "JavaScript", "django-ses"))]
    assert len(set(ids)) == len(ids) == 14
    assert all(re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in ids)


def test_nodemailer_verifies_both_transports_and_sends_nothing(stage: Runner, sent: Mapping[str, Sent]) -> None:
    """Its way to ask whether SES is there is a mail from nobody, which must be rejected in the right words."""
    said = stage.run(
        stage.shop.nodemailer([{"transport": "ses", "verify": True}, {"transport": "smtp", "verify": True}])
    )
    assert [(one.error, one.answer) for one in said] == [("", {"verified": True})] * 2
    rows = stage.run(stage.shop.running.recipients())
    assert {row.id for row in rows} == {one.receipt for one in sent.values()}


def test_mail_typed_on_a_command_line_arrives(stage: Runner) -> None:
    """The AWS command line has words of its own for sending; what they mean arrives at whom they name."""

    async def told(shop: Shop) -> None:
        to = ("--to", "typed-to@example.net", "--cc", "typed-cc@example.net", "--bcc", "typed-bcc@example.net")
        said = (
            "ses", "send-email", "--from", "shop@example.com", *to, "--subject", "Grüße", "--text", "3 < 4",
            "--html", "<b>3 &lt; 4</b>", "--reply-to-addresses", "help@example.com",
        )  # fmt: skip
        raw = "From: shop@example.com\nTo: typed-raw@example.net\nSubject: Grüße\n\nHello\n"
        simple, by_mime = await asyncio.gather(
            shop.typed(*said), shop.typed("ses", "send-raw-email", "--raw-message", f"Data={raw}")
        )
        arrived = await shop.arrived([simple.receipt, by_mime.receipt])
        mails = await shop.mails()
        assert {one.recipient for one in arrived[simple.receipt]} == set(to[1::2])
        assert [one.recipient for one in arrived[by_mime.receipt]] == ["typed-raw@example.net"]
        assert _words(_raw(mails[simple.receipt], "subject")) == "Grüße"
        assert b"\nHello" in mails[by_mime.receipt].as_bytes()

    stage.run(told(stage.shop))
