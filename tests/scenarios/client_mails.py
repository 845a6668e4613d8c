"""The mails that every client sends: asked for in each way the SES API has, with all that applications put into mail.

Left out: sending them (`clients`), comparing (`test_client_sending`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from tests.scenarios.clients import Call

BINARY = bytes(range(256)) * 40
TEXT = "Guten Tag,\r\n\r\nIhre Bestellung ist unterwegs: 3 \u00d7 Käse, 10 €.\r\n.\r\n..\r\nFrom hier\r\n"
HTML = '<p>Guten Tag,</p><p>3 \u00d7 <b>Käse</b>, 10 €. <a href="https://example.com/?a=1&amp;b=2">Mehr</a></p>'
SUBJECT = "Ihre Bestellung Nr. 17 ist unterwegs \u2013 日本語も大丈夫 ✓ und so lang, dass ein Client sie falten muss"
SHOP = '"Jörg Müller, Käse & Wein" <shop@example.com>'
SHOP_ENCODED = "=?utf-8?q?J=C3=B6rg_M=C3=BCller=2C_K=C3=A4se_=26_Wein?= <shop@example.com>"
TAGS = (("campaign", "order-shipped"), ("posthorse:stream", "urgent"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to be sent, and what must come of it."""

    name: str
    recipients: frozenset[str]
    call: Call
    author: str = "Jörg Müller, Käse & Wein"
    """Display name of From, as a reader sees it."""
    cc: str = ""
    reply_to: str = ""
    html: bool = True
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the gateway keeps beside the message."""


def by_ses(client: str, attachment: bytes) -> list[Mail]:
    """One mail for each way of asking, its addresses named after the client. `attachment`: what the client can send."""
    return [
        _v1_simple(client), _v1_raw(client), _v1_raw_by_headers(client),
        _v2_simple(client, attachment), _v2_raw(client), _v2_raw_by_headers(client),
    ]  # fmt: skip


def _addresses(client: str, way: str) -> dict[str, str]:
    """One address of each kind."""
    place = f"{client}.{way}".replace(" ", "-").lower()
    return {kind: f"{kind}@{place}.example.net" for kind in ("to", "cc", "bcc")}


_ATTRIBUTES = {"configuration_set": "orders", "tag:campaign": "order-shipped"}


def _v1_simple(client: str) -> Mail:
    to = _addresses(client, "v1-simple")
    call = {
        "Source": SHOP_ENCODED,
        "Destination": {
            "ToAddresses": [f"=?utf-8?b?w4RkYQ==?= <{to['to']}>"],
            "CcAddresses": [to["cc"]],
            "BccAddresses": [to["bcc"]],
        },
        "Message": {
            "Subject": {"Data": SUBJECT, "Charset": "UTF-8"},
            "Body": {"Text": {"Data": TEXT, "Charset": "UTF-8"}, "Html": {"Data": HTML, "Charset": "UTF-8"}},
        },
        "ReplyToAddresses": ["help@example.com"],
        "ReturnPath": "bounces@example.com",
        "ConfigurationSetName": "orders",
        "Tags": [{"Name": "campaign", "Value": "order-shipped"}],
    }
    return Mail(
        name="v1 simple",
        recipients=frozenset(to.values()),
        call={"service": "ses", "operation": "SendEmail", "input": call},
        cc=to["cc"],
        reply_to="help@example.com",
        attributes=_ATTRIBUTES,
    )


def _v1_raw(client: str) -> Mail:
    to = _addresses(client, "v1-raw")
    call = {
        "Source": "shop@example.com",
        "Destinations": list(to.values()),
        "RawMessage": {"Data": raw(to)},
        "ConfigurationSetName": "orders",
        "Tags": [{"Name": "campaign", "Value": "order-shipped"}],
    }
    return _raw_mail("v1 raw", to, {"service": "ses", "operation": "SendRawEmail", "input": call})


def _v1_raw_by_headers(client: str) -> Mail:
    to = _addresses(client, "v1-raw-by-headers")
    more = {"Bcc": to["bcc"], "X-SES-CONFIGURATION-SET": "orders", "X-SES-MESSAGE-TAGS": "campaign=order-shipped"}
    call = {"RawMessage": {"Data": raw(to, **more)}}
    return _raw_mail("v1 raw by headers", to, {"service": "ses", "operation": "SendRawEmail", "input": call})


def _v2_simple(client: str, attachment: bytes) -> Mail:
    to = _addresses(client, "v2-simple")
    simple = {
        "Subject": {"Data": SUBJECT},
        "Body": {"Text": {"Data": TEXT}, "Html": {"Data": HTML}},
        "Headers": [{"Name": "X-Order", "Value": "17"}, {"Name": "List-Unsubscribe", "Value": "<https://example.com/u>"}],
        "Attachments": [
            {"RawContent": attachment, "FileName": "Übersicht.bin", "ContentType": "application/x-thing"},
            {
                "RawContent": b"<svg/>", "FileName": "logo.svg", "ContentType": "image/svg+xml",
                "ContentDisposition": "INLINE", "ContentId": "logo",
            },
        ],
    }  # fmt: skip
    call = {
        "FromEmailAddress": SHOP_ENCODED,
        "Destination": {"ToAddresses": [to["to"]], "CcAddresses": [to["cc"]], "BccAddresses": [to["bcc"]]},
        "ReplyToAddresses": ["help@example.com"],
        "FeedbackForwardingEmailAddress": "bounces@example.com",
        "Content": {"Simple": simple},
        "EmailTags": [{"Name": name, "Value": value} for name, value in TAGS],
        "ConfigurationSetName": "orders",
    }
    return Mail(
        name="v2 simple",
        recipients=frozenset(to.values()),
        call={"service": "sesv2", "operation": "SendEmail", "input": call},
        cc=to["cc"],
        reply_to="help@example.com",
        attachments={"Übersicht.bin": attachment, "logo.svg": b"<svg/>"},
        headers={"X-Order": "17", "List-Unsubscribe": "<https://example.com/u>"},
        attributes=_ATTRIBUTES,
    )


def _v2_raw(client: str) -> Mail:
    to = _addresses(client, "v2-raw")
    call = {
        "FromEmailAddress": SHOP_ENCODED,
        "Destination": {"ToAddresses": [to["to"], to["bcc"]], "CcAddresses": [to["cc"]]},
        "Content": {"Raw": {"Data": raw(to)}},
        "EmailTags": [{"Name": name, "Value": value} for name, value in TAGS],
        "ConfigurationSetName": "orders",
    }
    return _raw_mail("v2 raw", to, {"service": "sesv2", "operation": "SendEmail", "input": call})


def _v2_raw_by_headers(client: str) -> Mail:
    to = _addresses(client, "v2-raw-by-headers")
    more = {"Bcc": to["bcc"], "X-SES-CONFIGURATION-SET": "orders", "X-SES-MESSAGE-TAGS": "campaign=order-shipped"}
    call = {"Content": {"Raw": {"Data": raw(to, **more)}}}
    return _raw_mail("v2 raw by headers", to, {"service": "sesv2", "operation": "SendEmail", "input": call})


def _raw_mail(name: str, to: Mapping[str, str], call: Call) -> Mail:
    return Mail(
        name=name,
        recipients=frozenset(to.values()),
        call=call,
        cc=to["cc"],
        reply_to="help@example.com",
        attachments={"Übersicht.bin": BINARY},
        headers={"X-Order": "17"},
        attributes=_ATTRIBUTES,
    )


def raw(to: Mapping[str, str], **more: str) -> bytes:
    """MIME as an application makes it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Cc"] = SHOP, f"Äda <{to['to']}>", to["cc"]
    mail["Subject"], mail["Reply-To"], mail["X-Order"] = SUBJECT, "help@example.com", "17"
    for name, value in more.items():
        mail[name] = value
    mail.set_content(TEXT.replace("\r\n", "\n"), cte="base64")
    mail.add_alternative(HTML, subtype="html")
    mail.add_attachment(BINARY, maintype="application", subtype="x-thing", filename="Übersicht.bin")
    return mail.as_bytes().replace(b"\n", b"\r\n")


