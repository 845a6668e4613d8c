"""Notifications of SendGrid: an array of mixed events in one post, signed over timestamp and raw body.

Promise: one element that makes no sense costs itself, not those beside it. `processed` proves that the message was
taken; a bounce of type `blocked` says nothing against the address; `dropped` is SendGrid's own doing. Our id comes back
as a top-level field, as every custom argument does. The account's own events concern no mail.

Facts: ECDSA on P-256 with SHA-256, DER in base64, in two header fields; the key is a SubjectPublicKeyInfo in base64.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import ProviderName
from posthorse.mail.stream import SECOND
from posthorse.providers.notice_fields import (
    ID_NAME,
    MOST_EVENTS,
    MOST_TOLD,
    address_of,
    decoded,
    detail_of,
    digest_of,
    id_of,
    key_of,
    own_id_of,
    time_of,
)
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming, Unreadable

FRESH_US = 5 * 60 * SECOND
_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_MOST_SIGNATURE = 200
"""Characters; a signature of P-256 in DER needs 96."""
_MOST_KEY = 100

_KINDS: Mapping[str, EventKind] = {
    "processed": EventKind.TAKEN,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "dropped": EventKind.DROPPED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}
_NOBODY = frozenset({"account_status_change", "group_resubscribe"})
"""Events that concern no mail, or take nothing back that we keep."""


class _Element(msgspec.Struct, frozen=True):
    event: str
    email: Any = ""
    timestamp: Any = None
    sg_event_id: Any = None
    sg_message_id: Any = None
    type: Any = None
    status: Any = None
    reason: Any = None
    response: Any = None
    bounce_classification: Any = None
    own_id: Any = msgspec.field(name=ID_NAME, default=None)


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ELEMENT = msgspec.json.Decoder(_Element)


class SendGridNotices:
    """Implements `posthorse.providers.notices.NotificationReader`."""

    def __init__(self, *, provider: ProviderName, public_key: str) -> None:
        """`public_key` as SendGrid shows it. Raises ValueError."""
        self.provider = provider
        self._key = read_public_key(public_key)

    def turned_away(self, headers: Mapping[str, str], now: int) -> Forged | None:
        """Whether there is no signature, or none of the last minutes; see the port."""
        given, timestamp = headers.get(_SIGNATURE, ""), headers.get(_TIMESTAMP, "")
        if not given or not timestamp:
            return Forged(why="no_signature")
        if len(timestamp) > 12 or not timestamp.isascii() or not timestamp.isdigit():
            return Forged(why="malformed")
        if abs(now - int(timestamp) * SECOND) > FRESH_US:
            return Forged(why="stale")
        return Forged(why="signature") if len(given) > _MOST_SIGNATURE else None

    async def verify(self, incoming: Incoming) -> Genuine | Attended | Forged:
        """Whether SendGrid signed this, in the last minutes; see the port."""
        if forged := self.turned_away(incoming.headers, incoming.now):
            return forged
        given, timestamp = incoming.headers[_SIGNATURE], incoming.headers[_TIMESTAMP]
        if not self._is_signed(given, timestamp.encode("ascii"), incoming.body):
            return Forged(why="signature")
        return Genuine(key=digest_of(incoming.body))

    def _is_signed(self, given: str, timestamp: bytes, body: bytes) -> bool:
        digest = sha256(timestamp)
        digest.update(body)
        try:
            signature = base64.b64decode(given, validate=True)
            self._key.verify(signature, digest.digest(), ECDSA(Prehashed(SHA256())))
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True

    def read(self, body: bytes, facts: Mapping[str, str]) -> Sequence[Event]:
        """The events in a genuine body. Raises `Unreadable`, with the events of those elements that make sense."""
        elements = decoded(_ARRAY, body)
        if len(elements) > MOST_EVENTS:
            raise Unreadable("too many events")
        events: list[Event] = []
        senseless: list[str] = []
        for number, element in enumerate(elements):
            try:
                events += self._event(element)
            except Unreadable as error:
                senseless.append(f"[{number}] {error}")
        if senseless:
            told = "; ".join(senseless[:MOST_TOLD])
            raise Unreadable(f"{len(senseless)} of {len(elements)}: {told}", events)
        return events

    def _event(self, raw: msgspec.Raw) -> Sequence[Event]:
        element = decoded(_ELEMENT, bytes(raw))
        if element.event in _NOBODY:
            return ()
        kind = _kind_of(element)
        own_id = own_id_of(element.own_id)
        message_id = id_of(element.sg_message_id).partition(".")[0]
        if own_id is None and not message_id:
            raise Unreadable("no message id")
        address = address_of(element.email, "email")
        return [
            Event(
                provider=self.provider,
                key=_key(element, own_id, message_id, address),
                kind=kind,
                at=time_of(element.timestamp),
                recipient=address,
                message_id=own_id,
                provider_message_id=message_id,
                detail=detail_of(
                    kind=element.type or element.event,
                    code=element.status,
                    said=element.reason or element.response,
                    cause=element.bounce_classification,
                ),
            )
        ]


def _kind_of(element: _Element) -> EventKind:
    if element.event == "bounce":
        return EventKind.HARD_BOUNCED if element.type == "bounce" else EventKind.SOFT_BOUNCED
    kind = _KINDS.get(element.event)
    if kind is None:
        raise Unreadable("event: not a known one")
    return kind


def _key(element: _Element, own_id: object, message_id: str, address: str) -> str:
    given = id_of(element.sg_event_id)
    if given and len(given) <= _MOST_KEY:
        return given
    return key_of(element.event, own_id, message_id, address.lower(), element.timestamp, element.type)


def read_public_key(text: str) -> EllipticCurvePublicKey:
    """The key as SendGrid shows it: base64 without the lines around it, which are taken as well. Raises ValueError."""
    bare = "".join(line.strip() for line in text.splitlines() if "-----" not in line)
    try:
        key = load_der_public_key(base64.b64decode(bare, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no public key in base64") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("is no key on the curve P-256")
    return key
