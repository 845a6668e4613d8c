"""The SES front as an ASGI application: which operation is meant, who calls, and the answer in the version's shape.

Promise: every answer of the API has its request id and a shape the clients' libraries know, a bug of ours too; an error
is never remembered, so the same request may succeed later; a receipt is given only once the spool has committed. A
repetition of a call (same access key, invocation id or signature, and body) gets the first receipt.

Left out: what an operation says (`v1`, `v2`), signatures (`gate`), the decision about mail (`admission`), what people
see who open it (`doorplate`).
"""

from collections.abc import Mapping
from typing import Protocol

from posthorse.accept.admission import Admission
from posthorse.accept.reception import Incoming, NotReceived, Reception
from posthorse.accept.refusal import Accepted, malformed
from posthorse.accept.ses.account import Account
from posthorse.accept.ses.answers import Answer
from posthorse.accept.ses.asked import Asked, Request, repeat_key, submitted
from posthorse.accept.ses.doorplate import is_a_visit, show
from posthorse.accept.ses.errors import INTERNAL_TEXT, Kind, NotLetIn, SesError, not_received, of_refusal
from posthorse.accept.ses.gate import Gate, Knock
from posthorse.accept.ses.operation import Call, Version
from posthorse.accept.ses.sigv4 import Head
from posthorse.accept.trusted import UNIX
from posthorse.asgi import ClientGone, Receive, Scope, Send, declared_bytes, respond
from posthorse.mail.ids import MessageId
from posthorse.mail.message import Caller
from posthorse.mail.peer import site
from posthorse.mail.ports import Clock, Ids


class SesObserver(Protocol):
    """Told of what happens beside the decision about mail; must not raise."""

    def answered(self, duration_s: float) -> None:
        """A message was answered, so long after its last byte."""
        ...

    def login_refused(self, peer: str, reason: str, access_key_id: str) -> None:
        """A caller was not let in, for a reason of one word; the key it named, if any."""
        ...

    def timed_out(self, peer: str) -> None:
        """The body of a request did not come in time."""
        ...

    def bug(self, error: Exception) -> None:
        """Something of ours failed."""
        ...


class SesFront:
    """All of the SES API. One per node; mounted at `/`, below `/v1/email/` and below `/v2/email/`."""

    def __init__(
        self,
        *,
        admission: Admission,
        gate: Gate,
        reception: Reception,
        versions: Mapping[str, Version],
        account: Account,
        clock: Clock,
        ids: Ids,
        observer: SesObserver,
    ) -> None:
        """`versions`: by the first part of the path, `""`, `v1` and `v2`. `clock`: for durations only."""
        self.gate = gate
        self.reception = reception
        self._admission = admission
        self._versions = versions
        self._account = account
        self._clock = clock
        self._ids = ids
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if is_a_visit(scope):
            await show(scope, send)
            return
        version = self._versions[scope["path"].split("/", 2)[1]]
        request_id = _in_groups(self._ids.new().hex())
        peer = scope["client"][0] if scope["client"] else UNIX
        with self.reception.begin(version.max_request_bytes) as incoming:
            try:
                answer = await self._answer(version, scope, peer, receive, incoming, request_id)
            except ClientGone:
                return
            except SesError as error:
                self._tell(error, peer)
                answer = version.error(error, request_id)
            except Exception as bug:
                self._observer.bug(bug)
                answer = version.error(SesError(Kind.INTERNAL, INTERNAL_TEXT), request_id)
        await _say(send, answer, request_id)

    async def _answer(
        self, version: Version, scope: Scope, peer: str, receive: Receive, incoming: Incoming, request_id: str
    ) -> Answer:
        head = Head(
            method=scope["method"], path=scope["raw_path"], query=scope["query_string"], headers=scope["headers"]
        )
        knock = self.gate.knock(head, peer)
        caller = await self._received(knock, receive, incoming)
        call = Call(
            method=head.method,
            path=scope["path"],
            query=head.query,
            body=incoming.content,
            caller=caller,
            request_id=request_id,
        )
        its = self.gate.call(knock)
        request = Request(
            caller=caller,
            tls=scope.get("scheme") == "https",
            repeat_key=repeat_key(caller.credential, its, incoming.sha256) if its else "",
            body_digest=bytes.fromhex(incoming.sha256[:32]),
        )
        try:
            return await self._perform(version, call, request, knock)
        except SesError as error:
            if error.kind in _NO_MAIL and not error.is_counted:
                self._admission.count(malformed(error.text), caller)
            raise

    async def _received(self, knock: Knock, receive: Receive, incoming: Incoming) -> Caller:
        """Read the body; who sent it. Raises `SesError`, and `ClientGone` of ASGI."""
        fields = _Fields(knock.head)
        try:
            await incoming.read(receive, fields.declared_bytes, "" if knock.caller else site(knock.peer))
            caller = self.gate.caller(knock, incoming.sha256)
            incoming.known()
        except NotReceived as reason:
            raise not_received(reason) from None
        if fields.is_encoded:
            raise SesError(Kind.UNREADABLE, "Content-Encoding is not taken: send the body as it is.")
        return caller

    async def _perform(self, version: Version, call: Call, request: Request, knock: Knock) -> Answer:
        result = await version.perform(call)
        if not isinstance(result, Asked):
            return result
        if knock.claim is None and call.method != "POST":  # what any page or mail can make a program fetch
            raise NotLetIn(Kind.UNSIGNED, "Without a signature of a key known here mail is sent by POST.", "method", "")
        return version.receipt(call, await self._send(result, request))

    async def _send(self, asked: Asked, request: Request) -> MessageId:
        started_s = self._clock.monotonic()
        submission, controls = await submitted(asked, request)
        self.reception.pending += 1
        try:
            verdict = await self._admission.admit(submission, controls)
        finally:
            self.reception.pending -= 1
        tenant = request.caller.tenant
        if not isinstance(verdict, Accepted):
            error = of_refusal(verdict)
            if error.kind is Kind.MESSAGE_REJECTED:
                self._account.counts.rejected(tenant, self._account.clock.now())
            raise error
        if not verdict.repeated:
            self._account.counts.accepted(tenant, len(submission.recipients), self._account.clock.now())
        self._observer.answered(self._clock.monotonic() - started_s)
        return verdict.id

    def _tell(self, error: SesError, peer: str) -> None:
        if isinstance(error, NotLetIn):
            self._observer.login_refused(peer, error.reason, error.access_key_id)
        elif error.kind is Kind.TOO_SLOW:
            self._observer.timed_out(peer)


_NO_MAIL = frozenset({Kind.INVALID, Kind.MISSING, Kind.UNREADABLE})
"""Refused here, before there was anything that admission could decide about."""


class _Fields:
    """What the front itself reads of the header fields."""

    __slots__ = ("declared_bytes", "is_encoded")

    def __init__(self, head: Head) -> None:
        self.declared_bytes = 0
        self.is_encoded = False
        for name, value in head.headers:
            if name == b"content-length":
                self.declared_bytes = declared_bytes(value) or 0
            elif name == b"content-encoding":
                self.is_encoded = value.strip().lower() not in (b"", b"identity")


async def _say(send: Send, answer: Answer, request_id: str) -> None:
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-amzn-requestid", request_id.encode("ascii")),
        *answer.headers,
    ]
    await respond(send, answer.status, headers, answer.body)


def _in_groups(digits: str) -> str:
    """A request id as AWS writes it (RFC 9562 section 4)."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
