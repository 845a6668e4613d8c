"""A simulated SendGrid: an independent peer for the gateway's way out.

Duty: answer `POST /v3/mail/send` and `GET /v3/scopes` on the real wire, check the key, and perform the lab's faults.
Promises: answers have SendGrid's shapes (202 with `X-Message-Id` and no body; `errors[]` with message, field and help);
a bad request is refused whole; a suppressed recipient is accepted and dropped later. Left out: every other operation
(404), limits on the rate.
Source: SendGrid v3 Mail Send, and its errors.
"""

import base64
import hmac
import random
from collections.abc import Callable
from dataclasses import dataclass

from posthorse.lab.faults import Fault, Wire
from posthorse.lab.http_provider import HttpPeer, HttpRefused, HttpTerms, Letter, Offered
from posthorse.lab.http_words import Answer, Request, json_answer
from posthorse.lab.refusals import SENDGRID_REFUSALS, HttpRefusal
from posthorse.lab.sendgrid_mail import SendgridMail, SendgridRefused, read_mail_send
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.structured import structured_letter

SEND, SCOPES = "/v3/mail/send", "/v3/scopes"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendgridTerms(HttpTerms):
    """One simulated account."""

    api_key: str = "SG.lab-key"
    """The one key that is known; empty: keys are not looked at."""


def sendgrid_factory(provider: SimulatedProvider, terms: SendgridTerms) -> Callable[[], "SendgridPeer"]:
    """What a listener needs: makes the protocol of each new connection."""
    return lambda: SendgridPeer(provider, terms)


class SendgridPeer(HttpPeer[SendgridTerms]):
    """One connection of a client to a simulated SendGrid."""

    wire = Wire.SENDGRID
    sending = SEND

    def handle(self, request: Request) -> None:
        """Authenticate, then send or list what the key may do."""
        self._check(request)
        match (request.method, request.path):
            case ("POST", path) if path == SEND:
                self._send(request)
            case ("GET", path) if path == SCOPES:
                scopes = [] if self.fault is Fault.ACCOUNT_PAUSED else ["mail.send"]
                self.answer(request, json_answer({"scopes": scopes}))
            case _:
                raise HttpRefused(HttpRefusal(status=404, kind="", text="not found"))

    def refused(self, refusal: HttpRefusal) -> Answer:
        """SendGrid's shape of a no."""
        error = {"message": refusal.text, "field": refusal.kind or None, "help": None}
        return json_answer({"errors": [error]}, refusal.status, self._rate(refusal.status))

    def _check(self, request: Request) -> None:
        self.refuse_early(request)
        wanted = f"Bearer {self.terms.api_key}"
        if self.terms.api_key and not hmac.compare_digest(request.header("authorization").encode(), wanted.encode()):
            raise HttpRefused(SENDGRID_REFUSALS[Fault.AUTH_REVOKED])
        if request.path == SEND and request.header("content-type").partition(";")[0] != "application/json":
            raise HttpRefused(
                HttpRefusal(status=415, kind="Content-Type", text="Content-Type should be application/json.")
            )
        if request.header("accept") not in ("", "*/*", "application/json"):
            raise HttpRefused(HttpRefusal(status=406, kind="", text="Accept header must be application/json."))

    def _send(self, request: Request) -> None:
        try:
            mails = read_mail_send(request.body)
        except SendgridRefused as no:
            raise HttpRefused(HttpRefusal(status=no.status, kind=no.field, text=no.text)) from no
        message_id = sendgrid_message_id(self.provider.dice)
        letters = tuple(self._letter(mail, message_id) for mail in mails)
        headers = (("X-Message-Id", message_id), *self._rate(202))
        answer = Answer(status=202, content_type="text/plain", headers=headers)
        offered = Offered(letters=letters, content=request.body, answer=answer, note=f"202 {message_id}")
        self.offer(request, offered)

    def _letter(self, mail: SendgridMail, message_id: str) -> Letter:
        fields = mail.fields
        given = {name.lower(): value for name, value in fields.headers}
        return structured_letter(
            self.provider,
            fields,
            message_id=message_id,
            recipients=mail.recipients,
            header_message_id=given.get("message-id", f"<{message_id}@geopod-ismtpd-lab>"),
        )

    def _rate(self, status: int) -> tuple[tuple[str, str], ...]:
        if status != 429:
            return ()
        resets_at = self.provider.now() // 1_000_000 + 1
        return (("X-RateLimit-Limit", "600"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(resets_at)))


def sendgrid_message_id(dice: random.Random) -> str:
    """An id in the shape of SendGrid's `X-Message-Id`: 22 letters, digits, `_` and `-`, by chance."""
    return base64.urlsafe_b64encode(dice.randbytes(16)).decode().rstrip("=")
