"""What SendGrid tells of mail: its event webhook, signed.

Duty: a JSON array of events, one for each recipient, signed with ECDSA over timestamp and body. Left out: opens,
clicks, groups, OAuth.
Source: SendGrid event webhook reference; event webhook security features.
"""

import base64
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from posthorse.lab.fates import LabFate, Tale, Told
from posthorse.lab.hook_shape import HookRequest

_WORDS: Mapping[Tale, tuple[str, dict[str, str]]] = {
    Tale.SENT: ("processed", {}),
    Tale.DELAYED: ("deferred", {"response": "421 4.4.1 connection timed out", "attempt": "1"}),
    Tale.DELIVERED: ("delivered", {"response": "250 2.0.0 OK lab"}),
    Tale.HARD_BOUNCED: (
        "bounce",
        {
            "type": "bounce",
            "status": "5.1.1",
            "reason": "550 5.1.1 user unknown",
            "bounce_classification": "Invalid Address",
        },
    ),
    Tale.SOFT_BOUNCED: (
        "bounce",
        {
            "type": "blocked",
            "status": "4.2.2",
            "reason": "452 4.2.2 mailbox full",
            "bounce_classification": "Mailbox Unavailable",
        },
    ),
    Tale.COMPLAINED: ("spamreport", {}),
    Tale.SUPPRESSED: ("dropped", {"reason": "Bounced Address", "status": "5.0.0"}),
}
"""Event and particulars of each tale that SendGrid tells."""


class SendgridHook:
    """The signed event webhook of one simulated account. A `HookShape`."""

    gathers = True
    is_welcome = True

    def __init__(
        self, *, dice: random.Random, now: Callable[[], int], key: ec.EllipticCurvePrivateKey | None = None
    ) -> None:
        """`key`: what it signs with; None: one made now."""
        self._dice, self._now = dice, now
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self._stranger = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """As SendGrid shows it: base64 of the SubjectPublicKeyInfo."""
        raw = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(raw).decode("ascii")

    def greeting(self, url: str) -> None:
        """Nothing must be answered first."""
        del url

    async def greeted(self) -> None:
        """Nothing is waited for."""

    def worded(self, told: Sequence[Told]) -> Sequence[HookRequest]:
        """One array of all events."""
        events = [event for one in told for event in self._events(one)]
        return [self.signed(events)] if events else []

    def forged(self, told: Told) -> HookRequest:
        """Signed by a stranger."""
        return self.signed(self._events(replace(told, tale=Tale.HARD_BOUNCED)), self._stranger)

    def gives_up_at(self, status: int) -> bool:
        """Whatever is no 2xx is tried again."""
        del status
        return False

    def _events(self, told: Told) -> list[dict[str, Any]]:
        if told.tale not in _WORDS or (told.tale is Tale.SENT and told.fate is LabFate.SUPPRESSED):
            return []
        event, particulars = _WORDS[told.tale]
        mailing = told.mailing
        own = {name: values[0] for name, values in mailing.tags.items()}
        return [
            own
            | {
                "email": one,
                "timestamp": told.at // 1_000_000,
                "smtp-id": mailing.header_message_id,
                "event": event,
                "sg_event_id": base64.urlsafe_b64encode(self._dice.randbytes(18)).decode("ascii"),
                "sg_message_id": f"{mailing.message_id}.filterdrecv-lab-1-0",
            }
            | particulars
            for one in told.recipients
        ]

    def signed(self, events: list[dict[str, Any]], key: ec.EllipticCurvePrivateKey | None = None) -> HookRequest:
        """These events as SendGrid posts them; `key`: signed by somebody else."""
        body = json.dumps(events).encode()
        stamp = str(self._now() // 1_000_000)
        signature = (key or self._key).sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = (
            ("Content-Type", "application/json;charset=utf-8"),
            ("User-Agent", "SendGrid Event API"),
            ("X-Twilio-Email-Event-Webhook-Signature", base64.b64encode(signature).decode("ascii")),
            ("X-Twilio-Email-Event-Webhook-Timestamp", stamp),
        )
        return HookRequest(headers=headers, body=body)
