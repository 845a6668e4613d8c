"""A simulated SNS topic: signed envelopes, the handshake, and the endpoint that confirms it.

Duty: word what SES tells as SNS delivers it, signed with a certificate of the lab's own, by signature version 1 and 2
in turn; answer ConfirmSubscription. Promise: a subscription stands only once it was confirmed with the token that its
handshake carried. Left out: other operations, other protocols than HTTP.
Source: SNS developer guide, message and JSON formats, verifying signatures; SNS API, ConfirmSubscription.
"""

import asyncio
import base64
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from posthorse.lab.certificate import kept_rsa_key, make_signing_certificate, new_rsa_key
from posthorse.lab.fates import Tale, Told
from posthorse.lab.hook_shape import HookRequest, iso
from posthorse.lab.http_provider import uuid_like
from posthorse.lab.http_words import Answer, BadRequest, Request, RequestReader
from posthorse.lab.ses_events import ACCOUNT_ID, ses_event

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
"""The fields a signature covers, in their order."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
"""Of topics."""

SUBJECT = "Amazon SES Email Event Notification"


def topic_arn(name: str, region: str) -> str:
    """The topic to which the simulated account of this name tells."""
    return f"arn:aws:sns:{region}:{ACCOUNT_ID}:posthorse-{_NOT_IN_NAMES.sub('_', name)}"


def certificate_file(name: str) -> str:
    """What the certificate of that topic is called in the lab's folder."""
    return f"{name}-sns-cert.pem"


class SnsTopic:
    """One topic to which one simulated SES account tells. A `HookShape`."""

    gathers = False

    def __init__(
        self,
        *,
        name: str,
        region: str,
        folder: Path,
        dice: random.Random,
        now: Callable[[], int],
        key: rsa.RSAPrivateKey | None = None,
    ) -> None:
        """`key`: what it signs with; None: the one kept in `folder`."""
        self.arn = topic_arn(name, region)
        self._region, self._dice, self._now = region, dice, now
        self._key = key or kept_rsa_key(folder / f"{name}-sns-key.pem")
        self.certificate = make_signing_certificate(folder, certificate_file(name), self._key, now())
        """Who trusts this file can verify what the topic signs."""
        self._stranger: rsa.RSAPrivateKey | None = None
        self._token = ""
        self._welcome = asyncio.Event()
        self._signed = self._forged = 0

    # --- the shape of its notifications -----------------------------------------------------------------------------

    def greeting(self, url: str) -> HookRequest:
        """The handshake for a new subscription; the old one ends."""
        del url
        self._welcome.clear()
        self._token = self._dice.randbytes(64).hex()
        subscribe = f"https://sns.{self._region}.amazonaws.com/?Action=ConfirmSubscription&TopicArn={self.arn}"
        return self._enveloped(
            {
                "Type": "SubscriptionConfirmation",
                "Token": self._token,
                "Message": f"You have chosen to subscribe to the topic {self.arn}.",
                "SubscribeURL": f"{subscribe}&Token={self._token}",
            }
        )

    async def greeted(self) -> None:
        """Return when the subscription was confirmed."""
        await self._welcome.wait()

    @property
    def is_welcome(self) -> bool:
        """Whether the subscription is confirmed."""
        return self._welcome.is_set()

    def worded(self, told: Sequence[Told]) -> Sequence[HookRequest]:
        """One notification for each event that SES publishes."""
        events = [ses_event(one, uuid_like(self._dice)) for one in told]
        return [self.notification(json.dumps(event) + "\n") for event in events if event is not None]

    def forged(self, told: Told) -> HookRequest:
        """In turn: the right topic signed by a stranger, and a stranger's topic whose signature is right."""
        event = ses_event(replace(told, tale=Tale.HARD_BOUNCED), uuid_like(self._dice))
        self._forged += 1
        if self._forged % 2:
            self._stranger = self._stranger or new_rsa_key()
            return self.notification(json.dumps(event), key=self._stranger)
        return self.notification(json.dumps(event), arn=self.arn + "-of-a-stranger")

    def gives_up_at(self, status: int) -> bool:
        """SNS takes 4xx but 429 as final (message delivery retries)."""
        return 400 <= status < 500 and status != 429

    # --- the endpoint's side ----------------------------------------------------------------------------------------

    def confirm(self, token: str) -> bool:
        """Whether this is the token of the handshake; then the subscription stands."""
        if not self._token or token != self._token:
            return False
        self._welcome.set()
        return True

    # --- details ----------------------------------------------------------------------------------------------------

    def notification(self, message: str, *, key: rsa.RSAPrivateKey | None = None, arn: str = "") -> HookRequest:
        """This text as SNS delivers it; `key`, `arn`: signed by somebody else, from another topic."""
        fields = {"Type": "Notification", "Subject": SUBJECT, "Message": message}
        return self._enveloped(fields, key=key, arn=arn)

    def _enveloped(
        self, fields: Mapping[str, str], *, key: rsa.RSAPrivateKey | None = None, arn: str = ""
    ) -> HookRequest:
        host = f"https://sns.{self._region}.amazonaws.com"
        envelope = dict(fields) | {
            "MessageId": uuid_like(self._dice),
            "TopicArn": arn or self.arn,
            "Timestamp": iso(self._now()),
            "SigningCertURL": f"{host}/SimpleNotificationService-lab.pem",
        }
        if fields["Type"] == "Notification":
            envelope["UnsubscribeURL"] = f"{host}/?Action=Unsubscribe&SubscriptionArn={self.arn}:lab"
        envelope |= self._signature(envelope, key or self._key)
        headers = (
            ("x-amz-sns-message-type", fields["Type"]),
            ("x-amz-sns-message-id", envelope["MessageId"]),
            ("x-amz-sns-topic-arn", envelope["TopicArn"]),
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("User-Agent", "Amazon Simple Notification Service Agent"),
        )
        return HookRequest(headers=headers, body=json.dumps(envelope, indent=2).encode())

    def _signature(self, envelope: Mapping[str, str], key: rsa.RSAPrivateKey) -> dict[str, str]:
        self._signed += 1
        version = "1" if self._signed % 2 else "2"
        names = _SIGNED[envelope["Type"]]
        text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as SNS does in version 1
        signature = key.sign(text.encode(), padding.PKCS1v15(), digest)
        return {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode("ascii")}


