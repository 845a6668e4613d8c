"""A simulated SES v2 endpoint: an independent peer for the gateway's way out.

Duty: answer `POST /v2/email/outbound-emails` and `GET /v2/email/account` on the real wire, check SigV4, and perform
the lab's faults. Promises: errors have SES's shapes (x-amzn-ErrorType, x-amzn-RequestId, JSON with `message`); what
arrives in the mailbox is rewritten as SES rewrites it, what is remembered is what was offered. Runs on any asyncio
transport, in real or virtual time. Left out: every other operation (404), templates, events.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from posthorse.lab.faults import GARBAGE, SES_REFUSALS, Fault, SesRefusal
from posthorse.lab.http_words import Answer, BadRequest, Request, RequestReader, json_answer
from posthorse.lab.peer import FaultyPeer
from posthorse.lab.ses_mail import SesMail, SesMailRefused, read_send_email, rewritten
from posthorse.lab.sigv4 import SignatureRefused, check_signature
from posthorse.lab.simulated import SimulatedProvider, Verdict

SEND, ACCOUNT = "/v2/email/outbound-emails", "/v2/email/account"

_OF_ALL = (Fault.ANSWER_5XX, Fault.ANSWER_429)
"""Refusals of every operation, not of sending alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SesTerms:
    """One simulated account in one region."""

    keys: Mapping[str, str] = field(default_factory=lambda: {"AKIALAB0000000000001": "lab-secret"})
    """Secret by access key id; empty: signatures are not looked at."""
    region: str = "us-east-1"
    verified: frozenset[str] = frozenset()
    """Sending domains with a verified identity; empty: all."""


def ses_factory(provider: SimulatedProvider, terms: SesTerms) -> Callable[[], "SesPeer"]:
    """What a listener needs: makes the protocol of each new connection."""
    return lambda: SesPeer(provider, terms)


