"""A simulated SES v2 endpoint: an independent peer for the gateway's way out.

Duty: answer `POST /v2/email/outbound-emails` and `GET /v2/email/account` on the real wire, check SigV4, and perform
the lab's faults. Promises: errors have SES's shapes (x-amzn-ErrorType, x-amzn-RequestId, JSON with `message`); what
arrives in the mailbox is rewritten as SES rewrites it, what is remembered is what was offered. Left out: every other
operation (404), templates; what it tells afterwards (`posthorse.lab.sns`).
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from posthorse.lab.fates import Mailing
from posthorse.lab.faults import Fault, Wire
from posthorse.lab.http_provider import HttpPeer, HttpRefused, HttpTerms, Letter, Offered, uuid_like
from posthorse.lab.http_words import Answer, Request, json_answer
from posthorse.lab.refusals import HttpRefusal
from posthorse.lab.ses_mail import SesMail, SesMailRefused, delivered_message_id, read_send_email, rewritten
from posthorse.lab.sigv4 import SignatureRefused, check_signature
from posthorse.lab.simulated import SimulatedProvider, Verdict

SEND, ACCOUNT = "/v2/email/outbound-emails", "/v2/email/account"


@dataclass(frozen=True, slots=True, kw_only=True)
class SesTerms(HttpTerms):
    """One simulated account in one region."""

    keys: Mapping[str, str] = field(default_factory=lambda: {"AKIALAB0000000000001": "lab-secret"})
    """Secret by access key id; empty: signatures are not looked at."""
    region: str = "us-east-1"


def ses_factory(provider: SimulatedProvider, terms: SesTerms) -> Callable[[], "SesPeer"]:
    """What a listener needs: makes the protocol of each new connection."""
    return lambda: SesPeer(provider, terms)


class SesPeer(HttpPeer[SesTerms]):
    """One connection of a client to a simulated SES."""

    wire = Wire.SES
    sending = SEND

    # --- one request ------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> None:
        """Authenticate, then send or describe the account."""
        try:
            self._check(request)
            match (request.method, request.path):
                case ("POST", path) if path == SEND:
                    self._send(request, read_send_email(request.body))
                case ("GET", path) if path == ACCOUNT:
                    self.answer(request, json_answer(self._account(), headers=self._request_id()))
                case _:
                    raise HttpRefused(HttpRefusal(status=404, kind="NotFoundException", text="Unknown operation."))
        except SignatureRefused as refused:
            raise HttpRefused(HttpRefusal(status=403, kind=refused.kind, text=refused.text)) from refused
        except SesMailRefused as refused:
            raise HttpRefused(HttpRefusal(status=400, kind=refused.kind, text=refused.text)) from refused

    def refused(self, refusal: HttpRefusal) -> Answer:
        """SES's shape of a no."""
        headers = (("x-amzn-ErrorType", refusal.kind), *self._request_id())
        return json_answer({"message": refusal.text}, refusal.status, headers)

    def _check(self, request: Request) -> None:
        self.refuse_early(request)
        if self.terms.keys:
            check_signature(request, self.terms.keys, region=self.terms.region, service="ses", now=self.provider.now())

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
        message_id = ses_message_id(self.provider.dice, self.provider.now())
        mailing = self._mailing(mail, message_id)
        letter = Letter(
            mailing=mailing,
            arriving=lambda: rewritten(mail, message_id=message_id, region=self.terms.region, now=mailing.at),
        )
        answer = json_answer({"MessageId": message_id}, headers=self._request_id())
        offered = Offered(letters=(letter,), content=mail.content, answer=answer, note=f"200 {message_id}")
        self.offer(request, offered)

    def _mailing(self, mail: SesMail, message_id: str) -> Mailing:
        own = {
            "ses:operation": "SendRawEmail",
            "ses:configuration-set": mail.configuration_set,
            "ses:from-domain": mail.sender.rpartition("@")[2],
        }
        return Mailing(
            provider=self.provider.name,
            message_id=message_id,
            sender=mail.sender,
            recipients=mail.recipients,
            at=self.provider.now(),
            subject=mail.subject,
            header_message_id=delivered_message_id(message_id, self.terms.region),
            tags={name: (value,) for name, value in (own | mail.tags).items() if value},
        )

    def _request_id(self) -> tuple[tuple[str, str], ...]:
        return (("x-amzn-RequestId", uuid_like(self.provider.dice)),)


def ses_message_id(dice: random.Random, now: int) -> str:
    """A MessageId in the shape of SES's, from the time in microseconds UTC and chance."""
    return f"0100{now // 1000:012x}-{uuid_like(dice)}-000000"
