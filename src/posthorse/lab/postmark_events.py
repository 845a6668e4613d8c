"""What Postmark tells of mail: one JSON object for each thing and recipient, with a password.

Duty: the records Delivery, Bounce, SpamComplaint and SubscriptionChange (which follows what makes an address inactive,
so that one incident yields two). Postmark tells nothing when it takes mail, and refuses inactive recipients at once.
Left out: opens, clicks.
Source: Postmark webhooks: delivery, bounce, spam complaint, subscription change; bounce types.
"""

import base64
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from posthorse.lab.fates import Tale, Told
from posthorse.lab.hook_shape import HookRequest, iso

SERVER_ID = 23

_BOUNCES: Mapping[Tale, tuple[str, int, str, str, str]] = {
    Tale.HARD_BOUNCED: ("HardBounce", 1, "Hard bounce", "The server was unable to deliver your message.", "550 5.1.1"),
    Tale.SOFT_BOUNCED: ("SoftBounce", 4096, "Soft bounce", "Unable to temporarily deliver message.", "452 4.2.2"),
    Tale.DELAYED: ("Transient", 2, "Message delayed", "The server could not temporarily deliver.", "421 4.4.1"),
    Tale.AUTO_REPLIED: ("AutoResponder", 64, "Auto responder", "Automatic email responder.", "out of the office"),
    Tale.COMPLAINED: ("SpamComplaint", 100001, "Spam complaint", "The subscriber called it spam.", "abuse"),
}
"""Type, its code, name, description and details of each tale that is a bounce record or has its form."""

_INACTIVE: Mapping[Tale, str] = {Tale.HARD_BOUNCED: "HardBounce", Tale.COMPLAINED: "SpamComplaint"}
"""Tales after which the address is inactive, with the reason."""


class PostmarkHook:
    """The webhooks of one simulated server. A `HookShape`."""

    gathers = False
    is_welcome = True

    def __init__(self, *, username: str, password: str, dice: random.Random) -> None:
        self.username, self.password = username, password
        self._dice = dice

    def greeting(self, url: str) -> None:
        """Nothing must be answered first."""
        del url

    async def greeted(self) -> None:
        """Nothing is waited for."""

    def worded(self, told: Sequence[Told]) -> Sequence[HookRequest]:
        """One request for each record."""
        records = [record for one in told for recipient in one.recipients for record in self._records(one, recipient)]
        return [self.request(record) for record in records]

    def forged(self, told: Told) -> HookRequest:
        """With a wrong password."""
        claim = replace(told, tale=Tale.HARD_BOUNCED)
        return self.request(self._records(claim, told.recipients[0])[0], "a-stranger's")

    def gives_up_at(self, status: int) -> bool:
        """403 is final (webhooks overview)."""
        return status == 403

    def _records(self, told: Told, recipient: str) -> list[dict[str, Any]]:
        mailing = told.mailing
        common = {
            "MessageID": mailing.message_id,
            "ServerID": SERVER_ID,
            "MessageStream": mailing.stream or "outbound",
            "Tag": mailing.label,
            "Metadata": {name: values[0] for name, values in mailing.tags.items()},
        }
        if told.tale is Tale.DELIVERED:
            own = {"Recipient": recipient, "DeliveredAt": iso(told.at), "Details": "smtp;250 2.0.0 OK lab"}
            return [{"RecordType": "Delivery"} | common | own]
        if told.tale not in _BOUNCES:
            return []
        records = [common | self._bounce(told, recipient)]
        if told.tale in _INACTIVE:
            change = {"ChangedAt": iso(told.at), "Recipient": recipient, "Origin": "Recipient", "SuppressSending": True}
            reason = {"SuppressionReason": _INACTIVE[told.tale]}
            records.append({"RecordType": "SubscriptionChange"} | common | change | reason)
        return records

    def _bounce(self, told: Told, recipient: str) -> dict[str, Any]:
        kind, code, name, description, details = _BOUNCES[told.tale]
        return {
            "RecordType": "SpamComplaint" if told.tale is Tale.COMPLAINED else "Bounce",
            "ID": self._dice.getrandbits(48),
            "Type": kind,
            "TypeCode": code,
            "Name": name,
            "Description": description,
            "Details": f"smtp;{details}",
            "Email": recipient,
            "From": told.mailing.sender,
            "BouncedAt": iso(told.at),
            "DumpAvailable": False,
            "Inactive": told.tale in _INACTIVE,
            "CanActivate": told.tale is Tale.HARD_BOUNCED,
            "Subject": told.mailing.subject,
        }

    def request(self, record: dict[str, Any], password: str = "") -> HookRequest:
        """This record as Postmark posts it; `password`: another than the right one."""
        proof = base64.b64encode(f"{self.username}:{password or self.password}".encode()).decode("ascii")
        headers = (
            ("Content-Type", "application/json"),
            ("User-Agent", "Postmark"),
            ("Authorization", f"Basic {proof}"),
        )
        return HookRequest(headers=headers, body=json.dumps(record).encode())