class SesPeer(FaultyPeer):
    """One connection of a client to a simulated SES."""

    def __init__(self, provider: SimulatedProvider, terms: SesTerms) -> None:
        super().__init__(provider)
        self._terms = terms
        self._reader = RequestReader()

    def take(self, data: bytes) -> None:
        """Answer the requests that are complete."""
        try:
            if data:
                self._reader.feed(data)
        except BadRequest:
            self.end(Answer(status=400, body=b"<html><body>Bad Request</body></html>").render(close=True))
            return
        if self._reader.expects_continue:
            self._reader.expects_continue = False
            self.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        while self._reader.complete and self.withheld is None and not self.is_over:
            self._handle(self._reader.complete.popleft())

    # --- one request ------------------------------------------------------------------------------------------------

    def _handle(self, request: Request) -> None:
        try:
            self._check(request)
            if (request.method, request.path) == ("POST", SEND):
                self._send(request, read_send_email(request.body))
            elif (request.method, request.path) == ("GET", ACCOUNT):
                self._answer(request, json_answer(self._account(), headers=self._request_id()))
            else:
                self._refuse(request, SesRefusal(status=404, kind="NotFoundException", text="Unknown operation."))
        except _Refused as refused:
            self.provider.counts[Verdict.REFUSED] += request.path == SEND
            self._refuse(request, refused.refusal)
        except SignatureRefused as refused:
            self._refuse(request, SesRefusal(status=403, kind=refused.kind, text=refused.text))
        except SesMailRefused as refused:
            self._refuse(request, SesRefusal(status=400, kind=refused.kind, text=refused.text))

    def _check(self, request: Request) -> None:
        """Raise what an operation is refused for before its body is looked at; a refused message is remembered."""
        if self.fault is Fault.AUTH_REVOKED or (request.path != SEND and self.fault in _OF_ALL):
            raise _Refused(SES_REFUSALS[self.fault])
        if self._terms.keys:
            check_signature(
                request, self._terms.keys, region=self._terms.region, service="ses", now=self.provider.now()
            )

    def _account(self) -> dict[str, object]:
        paused = self.fault is Fault.ACCOUNT_PAUSED
        return {
            "SendingEnabled": not paused,
            "ProductionAccessEnabled": True,
            "EnforcementStatus": "SHUTDOWN" if paused else "HEALTHY",
            "DedicatedIpAutoWarmupEnabled": False,
            "SendQuota": {
                "Max24HourSend": 1_000_000.0,
                "MaxSendRate": 1_000.0,
                "SentLast24Hours": float(self.provider.counts[Verdict.TAKEN]),
            },
        }

    # --- one message ------------------------------------------------------------------------------------------------

    def _send(self, request: Request, mail: SesMail) -> None:
        refusal = self._refusal(mail)
        if refusal is not None:
            self._remember(mail, Verdict.REFUSED, f"{refusal.status} {refusal.kind}")
            self._refuse(request, refusal)
            return
        message_id = ses_message_id(self.provider.dice, self.provider.now())
        answer = json_answer({"MessageId": message_id}, headers=self._request_id())
        setting = self.provider.fault
        unanswered = Verdict.TAKEN_UNANSWERED if setting and setting.takes_mail else Verdict.LOST
        match setting.fault if setting else None:
            case Fault.RESET_AFTER_LAST_BYTE:
                self._remember(mail, unanswered, "", message_id)
                self.reset()
            case Fault.HALF_ANSWER:
                self._remember(mail, unanswered, "200 cut short", message_id)
                self.end(answer.render()[: -len(answer.body) // 2])
            case Fault.GARBAGE_200:
                self._remember(mail, unanswered, "200 text/html", message_id)
                self._answer(request, Answer(status=200, body=GARBAGE.encode(), content_type="text/html"))
            case Fault.HANG_AFTER_DOT:
                self._remember(mail, unanswered, "", message_id)
                self.withheld = answer.render()
            case Fault.NEVER_ANSWER:
                self._remember(mail, unanswered, "", message_id)
                self.silence()
            case Fault.ACCEPT_AND_DROP if setting and not setting.takes_mail:
                self._remember(mail, Verdict.DROPPED, f"200 {message_id}")
                self._answer(request, answer)
            case _:
                self._remember(mail, Verdict.TAKEN, f"200 {message_id}", message_id)
                self._answer(request, answer)

    def _refusal(self, mail: SesMail) -> SesRefusal | None:
        """Why this message is not taken: a script, the present fault, or an identity that is not verified."""
        for recipient in mail.recipients:
            script = self.provider.scripted(recipient)
            if script is not None and not script.startswith("2"):
                status, kind, text = script.split(" ", 2)
                return SesRefusal(status=int(status), kind=kind, text=text)
        domain = mail.sender.rpartition("@")[2].lower()
        is_unverified = self._terms.verified and domain not in self._terms.verified
        reason = Fault.ANSWER_4XX if is_unverified else self.fault
        if reason is None or reason not in SES_REFUSALS:
            return None
        refusal = SES_REFUSALS[reason]
        return replace(refusal, text=refusal.text.format(sender=mail.sender))

    def _remember(self, mail: SesMail, verdict: Verdict, answer: str, message_id: str = "") -> None:
        delivered = None
        if message_id and verdict is not Verdict.LOST:
            delivered = rewritten(mail, message_id=message_id, region=self._terms.region, now=self.provider.now())
        self.remember(
            verdict,
            answer,
            sender=mail.sender,
            recipients=mail.recipients,
            content=mail.content,
            delivered=delivered,
        )

    # --- answers ----------------------------------------------------------------------------------------------------

    def _refuse(self, request: Request, refusal: SesRefusal) -> None:
        headers = (("x-amzn-ErrorType", refusal.kind), *self._request_id())
        self._answer(request, json_answer({"message": refusal.text}, refusal.status, headers))

    def _answer(self, request: Request, answer: Answer) -> None:
        if request.keeps_open:
            self.say(answer.render())
        else:
            self.end(answer.render(close=True))

    def _request_id(self) -> tuple[tuple[str, str], ...]:
        return (("x-amzn-RequestId", _uuid_like(self.provider.dice)),)


class _Refused(Exception):
    """The present fault refuses every operation."""

    def __init__(self, refusal: SesRefusal) -> None:
        super().__init__(refusal.kind)
        self.refusal = refusal


def ses_message_id(dice: random.Random, now: int) -> str:
    """A MessageId in the shape of SES's, from the time in microseconds UTC and chance."""
    return f"0100{now // 1000:012x}-{_uuid_like(dice)}-000000"


def _uuid_like(dice: random.Random) -> str:
    digits = f"{dice.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
