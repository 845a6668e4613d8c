"""Providers that tell of our mail, as far as tests need them: their keys, their posts, and the readers for them."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import HttpRequest, HttpResponse, Target
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming
from posthorse.providers.postmark_notices import PostmarkNotices
from posthorse.providers.sendgrid_notices import SendGridNotices
from posthorse.providers.ses_notices import SesNotices
from posthorse.providers.sns_certificate import CertificateMemory

NOW = 1_772_446_540_000_000
"""2026-03-02T10:15:40Z, microseconds."""
TOPIC = "arn:aws:sns:us-east-1:123456789012:posthorse"
HOST = "sns.us-east-1.amazonaws.com"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b2c3d4e5f60718293a4b5c6d7e8f9.pem"
USER, PASSWORD = "postmark", "correct horse battery staple"

SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
SIGNED_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@cache
def sns_key(name: str = "sns") -> rsa.RSAPrivateKey:
    """A key that signs; another for each name."""
    del name
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def certificate(name: str = "sns", common_name: str = "sns.amazonaws.com", days: int = 365, begins: int = -1) -> bytes:
    """A certificate in PEM for the key of this name, about the time of the tests."""
    key = sns_key(name)
    now = datetime.fromtimestamp(NOW // 1_000_000, UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    """The key with which SendGrid signs."""
    return ec.generate_private_key(ec.SECP256R1())


def public_key() -> str:
    """Its other half, as SendGrid shows it."""
    encoded = (
        sendgrid_key()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(encoded).decode()


@dataclass
class FakeExchange:
    """An HTTP exchange with answers by host and path, which remembers what was asked."""

    answers: dict[str, HttpResponse | Exception] = field(default_factory=dict)
    asked: list[HttpRequest] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """Until it is set nobody gets an answer."""

    async def exchange(self, request: HttpRequest, *, before_last_bytes: Callable[[], Awaitable[bool]]) -> HttpResponse:
        """The answer for this address; 404 for one that has none."""
        assert await before_last_bytes()
        self.asked.append(request)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.get(f"{request.target.host}{request.path.partition('?')[0]}", HttpResponse(status=404))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def prepare(self, target: Target, connections: int) -> None:
        """Nothing."""


def serving(pem: bytes | None = None) -> FakeExchange:
    """An SNS that serves its certificate and confirms subscriptions."""
    host, _, path = CERTIFICATE_URL.removeprefix("https://").partition("/")
    return FakeExchange(
        answers={
            f"{host}/{path}": HttpResponse(status=200, body=pem or certificate()),
            f"{host}/": HttpResponse(status=200, body=b"<ConfirmSubscriptionResponse/>"),
        }
    )


def ses(
    exchange: FakeExchange | None = None, *, pinned: bytes = b"", memory: CertificateMemory | None = None
) -> SesNotices:
    """A reader for SES."""
    return SesNotices(
        provider=ProviderName("ses"),
        topics=[TOPIC],
        exchange=exchange or serving(),
        certificate=pinned,
        memory=memory,
    )


def sendgrid() -> SendGridNotices:
    """A reader for SendGrid."""
    return SendGridNotices(provider=ProviderName("sendgrid"), public_key=public_key())


def postmark(**more: str) -> PostmarkNotices:
    """A reader for Postmark."""
    return PostmarkNotices(provider=ProviderName("postmark"), username=USER, password=PASSWORD, **more)


def wrapped(message: str, **fields: str) -> bytes:
    """A message in an envelope of SNS, not signed."""
    return json.dumps(envelope(message, **fields)).encode()


def envelope(message: str, **fields: Any) -> dict[str, Any]:
    """The fields of an envelope; those that are None are left out."""
    made = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message,
        "Timestamp": "2026-03-02T10:15:32.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def confirmation(kind: str = "SubscriptionConfirmation", **fields: Any) -> dict[str, Any]:
    """The fields of a confirmation."""
    return envelope(
        "You have chosen to subscribe to the topic.",
        **{
            "Type": kind,
            "Subject": None,
            "Token": "2336412f37fb687f5d51e6e2425f004a",
            "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
            **fields,
        },
    )


def signed(fields: Mapping[str, Any], key: str = "sns", *, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The same with its signature; `names`: of other fields than those that belong to it."""
    names = names or (SIGNED if fields.get("Type") == "Notification" else SIGNED_CONFIRMATION)
    text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields).encode()
    algorithm = hashes.SHA256() if fields.get("SignatureVersion") == "2" else hashes.SHA1()  # noqa: S303
    return {**fields, "Signature": base64.b64encode(sns_key(key).sign(text, padding.PKCS1v15(), algorithm)).decode()}


def sns_post(fields: Mapping[str, Any], *, now: int = NOW, kind: str = "", peer: str = "192.0.2.9") -> Incoming:
    """What SNS posts; `kind`: another type in the header field than in the body."""
    headers = sns_headers(kind or str(fields.get("Type", "")), str(fields.get("TopicArn", "")))
    return Incoming(headers=headers, body=json.dumps(fields).encode(), now=now, peer=peer)


def sns_headers(kind: str = "Notification", topic: str = TOPIC) -> dict[str, str]:
    """The header fields with which SNS posts."""
    return {"x-amz-sns-message-type": kind, "x-amz-sns-topic-arn": topic}


def sendgrid_headers(body: bytes, at_s: int | str = NOW // 1_000_000) -> dict[str, str]:
    """The header fields with which SendGrid signs a body."""
    signature = sendgrid_key().sign(str(at_s).encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": str(at_s),
    }


def basic(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """The header field with user and password."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def verdict(incoming: Incoming, reader: SesNotices | None = None) -> Genuine | Attended | Forged:
    """What the door says to one post."""
    return asyncio.run((reader or ses()).verify(incoming))


def why(incoming: Incoming, reader: SesNotices | None = None) -> str:
    """The word for what is not let in."""
    found = verdict(incoming, reader)
    assert isinstance(found, Forged), found
    return found.why