class SnsPeer(asyncio.Protocol):
    """One connection to the simulated SNS: ConfirmSubscription by GET or POST."""

    _transport: asyncio.Transport

    def __init__(self, topics: Mapping[str, SnsTopic]) -> None:
        self._topics = topics
        self._reader = RequestReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody asks."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        try:
            self._reader.feed(data)
        except BadRequest:
            self._transport.close()
            return
        while self._reader.complete:
            request = self._reader.complete.popleft()
            self._transport.write(self._answer(request).render(close=not request.keeps_open))
            if not request.keeps_open:
                self._transport.close()

    def _answer(self, request: Request) -> Answer:
        asked = request.query | Request(target=f"/?{request.body.decode('utf-8', 'replace')}").query
        if asked.get("Action") != "ConfirmSubscription":
            return _error("InvalidAction", "The action is not valid for this endpoint.")
        topic = self._topics.get(asked.get("TopicArn", ""))
        if topic is None:
            return _error("NotFound", "Topic does not exist", 404)
        if not topic.confirm(asked.get("Token", "")):
            return _error("InvalidParameter", "Invalid parameter: Token")
        text = (
            '<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult>'
            f"<SubscriptionArn>{topic.arn}:lab</SubscriptionArn></ConfirmSubscriptionResult><ResponseMetadata>"
            "<RequestId>lab</RequestId></ResponseMetadata></ConfirmSubscriptionResponse>"
        )
        return Answer(status=200, body=text.encode(), content_type="text/xml")


def _error(code: str, text: str, status: int = 400) -> Answer:
    body = (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{text}</Message></Error><RequestId>lab</RequestId></ErrorResponse>"
    )
    return Answer(status=status, body=body.encode(), content_type="text/xml")
