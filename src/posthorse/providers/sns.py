"""The door of SNS: whether a post is from a topic of ours, and the confirmation of a subscription.

Promise: nothing is fetched before the topic was found on the list, for anybody's topic has a valid signature. The
address in `SubscribeURL` is never used: `ConfirmSubscription` is built from the topic's ARN and the token and goes to
SNS in the topic's own region. Somebody who unsubscribes us is told to the log and undone by nobody.

A message counts for an hour and five minutes after its `Timestamp`: an hour is the longest time over which SNS tries an
HTTPS endpoint again, and a repetition carries the first time. What is replayed within it is kept once.

Left out: what a message says (`ses_events`).
"""

import asyncio
from collections.abc import Collection, Mapping
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from posthorse.mail.ports import ExchangeFailed, HttpExchange, HttpRequest, NotReleased, Target
from posthorse.mail.stream import SECOND
from posthorse.providers.notice_fields import digest_of, time_of
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming, Unreadable
from posthorse.providers.sns_certificate import CertificateMemory, NoKey, SigningKeys, sns_host
from posthorse.providers.sns_envelope import (
    NOTIFICATION,
    SUBSCRIPTION,
    UNSUBSCRIPTION,
    Envelope,
    is_signed_by,
    is_version_known,
    read_envelope,
)

OLDEST_US = 65 * 60 * SECOND
AHEAD_US = 5 * 60 * SECOND
CONFIRM_WITHIN_S = 8.0
"""SNS waits about 15 s for our answer."""
_MOST_CONFIRMED = 64
_MOST_TOKEN = 4_096

_CONFIRMED_FOR_GOOD = {"AuthenticateOnUnsubscribe": "true", "Version": "2010-03-31"}
"""Nobody ends the subscription with a link from a message, but only who may by the account's own rules."""

_TYPES = frozenset({NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION})


class SnsDoor:
    """Lets in what comes from the topics of one provider."""

    def __init__(
        self,
        *,
        topics: Collection[str],
        exchange: HttpExchange,
        endpoint: str = "",
        certificate: bytes = b"",
        memory: CertificateMemory | None = None,
    ) -> None:
        """`endpoint`: another base address than SNS's own; `certificate`: the one that signs, in PEM; `memory`:
        remembers those that were fetched.

        Raises ValueError.
        """
        self._topics = frozenset(topics)
        self._exchange = exchange
        self._endpoint = _target(endpoint) if endpoint else None
        self._keys = SigningKeys(exchange, pinned=certificate, memory=memory)
        self._confirmed: dict[bytes, None] = {}
        self._confirming = False

    def turned_away(self, headers: Mapping[str, str]) -> Forged | None:
        """What keeps a request out by its header fields: SNS says in them, too, what it is and of which topic."""
        if headers.get("x-amz-sns-rawdelivery", "").lower() == "true":
            return Forged(why="raw_delivery")
        if headers.get("x-amz-sns-message-type") not in _TYPES:
            return Forged(why="type")
        return None if headers.get("x-amz-sns-topic-arn") in self._topics else Forged(why="topic")

    async def look(self, incoming: Incoming) -> Genuine | Attended | Forged:
        """Whether this is from one of the topics; never raises."""
        if forged := self.turned_away(incoming.headers):
            return forged
        try:
            envelope = read_envelope(incoming.body)
        except Unreadable:
            return Forged(why="malformed")
        if why := self._why_not(envelope, incoming):
            return Forged(why=why)
        try:
            region = envelope.topic_arn.split(":")[3]
            key = await self._keys.key_at(envelope.signing_cert_url, region, incoming.now, incoming.peer)
        except NoKey as none:
            return Forged(why=none.why, status=503 if none.for_now else 403)
        return await self._admitted(envelope, key)

    def _why_not(self, envelope: Envelope, incoming: Incoming) -> str:
        """What keeps it out before anybody asks whose signature it is; empty: nothing."""
        if envelope.type not in _TYPES or incoming.headers.get("x-amz-sns-message-type") != envelope.type:
            return "type"
        if envelope.topic_arn not in self._topics:
            return "topic"
        age = incoming.now - time_of(envelope.timestamp)
        if not -AHEAD_US <= age <= OLDEST_US:
            return "stale"
        return "" if is_version_known(envelope) else "signature_version"

    async def _admitted(self, envelope: Envelope, key: RSAPublicKey) -> Genuine | Attended | Forged:
        if not is_signed_by(envelope, key):
            return Forged(why="signature")
        await self._keys.proved(envelope.signing_cert_url)
        if envelope.type == SUBSCRIPTION:
            return await self._confirm(envelope)
        if envelope.type == UNSUBSCRIPTION:
            return Attended(what="unsubscribed")
        told = (envelope.topic_arn, envelope.message_id, envelope.message)
        return Genuine(key=digest_of(*(each.encode("utf-8", "surrogatepass") for each in told)))

    async def _confirm(self, envelope: Envelope) -> Attended | Forged:
        """Say yes to a subscription; once for each token, one at a time."""
        token = digest_of(envelope.topic_arn.encode(), envelope.token.encode("utf-8", "surrogatepass"))
        if token in self._confirmed:
            return Attended(what="subscription confirmed before")
        if not 0 < len(envelope.token) <= _MOST_TOKEN or not envelope.token.isascii():
            return Forged(why="malformed")
        if self._confirming:
            return Forged(why="confirmation", status=503)
        self._confirming = True
        try:
            async with asyncio.timeout(CONFIRM_WITHIN_S):
                response = await self._exchange.exchange(self._confirmation(envelope), before_last_bytes=_at_once)
        except (ExchangeFailed, NotReleased, TimeoutError):
            return Forged(why="confirmation", status=503)
        finally:
            self._confirming = False
        if response.status != 200:
            return Forged(why="confirmation", status=503)
        if len(self._confirmed) >= _MOST_CONFIRMED:
            del self._confirmed[next(iter(self._confirmed))]
        self._confirmed[token] = None
        return Attended(what="subscription confirmed")

    def _confirmation(self, envelope: Envelope) -> HttpRequest:
        region = envelope.topic_arn.split(":")[3]
        target = self._endpoint or Target(host=sns_host(region), port=443, tls=True)
        asked = {"TopicArn": envelope.topic_arn, "Token": envelope.token, **_CONFIRMED_FOR_GOOD}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        return HttpRequest(
            target=target, method="GET", path=f"/?Action=ConfirmSubscription&{query}", headers=(("Accept", "*/*"),)
        )


def _target(base: str) -> Target:
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not a base address: {base}")
    tls = parts.scheme == "https"
    return Target(host=parts.hostname, port=parts.port or (443 if tls else 80), tls=tls)


async def _at_once() -> bool:
    return True
