"""A simulated Postmark: an independent peer for the gateway's way out.

Duty: answer `POST /email` and `GET /server` on the real wire, check the token, and perform the lab's faults. Promises:
answers have Postmark's shapes (`ErrorCode` and `Message`; 200 with code 0 is the only yes); inactive recipients are
told at once, by code 406 when nobody is left and by the text alone when some are. Left out: batches and every other
operation (404).
Source: Postmark API, overview, Email and error codes.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from posthorse.lab.fates import LabFate
from posthorse.lab.faults import Fault, Wire
from posthorse.lab.http_provider import HttpPeer, HttpRefused, HttpTerms, Letter, Offered, uuid_like
from posthorse.lab.http_words import Answer, Request, json_answer
from posthorse.lab.postmark_mail import PostmarkMail, PostmarkRefused, read_email
from posthorse.lab.refusals import POSTMARK_REFUSALS, HttpRefusal
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.structured import structured_letter

SEND, SERVER = "/email", "/server"
TEST_TOKEN = "POSTMARK_API_TEST"  # noqa: S105 - a word of the API, no secret
"""With this token requests are looked at and nothing is sent."""

_WHY_INACTIVE = (
    "Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmarkTerms(HttpTerms):
    """One simulated server."""

    server_token: str = "lab-server-token"  # noqa: S105 - of a simulated account
    """The one token that is known; empty: tokens are not looked at."""
    streams: tuple[str, ...] = ("outbound", "broadcast")


def postmark_factory(provider: SimulatedProvider, terms: PostmarkTerms) -> Callable[[], "PostmarkPeer"]:
    """What a listener needs: makes the protocol of each new connection."""
    return lambda: PostmarkPeer(provider, terms)


class PostmarkPeer(HttpPeer[PostmarkTerms]):
    """One connection of a client to a simulated Postmark."""

    wire = Wire.POSTMARK
    sending = SEND

    def handle(self, request: Request) -> None:
        """Authenticate, then send or describe the server."""
        self._check(request)
        match (request.method, request.path):
            case ("POST", path) if path == SEND:
                self._send(request)
            case ("GET", path) if path == SERVER:
                self.answer(request, json_answer({"ID": 1, "Name": self.provider.name, "DeliveryType": "Live"}))
            case _:
                raise HttpRefused(HttpRefusal(status=404, kind="", text="Not Found"))

    def refused(self, refusal: HttpRefusal) -> Answer:
        """Postmark's shape of a no: JSON where there is an error code."""
        if not refusal.kind:
            page = f"<html><body><h1>{refusal.text}</h1></body></html>"
            return Answer(status=refusal.status, body=page.encode(), content_type="text/html")
        return json_answer({"ErrorCode": int(refusal.kind), "Message": refusal.text}, refusal.status)

    def _check(self, request: Request) -> None:
        self.refuse_early(request)
        token = request.header("x-postmark-server-token")
        wanted = self.terms.server_token
        if wanted and token != TEST_TOKEN and not hmac.compare_digest(token.encode(), wanted.encode()):
            raise HttpRefused(POSTMARK_REFUSALS[Fault.AUTH_REVOKED])
        kinds = (request.header("accept"), request.header("content-type").partition(";")[0])
        if request.path == SEND and kinds != ("application/json", "application/json"):
            text = "The request needs the Accept and Content-Type headers, both application/json."
            raise HttpRefused(HttpRefusal(status=422, kind="409", text=text))

    def _send(self, request: Request) -> None:
        try:
            mail = read_email(request.body, self.terms.streams)
        except PostmarkRefused as no:
            raise HttpRefused(HttpRefusal(status=no.status, kind=str(no.code or ""), text=no.text)) from no
        inactive = [one for one in mail.recipients if self._is_inactive(one)]
        active = tuple(one for one in mail.recipients if one not in inactive)
        message_id = uuid_like(self.provider.dice)
        letter = self._letter(mail, message_id, active or mail.recipients)
        if request.header("x-postmark-server-token") == TEST_TOKEN:
            self.answer(request, self._yes(mail, message_id, letter.mailing.at, "Test job accepted"))
            return
        text = f"Message OK, but will not deliver to these inactive addresses: {', '.join(inactive)}. {_WHY_INACTIVE}"
        answer = self._yes(mail, message_id, letter.mailing.at, text if inactive else "OK")
        offered = Offered(letters=(letter,), content=request.body, answer=answer, note=f"200 {message_id}")
        self.offer(request, offered, None if active else _all_inactive(inactive))

    def _is_inactive(self, recipient: str) -> bool:
        return self.provider.fate_of(recipient) is LabFate.SUPPRESSED

    def _letter(self, mail: PostmarkMail, message_id: str, recipients: tuple[str, ...]) -> Letter:
        given = {name.lower(): value for name, value in mail.fields.headers}
        keeps_id = given.get("x-pm-keepid", "").lower() == "true" and "message-id" in given
        own = ("x-pm-keepid",) if keeps_id else ("x-pm-keepid", "message-id")
        headers = [(name, value) for name, value in mail.fields.headers if name.lower() not in own]
        return structured_letter(
            self.provider,
            replace(mail.fields, headers=headers),
            message_id=message_id,
            recipients=recipients,
            header_message_id=given["message-id"] if keeps_id else f"<{message_id}@mtasv.net>",
            label=mail.tag,
            stream=mail.stream,
        )

    def _yes(self, mail: PostmarkMail, message_id: str, at: int, text: str) -> Answer:
        fields = {"To": mail.to, "Cc": mail.cc, "Bcc": mail.bcc}
        return json_answer(
            {name: value for name, value in fields.items() if value}
            | {
                "SubmittedAt": datetime.fromtimestamp(at / 1e6, UTC).isoformat(),
                "MessageID": message_id,
                "ErrorCode": 0,
                "Message": text,
            }
        )


def _all_inactive(inactive: list[str]) -> HttpRefusal:
    text = (
        "You tried to send to recipient(s) that have been marked as inactive. "
        f"Found inactive addresses: {', '.join(inactive)}. {_WHY_INACTIVE}"
    )
    return HttpRefusal(status=422, kind="406", text=text)
