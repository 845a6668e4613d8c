"""The native API as an ASGI application: which operation is meant, who calls, and the answer on the wire.

Promise: every answer but a document is JSON of `wire`, every no a problem with a stable code; a receipt is given only
once the spool has committed. Nothing is done for a caller who is not known, and no body of one is read.

Left out: what requests mean (`intake`), sending (`sending`), looking (`looking`), the description (`openapi`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from posthorse.accept.admission import Admission
from posthorse.accept.api.body import media_type, read
from posthorse.accept.api.caller import Callers
from posthorse.accept.api.decoding import decoded, decoded_batch
from posthorse.accept.api.intake import idempotency_key, taken_raw
from posthorse.accept.api.looking import Looking
from posthorse.accept.api.problems import CONTENT_TYPE, ApiError, Code
from posthorse.accept.api.query import options_of, parameters, wanted
from posthorse.accept.api.sending import Asked, Sending, digest_of
from posthorse.accept.api.wire import Answer, Receipt
from posthorse.accept.reception import Incoming, Reception
from posthorse.accept.trusted import UNIX
from posthorse.asgi import ClientGone, Fields, Receive, Scope, Send, answer
from posthorse.mail.message import Caller
from posthorse.mail.ports import Clock
from posthorse.spool.port import SpoolUnavailable

_T = TypeVar("_T")

PREFIX = "/api/v1/"
_ENVELOPE_ROOM_BYTES = 1 << 20
"""What a request may have beside the message itself."""
_REPLAYED = (b"idempotent-replayed", b"true")

_encode = msgspec.json.Encoder().encode


class ApiObserver(Protocol):
    """Told of what happens beside the decision about mail; must not raise."""

    def answered(self, duration_s: float) -> None:
        """A message was answered, so long after its request was read."""
        ...

    def timed_out(self, peer: str) -> None:
        """The body of a request did not come in time."""
        ...

    def bug(self, error: Exception) -> None:
        """Something of ours failed."""
        ...


@dataclass(slots=True, kw_only=True)
class _Request:
    """One request, its body read if it has one."""

    method: str
    path: tuple[str, ...]
    """Parts behind the prefix."""
    query: list[tuple[str, str]]
    headers: dict[bytes, bytes]
    caller: Caller
    tls: bool
    incoming: Incoming

    def asked(self, *parts: bytes) -> Asked:
        """Who asks, under which key; `parts`: what makes it the same request, beside the body."""
        digest = digest_of(*parts, self.incoming.sha256.encode("ascii"))
        return Asked(caller=self.caller, tls=self.tls, key=idempotency_key(self.headers), fingerprint=digest)


@dataclass(slots=True)
class _Said:
    """An answer before it is on the wire."""

    status: int
    content: Answer
    headers: Fields = ()


class Api:
    """All below `/api/v1/`. One per node."""

    def __init__(
        self,
        *,
        admission: Admission,
        callers: Callers,
        reception: Reception,
        looking: Looking,
        clock: Clock,
        observer: ApiObserver,
    ) -> None:
        self.callers = callers
        self.reception = reception
        self._admission = admission
        self._looking = looking
        self._clock = clock
        self._observer = observer
        self._sending = Sending(admission, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with self.reception.begin(self._most_bytes()) as incoming:
            try:
                said = await self._answer(scope, receive, incoming)
            except ClientGone:
                return
            except ApiError as error:
                if error.code is Code.REQUEST_TIMEOUT:
                    self._observer.timed_out(_peer(scope))
                said = _Said(error.code.status, error.problem(), error.more_headers())
            except SpoolUnavailable:
                told = ApiError(Code.SPOOL, "The spool cannot be asked now.")
                said = _Said(told.code.status, told.problem(), told.more_headers())
            except Exception as bug:
                self._observer.bug(bug)
                said = _Said(Code.BUG.status, ApiError(Code.BUG).problem())
        await _say(send, said, head=scope["method"] == "HEAD")

    def _most_bytes(self) -> int:
        """A message in base64 has four octets for three."""
        return self._admission.policy.max_size_bytes * 4 // 3 + _ENVELOPE_ROOM_BYTES

    async def _answer(self, scope: Scope, receive: Receive, incoming: Incoming) -> _Said:
        headers = fields_of(scope["headers"])
        tls = scope.get("scheme") == "https"
        caller = self.callers.caller(headers, _peer(scope), tls=tls)
        path = tuple(scope["path"].removeprefix(PREFIX).split("/"))
        perform = self._operation(scope["method"], path)
        if scope["method"] == "POST":
            await read(incoming, headers, receive)
        request = _Request(
            method=scope["method"],
            path=path,
            query=parameters(scope["query_string"]),
            headers=headers,
            caller=caller,
            tls=tls,
            incoming=incoming,
        )
        return await perform(request)

    def _operation(self, method: str, path: tuple[str, ...]) -> Callable[[_Request], Awaitable[_Said]]:
        """What answers. Raises `ApiError`."""
        match path:
            case ("messages",):
                operations = {"POST": self._send, "GET": self._list, "HEAD": self._list}
            case ("messages", "batch"):
                operations = {"POST": self._send_batch}
            case ("messages", ""):
                raise ApiError(Code.NOT_FOUND, f"There is nothing here; messages are at {PREFIX}messages.")
            case ("messages", _):
                operations = {"GET": self._look, "HEAD": self._look}
            case ("messages", _, "cancel"):
                operations = {"POST": self._cancel}
            case _:
                raise ApiError(Code.NOT_FOUND)
        if method not in operations:
            allowed = ", ".join(operations).encode("ascii")
            raise ApiError(Code.METHOD_NOT_ALLOWED, headers=((b"allow", allowed),))
        return operations[method]

    async def _send(self, request: _Request) -> _Said:
        started_s = self._clock.monotonic()
        kind = media_type(request.headers)
        if kind == "application/json":
            if request.query:
                raise ApiError(Code.MALFORMED_REQUEST, "With JSON the query is empty.")
            asked = request.asked(b"json")
            with self._sending.under_way(asked):
                message = await decoded(request.incoming.content)
                receipt, replayed = await self._counted(self._sending.one(asked, message))
        elif kind == "message/rfc822":
            asked = request.asked(b"mime", *(part.encode() for pair in request.query for part in pair))
            options, sender, to = options_of(request.query)
            with self._sending.under_way(asked):
                mail = await taken_raw(request.incoming.content, sender, to)
                receipt, replayed = await self._counted(self._sending.offer(asked, mail, options))
        else:
            raise ApiError(
                Code.UNSUPPORTED_MEDIA_TYPE, "The body is application/json or message/rfc822; Content-Type says which."
            )
        self._observer.answered(self._clock.monotonic() - started_s)
        return _Said(202, receipt, (_REPLAYED,) if replayed else ())

    async def _send_batch(self, request: _Request) -> _Said:
        if media_type(request.headers) != "application/json":
            raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, "The body of a batch is application/json.")
        batch = await decoded_batch(request.incoming.content)
        asked = request.asked(b"batch")
        with self._sending.under_way(asked):
            return _Said(200, await self._counted(self._sending.batch(asked, batch.messages)))

    async def _counted(self, sending: Awaitable[_T]) -> _T:
        """What waits for a commit is part of the load that is measured."""
        self.reception.pending += 1
        try:
            return await sending
        finally:
            self.reception.pending -= 1

    async def _look(self, request: _Request) -> _Said:
        return _Said(200, await self._looking.whole(request.caller.tenant, request.path[1]))

    async def _cancel(self, request: _Request) -> _Said:
        return _Said(200, await self._looking.cancel(request.caller, request.path[1]))

    async def _list(self, request: _Request) -> _Said:
        return _Said(200, await self._looking.page(request.caller.tenant, wanted(request.query)))


def _peer(scope: Scope) -> str:
    return str(scope["client"][0]) if scope["client"] else UNIX


def fields_of(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header fields by name in lower case. Raises `ApiError` for one that decides something and stands twice."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in fields and name in _ONCE:
            raise ApiError(Code.MALFORMED_REQUEST, f"The header field {name.decode('ascii')} stands twice.")
        fields[name] = value
    return fields


_ONCE = frozenset({b"authorization", b"content-type", b"content-length", b"content-encoding", b"idempotency-key"})


async def _say(send: Send, said: _Said, *, head: bool) -> None:
    content = said.content
    kind = CONTENT_TYPE if said.status >= 400 else "application/json"
    place = ((b"location", content.url.encode("ascii")),) if isinstance(content, Receipt) else ()
    await answer(send, said.status, _encode(content), kind, *said.headers, *place, head=head)
