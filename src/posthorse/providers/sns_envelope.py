"""The envelope in which SNS brings anything over HTTPS: its fields, and what of them is signed.

Facts (SNS developer guide, "Verifying the signatures of Amazon SNS messages"): the signature is RSA over lines of name
and value in a fixed order, hashed with SHA1 (`SignatureVersion` 1) or SHA256 (2); Subject is among them only when the
message has one.

Promise: pure; of a field that stands twice the last counts, for signature and reading alike.
Left out: whose key signs (`sns_certificate`), and what the message says.
"""

import base64
import binascii
from collections.abc import Iterator

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from posthorse.providers.notice_fields import decoded

NOTIFICATION = "Notification"
SUBSCRIPTION = "SubscriptionConfirmation"
UNSUBSCRIPTION = "UnsubscribeConfirmation"

_HASHES: dict[str, HashAlgorithm] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - version 1 is what SNS signs by default
_MOST_SIGNATURE = 2_048
"""Characters; RSA of 8,192 bits needs 1,368."""


class Envelope(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    """What SNS posted."""

    type: str
    message_id: str
    topic_arn: str
    message: str
    timestamp: str
    signature_version: str = ""
    signature: str = ""
    signing_cert_url: str = msgspec.field(name="SigningCertURL", default="")
    subject: str | None = None
    token: str = ""
    subscribe_url: str = msgspec.field(name="SubscribeURL", default="")


_DECODER = msgspec.json.Decoder(Envelope)


def read_envelope(body: bytes) -> Envelope:
    """The envelope. Raises `Unreadable`."""
    return decoded(_DECODER, body)


def signed_text(envelope: Envelope) -> bytes:
    """What the signature is over."""
    return b"".join(f"{name}\n{value}\n".encode("utf-8", "surrogatepass") for name, value in _signed_fields(envelope))


def _signed_fields(envelope: Envelope) -> Iterator[tuple[str, str]]:
    notification = envelope.type == NOTIFICATION
    yield "Message", envelope.message
    yield "MessageId", envelope.message_id
    if notification and envelope.subject is not None:
        yield "Subject", envelope.subject
    if not notification:
        yield "SubscribeURL", envelope.subscribe_url
    yield "Timestamp", envelope.timestamp
    if not notification:
        yield "Token", envelope.token
    yield "TopicArn", envelope.topic_arn
    yield "Type", envelope.type


def is_version_known(envelope: Envelope) -> bool:
    """Whether it is signed in a way we can check."""
    return envelope.signature_version in _HASHES


def is_signed_by(envelope: Envelope, key: RSAPublicKey) -> bool:
    """Whether the signature holds."""
    if len(envelope.signature) > _MOST_SIGNATURE:
        return False
    try:
        signature = base64.b64decode(envelope.signature, validate=True)
        key.verify(signature, signed_text(envelope), PKCS1v15(), _HASHES[envelope.signature_version])
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
