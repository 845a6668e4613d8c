"""The provider `ses`: Amazon SES by its API v2, `SendEmail` with the raw message.

How the envelope is carried: all recipients of the group stand in `Destination.ToAddresses`, which for raw content is
the envelope and leaves the To and Cc headers alone, so that Bcc stays blind and a part of the recipients can be sent.
`FromEmailAddress` is not given, since it would replace the From header. The envelope sender goes into
`FeedbackForwardingEmailAddress`: SES sends from a return path of its own and forwards bounces there, as it does with
the sender given to its SMTP endpoint. SES has no null sender; then bounces go where SES itself decides.

Promise: *wrapped* fidelity. Our message id travels as the tag `posthorse-id`, so that events can be matched even when
the answer was lost. The request misses its last byte until the release gate said yes.

Left out: events, templates, global endpoints (Signature v4a).
"""

import asyncio
import base64
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import assert_never

import msgspec

from posthorse.mail.ids import ProviderName
from posthorse.mail.large import LARGE_BYTES, poured, slices, vessel
from posthorse.mail.message import Message
from posthorse.mail.outcome import Fault, Outcome, Rejection, Reply, Scope
from posthorse.mail.ports import (
    Clock,
    HttpExchange,
    HttpRequest,
    HttpResponse,
)
from posthorse.mail.stream import SECOND
from posthorse.providers.content import is_safe_in_turns
from posthorse.providers.handover_call import Answered, Unanswered, call
from posthorse.providers.http import host_header
from posthorse.providers.http_target import base_target
from posthorse.providers.port import AttemptReport, Capability, Fidelity, HandoverGroup, ReleaseGate
from posthorse.providers.ses_replies import reply_of, translate
from posthorse.providers.sigv4 import Signer
from posthorse.providers.smtp_core import is_safe_address
from posthorse.providers.table import Phase

_PATH = "/v2/email/outbound-emails"
_CONTENT_TYPE = "application/json"
_MOST_RECIPIENTS = 50
_MOST_BYTES = 40 << 20
"""40 MB, in which parts count as they are encoded in the message (quotas page)."""
_MISSING_S, _MOST_MISSING = 3_600.0, 1_000
"""How long a configuration set that was not there is not asked for again, and how many are remembered."""
_PAUSED = "paused"
_MOST_TAGS = 48
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_-]")
_ID_TAG = "posthorse-id"
_TAIL = b'"}}}'
"""What follows the content in the request's JSON."""


class SesProvider:
    """One SES account in one region. Implements `posthorse.providers.port.Provider`."""

    kind = "ses"
    capability = Capability(
        fidelity=Fidelity.WRAPPED,
        separate_envelope=True,
        max_recipients=_MOST_RECIPIENTS,
        max_size_bytes=_MOST_BYTES,
        smtputf8=False,
        rewrites=("Message-ID", "Date", "Return-Path"),
    )

    def __init__(
        self,
        *,
        name: ProviderName,
        region: str,
        access_key_id: str,
        secret_access_key: str,
        exchange: HttpExchange,
        clock: Clock,
        session_token: str = "",
        endpoint: str = "",
        configuration_set: str = "",
        ca_file: str = "",
    ) -> None:
        """`endpoint`: another base address than the region's; `configuration_set`: for messages that name none."""
        self.name = name
        self._exchange = exchange
        self._clock = clock
        self._configuration_set = configuration_set
        self._target = base_target(endpoint or regional_endpoint(region), ca_file)
        self._signer = Signer(
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            session_token=session_token,
            region=region,
            service="ses",
        )
        self._missing_sets: dict[str, float] = {}
        """Names of sets that this account does not have, each until when (monotonic) that is believed."""
        self._skew_us = 0
        """What SES's clock is ahead of ours, learnt when it refused our time."""

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """Try once; see the port."""
        numbers = tuple(n for n, _ in group.recipients)
        refusal = _unsendable(group, is_safe=await is_safe_in_turns(group.body))
        if refusal is not None:
            return AttemptReport(outcomes=dict.fromkeys(numbers, refusal))
        configuration_set = self._set_of(group.message)
        answer = await call(self._exchange, await self._request(group, configuration_set), gate, numbers)
        match answer:
            case None:
                return AttemptReport(outcomes={})
            case Unanswered(phase=phase, why=why):
                outcome = translate(phase, Reply(text=why))
            case Answered(phase=phase, response=response):
                outcome = self._judge(phase, response, group, configuration_set)
            case _:
                assert_never(answer)
        return AttemptReport(outcomes=dict.fromkeys(numbers, outcome))

    async def prepare(self, connections: int) -> None:
        """Have this many connections open and idle."""
        await self._exchange.prepare(self._target, connections)

    async def close(self) -> None:
        """Nothing of its own stays open: connections belong to the exchange."""

    # --- details ----------------------------------------------------------------------------------------------------

    async def _request(self, group: HandoverGroup, configuration_set: str) -> HttpRequest:
        head = _head(group, configuration_set)
        body, digest = (
            await _body_in_turns(head, group.body) if len(group.body) > LARGE_BYTES else _body(head, group.body)
        )
        headers = self._signer.sign(
            method="POST",
            path=_PATH,
            host=host_header(self._target),
            content_type=_CONTENT_TYPE,
            body_sha256=digest,
            now=self._clock.now() + self._skew_us,
        )
        return HttpRequest(
            target=self._target,
            method="POST",
            path=_PATH,
            headers=headers,
            body=body,
            connect_s=group.limits.connect_s,
            stall_s=group.limits.answer_s,
        )

    def _judge(self, phase: Phase, response: HttpResponse, group: HandoverGroup, configuration_set: str) -> Outcome:
        outcome = translate(phase, reply_of(response))
        match outcome:
            case Fault(scope=Scope.US):
                self._learn_skew(response)
            case Rejection(scope=Scope.RECIPIENT, reply=reply) if len(group.recipients) > 1:
                # One bad address refuses all, and the answer does not say which: a provider that tells may know.
                return Rejection(scope=Scope.CHANNEL, reply=reply)
            case Rejection(reply=reply) if configuration_set != self._configuration_set and _is_about_set(reply):
                return self._without_set(configuration_set, reply)
            case _:
                pass
        return outcome

    def _without_set(self, name: str, reply: Reply) -> Outcome:
        """A set that the application named: it says nothing about the account. One that is not there is not named again
        for a while, and the mail goes without it at once.
        """
        if _PAUSED in f"{reply.enhanced} {reply.text}".lower():
            return Rejection(scope=Scope.CHANNEL, reply=reply)
        if len(self._missing_sets) >= _MOST_MISSING:
            self._missing_sets.clear()
        self._missing_sets[name] = self._clock.monotonic() + _MISSING_S
        return Fault(scope=Scope.US, reply=reply)

    def _set_of(self, message: Message) -> str:
        named = message.attributes.get("configuration_set", "")
        if named and self._missing_sets.get(named, 0.0) > self._clock.monotonic():
            named = ""
        return named or self._configuration_set

    def _learn_skew(self, response: HttpResponse) -> None:
        """Sign with the provider's time from now on; the next attempt shows whether that was it."""
        try:
            there = parsedate_to_datetime(response.headers.get("date", ""))
        except ValueError:
            return
        self._skew_us = int(there.timestamp()) * SECOND - self._clock.now()


