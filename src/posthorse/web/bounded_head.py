"""Heads of requests in bounded room and time: uvicorn itself would read one header without an end, for ever.

Promise: a head of more than `MAX_HEAD_BYTES`, or one that takes longer than `HEAD_S`, ends the connection; a connection
that never says anything is given up as well, and one that goes on with a body which was answered before its end. Costs
a request nothing but two assignments. A connection for which there is no room (`crowd`) is told so and ended.

Left out: bodies that are waited for (the fronts), connections kept between requests (uvicorn's own limit).
"""

import asyncio

from posthorse.mail.peer import site
from posthorse.web.crowd import Crowd, Worth
from posthorse.web.one_write import OneWriteProtocol

MAX_HEAD_BYTES = 64 << 10
"""Of the request line and all header fields, beside what one read brings."""
HEAD_S = 20.0

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_FULL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
_NO_ADDRESS = "unix"
"""Whoever may open a unix socket."""


class BoundedHeadProtocol(OneWriteProtocol):
    """uvicorn's protocol with these bounds."""

    head_s = HEAD_S
    crowd: Crowd
    """Of its listener."""
    _in_head = True
    _head_bytes = 0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and wait for the first head, if there is room."""
        super().connection_made(transport)
        if self.crowd.enter(self._peer, self, is_local=self.client is None):
            self._wait()
        else:
            self.transport.write(_FULL)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._rest()
        self.crowd.leave(self._peer, self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that goes on is counted and timed."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._in_head:
            if self._patience is None and getattr(self.cycle, "response_complete", False):
                self._wait()  # what still comes of a body that nobody reads, until the next head
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._end(_TOO_LARGE)
        elif self._patience is None:
            self._wait()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """It is whole."""
        self._in_head = False
        self._rest()
        super().on_headers_complete()

    @property
    def worth(self) -> Worth:
        """What would be lost with it now."""
        if getattr(self.cycle, "response_complete", True):
            return Worth.SILENT if not hasattr(self.cycle, "response_complete") else Worth.IDLE
        return Worth.SENDING if self.cycle.more_body else Worth.WAITING

    def give_way(self) -> None:
        """End at once."""
        self._rest()
        self.transport.close()

    @property
    def _peer(self) -> str:
        return site(self.client[0]) if self.client is not None else _NO_ADDRESS

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.head_s, self._end, _TOO_SLOW)

    def _rest(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end(self, answer: bytes) -> None:
        """Answer unless another answer is under way, and end the connection."""
        self._rest()
        if not self.transport.is_closing():
            if getattr(self.cycle, "response_complete", True):
                self.transport.write(answer)
            self.transport.close()
