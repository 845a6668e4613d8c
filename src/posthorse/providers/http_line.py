"""One connection to an HTTP server: a request's bytes out, one response in (RFC 9112).

Promise: a response is complete or there is none; a server can make us hold 64 KiB of header fields and 1 MiB of body at
most (less where less is allowed). A response nobody asked for ends the line and is never taken for the answer to a
later request.

Left out: trailers' content, upgrades, responses to HEAD and CONNECT.
"""

import asyncio

import httptools

from posthorse.mail.ports import HttpResponse
from posthorse.providers.line import Line

MOST_HEAD_BYTES = 64 << 10
MOST_BODY_BYTES = 1 << 20
_MOST_INTERIM = 8
"""1xx responses before the real one."""


class HttpLine(Line):
    """One HTTP/1.1 connection. `ask` opens an exchange, `answer` ends it."""

    def __init__(self, most_body_bytes: int = MOST_BODY_BYTES) -> None:
        super().__init__()
        self._most_body_bytes = most_body_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._asked = False
        self._response: HttpResponse | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._keeps_alive = True
        self._interim = 0
        self._begin()

    @property
    def usable(self) -> bool:
        """Open, kept alive by the server, and nothing came that was not asked for."""
        return not self.ended and not self._asked and self._keeps_alive

    @property
    def silent(self) -> bool:
        """Not one byte of the response has come."""
        return self._head_bytes == 0 and self._response is None

    @property
    def early(self) -> HttpResponse | None:
        """The response, if it is complete already."""
        return self._response

    @property
    def is_over(self) -> bool:
        """The line ended, or the response is complete."""
        return bool(self.ended) or self._response is not None

    def ask(self) -> None:
        """A request begins: from now on a response is due."""
        self.uses += 1
        self._asked = True
        self._response = None
        self._interim = 0
        self._begin()

    async def answer(self) -> HttpResponse | None:
        """The complete response, for as long as it takes; None: the line ended without one (`ended` says why)."""
        if self._response is None and not self.ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._asked = False
        return self._response

    # --- what the event loop and the parser call --------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if not self._asked or self._response is not None:
            self.end("the server sent what was not asked for")
            return
        if not self._head_done:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.end(f"not a response: {error}")
            return
        if not self._head_done and self._head_bytes > MOST_HEAD_BYTES:
            self.end("the response's header fields exceed 64 KiB")

    def eof_received(self) -> None:
        """Called by the loop. A response without a length ends here (RFC 9112 section 6.3)."""
        if self._asked and self._response is None and self._head_done and self._until_close:
            self.on_message_complete()

    def tell_end(self) -> None:
        """Wake whoever waits for the response."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._field_bytes += len(name) + len(value)
        if self._response is not None:
            self.end("the server sent what was not asked for")
        elif self._field_bytes > MOST_HEAD_BYTES:
            self.end("the response's header fields exceed 64 KiB")
        else:
            self._fields[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._head_done = True
        status = self._parser.get_status_code()
        self._until_close = (
            status >= 200
            and status not in (204, 304)
            and "content-length" not in self._fields
            and "transfer-encoding" not in self._fields
        )

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body
        if len(self._body) > self._most_body_bytes:
            self._body.clear()
            self.end(f"the response's body exceeds {self._most_body_bytes >> 10} KiB")

    def on_message_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        if self.ended or self._response is not None:
            return
        if status < 200:
            self._interim += 1
            self._begin()
            if self._interim > _MOST_INTERIM:
                self.end("the server sends interim responses without end")
            return
        self._keeps_alive = self._parser.should_keep_alive() and not self._until_close
        self._response = HttpResponse(status=status, headers=self._fields, body=bytes(self._body))
        self.tell_end()

    def _begin(self) -> None:
        """A response begins."""
        self._fields: dict[str, str] = {}
        self._body = bytearray()
        self._head_bytes = self._field_bytes = 0
        self._head_done = self._until_close = False