def regional_endpoint(region: str) -> str:
    """The base address of SES in a region."""
    return f"https://email.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _is_about_set(reply: Reply) -> bool:
    """A configuration set is missing or paused."""
    return reply.code in (400, 404) and (
        reply.enhanced.startswith(("NotFound", "ConfigurationSet")) or "configuration set" in reply.text.lower()
    )


def _unsendable(group: HandoverGroup, *, is_safe: bool) -> Outcome | None:
    """Why SES may not be given this group; None: it may."""
    if len(group.recipients) > _MOST_RECIPIENTS:
        return Rejection(scope=Scope.CHANNEL, reply=Reply(text="more than 50 recipients"))
    if len(group.body) > _MOST_BYTES:
        return Rejection(scope=Scope.CHANNEL, reply=Reply(text="larger than SES takes"))
    if not is_safe:
        return Rejection(scope=Scope.MESSAGE, reply=Reply(text="the content has a bare CR, a bare LF or a NUL"))
    addresses = [address for _, address in group.recipients]
    if not all(address.isascii() and is_safe_address(address) for address in (group.message.sender, *addresses)):
        return Rejection(scope=Scope.CHANNEL, reply=Reply(text="an address SES cannot be given"))
    return None


def _head(group: HandoverGroup, configuration_set: str) -> bytes:
    """The request's JSON as far as the content, which is put in as bytes: it is large, and base64 needs no escaping."""
    message = group.message
    fields: dict[str, object] = {
        "Destination": {"ToAddresses": [address for _, address in group.recipients]},
        "EmailTags": _tags(message),
    }
    if message.sender:
        fields["FeedbackForwardingEmailAddress"] = message.sender
    if configuration_set:
        fields["ConfigurationSetName"] = configuration_set
    return msgspec.json.encode(fields)[:-1] + b',"Content":{"Raw":{"Data":"'


def _body(head: bytes, content: bytes) -> tuple[bytes, str]:
    """The request's body, and its SHA-256 in hexadecimal."""
    body = b"".join((head, base64.b64encode(content), _TAIL))
    return body, sha256(body).hexdigest()


async def _body_in_turns(head: bytes, content: bytes) -> tuple[bytes, str]:
    """The same, giving way to others after every slice."""
    body, digest = vessel(), sha256()

    def put(piece: bytes) -> None:
        body.write(piece)
        digest.update(piece)

    put(head)
    for piece in slices(content):
        put(base64.b64encode(piece))
        await asyncio.sleep(0)
    put(_TAIL)
    return poured(body), digest.hexdigest()


def _tags(message: Message) -> list[dict[str, str]]:
    """Our id and the message's own tags, in the letters SES allows."""
    tags = {_ID_TAG: message.id.hex(), **_own_tags(message.attributes)}
    return [{"Name": name, "Value": value} for name, value in list(tags.items())[:_MOST_TAGS]]


def _own_tags(attributes: Mapping[str, str]) -> dict[str, str]:
    tags = {}
    for key, value in attributes.items():
        name = key.removeprefix("tag:")
        if name != key and name and value and not name.startswith("posthorse"):
            tags[_NOT_IN_TAGS.sub("_", name)[:256]] = _NOT_IN_TAGS.sub("_", value)[:256]
    return tags
