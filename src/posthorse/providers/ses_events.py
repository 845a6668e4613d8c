"""What SES tells of mail, in our words: event publishing and the older identity notifications.

Promise: pure and total. Both kinds name the same happening by the same key, so that an account that has set up both
counts nothing twice. Facts: the object's key is the type in lower camel case, but `failure` for `Rendering Failure`;
the text ends in a newline in the wild; on set-up there is a plain sentence instead of JSON.

Opens and clicks do not say who of several recipients it was: with more than one the event names nobody, and is about
the message. So it is with a complaint that lists several: those are all to whom the message went at the domain the
complaint came from, one of whom complained, and SES does not know who.

Left out: the envelope of SNS (`sns_envelope`).
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.providers.notice_fields import ID_NAME, decoded, fanned_out, id_of, own_id_of, time_of
from posthorse.providers.notices import Unreadable

_SUPPRESSED = frozenset({"Suppressed", "OnAccountSuppressionList", "UnsubscribedRecipient"})
"""Subtypes by which SES says that it did not even try."""
_OWN_HEADER = "x-posthorse-id"
_SET_UP = "Successfully validated SNS topic"
_NOBODY = frozenset({"AmazonSnsSubscriptionSucceeded"})
"""Types that concern no mail."""

Part = TypeVar("Part")

_Told = tuple[object, dict[str, Any]]


class _Shape(msgspec.Struct, rename="camel", frozen=True):
    """Keys as SES writes them. Lists hold anything: one odd thing among them must not cost the others."""


class _Mail(_Shape, frozen=True):
    message_id: Any = None
    timestamp: Any = None
    destination: tuple[Any, ...] = ()
    headers: Any = None
    tags: Any = None


class _Bounce(_Shape, frozen=True):
    bounced_recipients: tuple[Any, ...]
    bounce_type: Any = "Undetermined"
    bounce_sub_type: Any = None
    timestamp: Any = None


class _Complaint(_Shape, frozen=True):
    complained_recipients: tuple[Any, ...]
    complaint_feedback_type: Any = None
    complaint_sub_type: Any = None
    timestamp: Any = None


class _Delivery(_Shape, frozen=True):
    recipients: tuple[Any, ...]
    timestamp: Any = None
    smtp_response: Any = None


class _Delay(_Shape, frozen=True):
    delayed_recipients: tuple[Any, ...]
    delay_type: Any = None
    timestamp: Any = None


class _Failure(_Shape, frozen=True):
    error_message: Any = None
    reason: Any = None


class _Moment(_Shape, frozen=True):
    timestamp: Any = None


class _Topic(_Shape, frozen=True):
    subscription_status: str | None = None


class _Preferences(_Shape, frozen=True):
    unsubscribe_all: bool = False
    topic_subscription_status: tuple[_Topic, ...] | None = None


class _Subscription(_Shape, frozen=True):
    timestamp: Any = None
    new_topic_preferences: _Preferences | None = None


class _Notice(_Shape, frozen=True):
    mail: _Mail | None = None
    event_type: str | None = None
    notification_type: str | None = None
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None
    delivery: _Delivery | None = None
    delivery_delay: _Delay | None = None
    reject: _Failure | None = None
    failure: _Failure | None = None
    open: _Moment | None = None
    click: _Moment | None = None
    subscription: _Subscription | None = None


_DECODER = msgspec.json.Decoder(_Notice)


def ses_events(provider: ProviderName, text: str) -> Sequence[Event]:
    """The events in what SES published. Raises `Unreadable`."""
    if text.lstrip().startswith(_SET_UP):
        return ()
    notice = decoded(_DECODER, text, "Message")
    kind = notice.event_type or notice.notification_type
    if kind in _NOBODY:
        return ()
    if kind is None:
        raise Unreadable("Message: neither eventType nor notificationType")
    if notice.mail is None:
        raise Unreadable("Message: no mail")
    return _Reading(provider, notice, notice.mail).events(kind)


class _Reading:
    """One notice, being read."""

    def __init__(self, provider: ProviderName, notice: _Notice, mail: _Mail) -> None:
        self._provider = provider
        self._notice = notice
        self._mail = mail

    def events(self, kind: str) -> Sequence[Event]:
        """The events of a notice of this kind."""
        match kind:
            case "Send":
                return self._everybody(EventKind.TAKEN, {})
            case "Delivery":
                return self._delivery(_there(self._notice.delivery, "delivery"))
            case "Bounce":
                return self._bounce(_there(self._notice.bounce, "bounce"))
            case "Complaint":
                return self._complaint(_there(self._notice.complaint, "complaint"))
            case "DeliveryDelay":
                return self._delay(_there(self._notice.delivery_delay, "deliveryDelay"))
            case "Reject":
                said = _there(self._notice.reject, "reject")
                return self._everybody(EventKind.DROPPED, {"kind": kind, "said": said.reason})
            case "Rendering Failure":
                why = _there(self._notice.failure, "failure").error_message
                return self._everybody(EventKind.DROPPED, {"kind": kind, "said": why})
            case "Open":
                return self._one_person(EventKind.OPENED, _there(self._notice.open, "open"))
            case "Click":
                return self._one_person(EventKind.CLICKED, _there(self._notice.click, "click"))
            case "Subscription":
                return self._subscription(_there(self._notice.subscription, "subscription"))
            case _:
                raise Unreadable("Message.eventType: not a known type")

    def _delivery(self, delivery: _Delivery) -> Sequence[Event]:
        told = [(_given(each), {"said": delivery.smtp_response}) for each in delivery.recipients]
        return self._fan_out(EventKind.DELIVERED, told, delivery.timestamp, "delivery.recipients")

    def _bounce(self, bounce: _Bounce) -> Sequence[Event]:
        subtype = _word(bounce.bounce_sub_type)
        word = f"{_word(bounce.bounce_type)}/{subtype}" if subtype else _word(bounce.bounce_type)
        if subtype in _SUPPRESSED:
            kind = EventKind.DROPPED
        elif bounce.bounce_type == "Permanent":
            kind = EventKind.HARD_BOUNCED
        else:
            kind = EventKind.SOFT_BOUNCED
        told = [_recipient(each, word) for each in bounce.bounced_recipients]
        return self._fan_out(kind, told, bounce.timestamp, "bounce.bouncedRecipients")

    def _complaint(self, complaint: _Complaint) -> Sequence[Event]:
        if complaint.complaint_feedback_type == "not-spam":
            return ()
        place, subtype = "complaint.complainedRecipients", _word(complaint.complaint_sub_type)
        if subtype in _SUPPRESSED:
            told = [_recipient(each, subtype) for each in complaint.complained_recipients]
            return self._fan_out(EventKind.DROPPED, told, complaint.timestamp, place)
        word = _word(complaint.complaint_feedback_type)
        told = [_recipient(each, word) for each in complaint.complained_recipients]
        several = len({str(address).lower() for address, _ in told}) > 1
        told = [(None, {"kind": word, "said": f"one of {len(told)} recipients"})] if several else told[:1]
        return self._fan_out(EventKind.COMPLAINED, told, complaint.timestamp, place)

    def _delay(self, delay: _Delay) -> Sequence[Event]:
        told = [_recipient(each, delay.delay_type) for each in delay.delayed_recipients]
        return self._fan_out(EventKind.DEFERRED, told, delay.timestamp, "deliveryDelay.delayedRecipients")

    def _subscription(self, subscription: _Subscription) -> Sequence[Event]:
        wishes = subscription.new_topic_preferences or _Preferences()
        topics = wishes.topic_subscription_status or ()
        if wishes.unsubscribe_all or any(topic.subscription_status == "OptOut" for topic in topics):
            return self._one_person(EventKind.UNSUBSCRIBED, _Moment(timestamp=subscription.timestamp))
        return ()

    def _everybody(self, kind: EventKind, told: dict[str, Any]) -> Sequence[Event]:
        recipients = [(_given(each), told) for each in self._mail.destination]
        return self._fan_out(kind, recipients, self._mail.timestamp, "mail.destination")

    def _one_person(self, kind: EventKind, moment: _Moment) -> Sequence[Event]:
        several = len(self._mail.destination) > 1
        told: list[_Told] = [(None if several else _given(each), {}) for each in self._mail.destination[:1]]
        return self._fan_out(kind, told, moment.timestamp, "mail.destination")

    def _fan_out(
        self, kind: EventKind, recipients: Sequence[_Told], timestamp: object, place: str
    ) -> tuple[Event, ...]:
        return fanned_out(
            self._provider,
            kind,
            recipients,
            own_id=_own_id(self._mail),
            provider_message_id=id_of(self._mail.message_id),
            at=time_of(timestamp),
            key_parts=(timestamp,),
            place=f"Message.{place}",
        )


def _recipient(recipient: object, kind: object) -> _Told:
    """One element of a list of recipients."""
    if not isinstance(recipient, dict):
        return "", {}
    told = {"kind": kind, "code": recipient.get("status"), "said": recipient.get("diagnosticCode")}
    return _given(recipient.get("emailAddress")), told


def _given(address: object) -> str:
    """What stands for an address; empty, which is none, for what cannot be one."""
    return address if isinstance(address, str) else ""


def _word(word: object) -> str:
    return word if isinstance(word, str) else ""


def _own_id(mail: _Mail) -> MessageId | None:
    """Our id: in a tag, else in a header field; whatever else stands in them is not ours to judge."""
    values = mail.tags.get(ID_NAME) if isinstance(mail.tags, dict) else None
    for value in values if isinstance(values, list) else ():
        if found := own_id_of(value):
            return found
    headers = [header for header in mail.headers if isinstance(header, dict)] if isinstance(mail.headers, list) else []
    named = (header.get("value") for header in headers if _word(header.get("name")).lower() == _OWN_HEADER)
    return next((found for value in named if (found := own_id_of(value))), None)


def _there(part: Part | None, name: str) -> Part:
    if part is None:
        raise Unreadable(f"Message.{name}: missing")
    return part
