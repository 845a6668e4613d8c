"""What SES tells of mail: its event records, pure.

Duty: one record for one tale, as event publishing gives it, all recipients of the tale in it. Left out: the envelope of
SNS around it (`sns`), opens and clicks.
Source: SES developer guide, event publishing to SNS: contents.
"""

from collections.abc import Callable, Mapping
from typing import Any

from posthorse.lab.fates import Tale, Told
from posthorse.lab.hook_shape import iso

ACCOUNT_ID = "123456789012"
MTA = "a8-70.smtp-out.amazonses.com"


def ses_event(told: Told, feedback_id: str) -> dict[str, Any] | None:
    """The record; None: SES does not tell this."""
    if told.tale not in _OBJECTS:
        return None
    kind, key, make = _OBJECTS[told.tale]
    return {"eventType": kind, "mail": _mail(told), key: make(told, feedback_id)}


def _mail(told: Told) -> dict[str, Any]:
    mailing = told.mailing
    common = {
        "from": [mailing.sender],
        "to": list(mailing.recipients),
        "messageId": mailing.message_id,
        "subject": mailing.subject,
    }
    return {
        "timestamp": iso(mailing.at),
        "source": mailing.sender,
        "sourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT_ID}:identity/{mailing.sender.rpartition('@')[2]}",
        "sendingAccountId": ACCOUNT_ID,
        "messageId": mailing.message_id,
        "destination": list(mailing.recipients),
        "headersTruncated": False,
        "headers": [{"name": "Subject", "value": mailing.subject}],
        "commonHeaders": common,
        "tags": {name: list(values) for name, values in mailing.tags.items()},
    }


def _send(told: Told, feedback_id: str) -> dict[str, Any]:
    del told, feedback_id
    return {}


def _delivery(told: Told, feedback_id: str) -> dict[str, Any]:
    del feedback_id
    return {
        "timestamp": iso(told.at),
        "processingTimeMillis": (told.at - told.mailing.at) // 1_000,
        "recipients": list(told.recipients),
        "smtpResponse": "250 2.0.0 OK lab",
        "reportingMTA": MTA,
    }


def _bounce(kind: str, subtype: str, status: str, words: str) -> Callable[[Told, str], dict[str, Any]]:
    def made(told: Told, feedback_id: str) -> dict[str, Any]:
        people = [
            {"emailAddress": one, "action": "failed", "status": status, "diagnosticCode": words}
            for one in told.recipients
        ]
        return {
            "bounceType": kind,
            "bounceSubType": subtype,
            "bouncedRecipients": people,
            "timestamp": iso(told.at),
            "feedbackId": feedback_id,
            "reportingMTA": f"dns; {MTA}",
        }

    return made


def _complaint(told: Told, feedback_id: str) -> dict[str, Any]:
    return {
        "complainedRecipients": [{"emailAddress": one} for one in told.recipients],
        "timestamp": iso(told.at),
        "feedbackId": feedback_id,
        "complaintSubType": None,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": iso(told.at),
    }


def _delay(told: Told, feedback_id: str) -> dict[str, Any]:
    del feedback_id
    words = "smtp; 421 4.4.1 Connection timed out"
    return {
        "timestamp": iso(told.at),
        "delayType": "TransientCommunicationFailure",
        "expirationTime": iso(told.at + 14 * 3_600_000_000),
        "delayedRecipients": [
            {"emailAddress": one, "status": "4.4.1", "diagnosticCode": words} for one in told.recipients
        ],
        "reportingMTA": MTA,
    }


_OBJECTS: Mapping[Tale, tuple[str, str, Callable[[Told, str], dict[str, Any]]]] = {
    Tale.SENT: ("Send", "send", _send),
    Tale.DELAYED: ("DeliveryDelay", "deliveryDelay", _delay),
    Tale.DELIVERED: ("Delivery", "delivery", _delivery),
    Tale.HARD_BOUNCED: (
        "Bounce", "bounce", _bounce("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
    ),
    Tale.SOFT_BOUNCED: (
        "Bounce", "bounce", _bounce("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 mailbox full"),
    ),
    Tale.COMPLAINED: ("Complaint", "complaint", _complaint),
    Tale.SUPPRESSED: (
        "Bounce", "bounce",
        _bounce("Permanent", "OnAccountSuppressionList", "5.1.1", "Amazon SES did not send it: suppressed"),
    ),
}  # fmt: skip
"""Event type, key and object of each tale that SES tells."""
