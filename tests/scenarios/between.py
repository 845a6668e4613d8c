"""Between: an HTTP way to the gateway on which a test may stand: it can throttle, lose an answer, or hold one back.

Every request has its own connection on either side, so that each is one decision: forwarded as it is (the signature
covers the Host header, which names this way), answered here without being forwarded, or forwarded with its answer lost.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum


class Act(Enum):
    """What happens to one request."""

    FORWARD = "forward"
    """It is answered by the gateway."""
    THROTTLE = "throttle"
    """It is answered here as SES answers who sends too fast; the gateway never sees it."""
    FAIL = "fail"
    """It is answered here with a 500 in the shape of SES; the gateway never sees it."""
    LOSE = "lose"
    """The gateway answers it, and the connection ends instead of giving the answer."""
    HOLD = "hold"
    """As `LOSE`, but only once the test says so."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request."""

    method: str
    path: str
    fields: dict[str, str]
    """Names in lower case."""
    body: bytes
    act: Act

    @property
    def invocation(self) -> str:
        """What all tries of one call have in common; empty: the client does not say."""
        return self.fields.get("amz-sdk-invocation-id", "")


@dataclass(slots=True)
class Between:
    """The way, once it listens."""

    gateway_port: int
    port: int = 0
    plan: deque[Act] = field(default_factory=deque)
    """What happens to the next requests, in order; afterwards they are forwarded."""
    per_call: tuple[Act, ...] = ()
    """The same for the tries of each call by itself, told apart by their invocation id."""
    seen: list[Seen] = field(default_factory=list)
    held: int = 0
    """Answers held back now."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _free: bool = False

    @property
    def url(self) -> str:
        """What clients are told."""
        return f"http://127.0.0.1:{self.port}"

    async def holds(self, answers: int) -> None:
        """Wait until so many answers are held back."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.held >= answers)

    async def let_go(self) -> None:
        """Lose the answers that are held back."""
        async with self._changed:
            self._free = True
            self._changed.notify_all()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        try:
            await self._exchange(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side may go at any moment: that is what is played here
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        act = self._act(fields.get("amz-sdk-invocation-id", ""))
        self.seen.append(Seen(method=method, path=path, fields=fields, body=body, act=act))
        if act is Act.THROTTLE or act is Act.FAIL:
            writer.write(_refusal(act, v2=path.startswith("/v2/")))
            await writer.drain()
            return
        lines = [line for line in lines if not line.lower().startswith("connection:")]
        answer = await self._ask("\r\n".join([first, *lines, "Connection: close", "", ""]).encode("latin-1") + body)
        if act is Act.HOLD:
            await self._held_back()
        elif act is Act.FORWARD:
            writer.write(answer)
            await writer.drain()

    def _act(self, invocation: str) -> Act:
        if self.per_call:
            before = sum(one.invocation == invocation for one in self.seen)
            return self.per_call[before] if before < len(self.per_call) else Act.FORWARD
        return self.plan.popleft() if self.plan else Act.FORWARD

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway_port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()

    async def _held_back(self) -> None:
        async with self._changed:
            self.held += 1
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._free)


@asynccontextmanager
async def between(
    gateway_port: int, plan: tuple[Act, ...] = (), per_call: tuple[Act, ...] = ()
) -> AsyncIterator[Between]:
    """A way to the gateway for the length of a block."""
    way = Between(gateway_port, plan=deque(plan), per_call=per_call)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0, limit=1 << 20)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        await way.let_go()
        await server.wait_closed()


def _refusal(act: Act, *, v2: bool) -> bytes:
    """As SES says it, in the shape of either version of its API."""
    if v2:
        status, code = ("429 ", "TooManyRequestsException") if act is Act.THROTTLE else ("500 ", "InternalFailure")
        kind, body = "application/json", '{"message":"Maximum sending rate exceeded."}'
        more = f"x-amzn-ErrorType: {code}\r\n"
    else:
        status, code = ("400 ", "Throttling") if act is Act.THROTTLE else ("500 ", "InternalFailure")
        kind, more = "text/xml", ""
        body = (
            '<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error><Type>Sender</Type>'
            f"<Code>{code}</Code><Message>Maximum sending rate exceeded.</Message></Error>"
            "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
        )
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    )
    return (head + body).encode()