def as_nodemailer_takes_it(transport: str) -> tuple[Mail, dict[str, Any]]:
    """The same mail in Nodemailer's words."""
    to = _addresses("nodemailer", transport)
    mail: dict[str, Any] = {
        "from": {"name": "Jörg Müller, Käse & Wein", "address": "shop@example.com"},
        "to": {"name": "Äda", "address": to["to"]},
        "cc": to["cc"],
        "bcc": to["bcc"],
        "replyTo": "help@example.com",
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "headers": {"X-Order": "17"},
        "attachments": [{"filename": "Übersicht.bin", "content": BINARY.hex(), "encoding": "hex"}],
    }
    attributes: dict[str, str] = {}
    if transport == "ses":
        mail["ses"] = {"ConfigurationSetName": "orders", "EmailTags": [{"Name": "campaign", "Value": "order-shipped"}]}
        attributes = _ATTRIBUTES
    return _native("nodemailer " + transport, to, attributes), {"transport": transport, "mail": mail}


def as_django_takes_it(
    backend: str, extra: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[Mail, dict[str, Any]]:
    """The same mail in Django's words; `extra` and `headers` are those of one backend."""
    to = _addresses(backend, "django")
    mail: dict[str, Any] = {
        "from_email": SHOP,
        "to": [f"Äda <{to['to']}>"],
        "cc": [to["cc"]],
        "bcc": [to["bcc"]],
        "reply_to": ["help@example.com"],
        "subject": SUBJECT,
        "body": TEXT,
        "html": HTML,
        "headers": {"X-Order": "17", **headers},
        "attachments": [("note.txt", "Grüße", "text/plain")],
        "extra": dict(extra),
    }
    return _native(backend, to, _ATTRIBUTES, {"note.txt": "Grüße".encode()}), mail


def _native(
    name: str, to: Mapping[str, str], attributes: Mapping[str, str], attachments: Mapping[str, bytes] | None = None
) -> Mail:
    return Mail(
        name=name,
        recipients=frozenset(to.values()),
        call={},
        cc=to["cc"],
        reply_to="help@example.com",
        attachments={"Übersicht.bin": BINARY} if attachments is None else attachments,
        headers={"X-Order": "17"},
        attributes=attributes,
    )
