"""Notifications of Postmark: one object in each post, proved by a password, since Postmark signs nothing.

Promise: what is compared takes the same time however much of it is right. A wrong password is answered with 401, after
which Postmark tries again (a 403 would end it), so that a password changed here first loses nothing.

Postmark gives an event no id. Its key is made of what happened, message, recipient and time (and the bounce's own id);
but a hard bounce and a complaint are one thing for each recipient of a message, whether the bounce itself tells of them
or the change of the subscription that follows, so their key is made without the time.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import ProviderName
from posthorse.providers.notice_fields import ID_NAME, decoded, digest_of, fanned_out, id_of, own_id_of, time_of
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming, Unreadable

_BOUNCES: Mapping[str, EventKind | None] = {
    "HardBounce": EventKind.HARD_BOUNCED,
    "BadEmailAddress": EventKind.HARD_BOUNCED,
    "SpamComplaint": EventKind.COMPLAINED,
    "Transient": EventKind.DEFERRED,
    "ChallengeVerification": EventKind.DEFERRED,
    "SoftBounce": EventKind.SOFT_BOUNCED,
    "DnsError": EventKind.SOFT_BOUNCED,
    "SpamNotification": EventKind.SOFT_BOUNCED,
    "VirusNotification": EventKind.SOFT_BOUNCED,
    "Blocked": EventKind.SOFT_BOUNCED,
    "DMARCPolicy": EventKind.SOFT_BOUNCED,
    "Unknown": EventKind.SOFT_BOUNCED,
    "ManuallyDeactivated": EventKind.DROPPED,
    "Unconfirmed": EventKind.DROPPED,
    "SMTPApiError": EventKind.DROPPED,
    "TemplateRenderingFailed": EventKind.DROPPED,
    "Unsubscribe": EventKind.UNSUBSCRIBED,
    "AutoResponder": EventKind.DELIVERED,
    "AddressChange": EventKind.DELIVERED,
    "Subscribe": None,
    "OpenRelayTest": None,
    "InboundError": None,
}
"""What each `Type` of a bounce means; None: nothing for the mail we sent. One not listed is taken for a soft bounce:
nobody is suppressed for a word we do not know.
"""
_REASONS: Mapping[str, EventKind] = {
    "HardBounce": EventKind.HARD_BOUNCED,
    "SpamComplaint": EventKind.COMPLAINED,
}
_ONCE = frozenset({EventKind.HARD_BOUNCED, EventKind.COMPLAINED})
_NO_MESSAGE = "00000000-0000-0000-0000-000000000000"


class _Notice(msgspec.Struct, rename="pascal", frozen=True):
    record_type: str
    message_id: str | None = msgspec.field(name="MessageID", default=None)
    recipient: str | None = None
    email: str | None = None
    metadata: Any = None
    number: Any = msgspec.field(name="ID", default=None)
    type: str | None = None
    delivered_at: Any = None
    bounced_at: Any = None
    received_at: Any = None
    changed_at: Any = None
    description: Any = None
    details: Any = None
    origin: str | None = None
    suppress_sending: bool | None = None
    suppression_reason: str | None = None


_DECODER = msgspec.json.Decoder(_Notice)


class PostmarkNotices:
    """Implements `posthorse.providers.notices.NotificationReader`."""

    def __init__(
        self, *, provider: ProviderName, username: str, password: str, header: str = "", header_value: str = ""
    ) -> None:
        """`header`, `header_value`: a field that every notification must have, too; empty: none."""
        self.provider = provider
        self._login = _digest(f"{username}:{password}".encode())
        self._header = header.lower()
        self._header_value = _digest(header_value.encode())

    def turned_away(self, headers: Mapping[str, str], now: int) -> Forged | None:
        """Whether the sender does not know the password, or the header if there is one; see the port."""
        del now
        given = headers.get("authorization", "")
        if not given:
            return Forged(why="no_credentials", status=401)
        if not hmac.compare_digest(_digest(_login_of(given)), self._login):
            return Forged(why="credentials", status=401)
        if self._header:
            value = headers.get(self._header, "").encode("utf-8", "surrogatepass")
            if not hmac.compare_digest(_digest(value), self._header_value):
                return Forged(why="header", status=401)
        return None

    async def verify(self, incoming: Incoming) -> Genuine | Attended | Forged:
        """Whether the header fields prove it; see the port."""
        return self.turned_away(incoming.headers, incoming.now) or Genuine(key=digest_of(incoming.body))

    def read(self, body: bytes, facts: Mapping[str, str]) -> Sequence[Event]:
        """The events in a genuine body: one, or none. Raises `Unreadable`."""
        notice = decoded(_DECODER, body)
        match notice.record_type:
            case "Delivery":
                return self._event(notice, EventKind.DELIVERED, notice.recipient, notice.delivered_at)
            case "Bounce":
                kind = _BOUNCES.get(notice.type or "", EventKind.SOFT_BOUNCED)
                return self._event(notice, kind, notice.email, notice.bounced_at) if kind else ()
            case "SpamComplaint":
                return self._event(notice, EventKind.COMPLAINED, notice.email, notice.bounced_at)
            case "Open":
                return self._event(notice, EventKind.OPENED, notice.recipient, notice.received_at)
            case "Click":
                return self._event(notice, EventKind.CLICKED, notice.recipient, notice.received_at)
            case "SubscriptionChange":
                return self._change(notice)
            case "Inbound" | "SMTPApiError":
                return ()
            case _:
                raise Unreadable("RecordType: not a known one")

    def _change(self, notice: _Notice) -> Sequence[Event]:
        """What suppresses an address at Postmark; a change by an operator there, and its undoing, are no news of
        mail.
        """
        if not notice.suppress_sending or notice.message_id in (None, "", _NO_MESSAGE):
            return ()
        if kind := _REASONS.get(notice.suppression_reason or ""):
            return self._event(notice, kind, notice.recipient, notice.changed_at)
        if notice.origin == "Recipient":
            return self._event(notice, EventKind.UNSUBSCRIBED, notice.recipient, notice.changed_at)
        return ()

    def _event(self, notice: _Notice, kind: EventKind, recipient: str | None, at: object) -> Sequence[Event]:
        if recipient is None:
            raise Unreadable("no recipient")
        told = {"kind": notice.type or notice.record_type, "said": notice.details or notice.description}
        return fanned_out(
            self.provider,
            kind,
            [(recipient, told)],
            own_id=own_id_of(notice.metadata.get(ID_NAME) if isinstance(notice.metadata, dict) else None),
            provider_message_id=id_of(notice.message_id) if notice.message_id != _NO_MESSAGE else "",
            at=time_of(at),
            key_parts=() if kind in _ONCE else (at, notice.number),
            place="recipient",
        )


def _login_of(given: str) -> bytes:
    """User and password as in the field; empty: it holds none (RFC 7617)."""
    scheme, _, text = given.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _digest(secret: bytes) -> bytes:
    """Of one length, whatever it is of."""
    return sha256(secret).digest()
