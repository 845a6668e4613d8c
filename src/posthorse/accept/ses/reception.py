"""Reception: the bodies of requests, read in bounded room and time.

Promise: nothing beyond a request's limit is kept, whatever it declares; all bodies together stay within the room; a
client that stops sending, or sends too slowly, is given up; once it is closing, whoever comes is told to come back. The
digest is made as the bytes come, so that a large body holds nobody up. Room is given back when the request has ended.

Left out: what the body says; connections (the HTTP server).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import Any

from posthorse.accept.ses.errors import THROTTLED_TEXT, Kind, SesError
from posthorse.mail.large import LARGE_BYTES, poured, vessel

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionLimits:
    """Bounds. Defaults are generous to slow lines, and still end."""

    room_bytes: int = 512 << 20
    """Of all bodies that are being received or worked on."""
    idle_s: float = 30.0
    """Without a byte."""
    body_s: float = 300.0
    """For one whole body."""


class ClientGone(Exception):
    """The client left before its request was complete: nobody is there to be answered."""


class Reception:
    """All requests being received. `limits` may be replaced at any time."""

    __slots__ = ("_emptied", "held_bytes", "limits", "open_now", "pending")

    def __init__(self, limits: ReceptionLimits | None = None) -> None:
        self.limits = limits or ReceptionLimits()
        self.held_bytes = 0
        """Bytes of bodies that are being received or worked on."""
        self.pending = 0
        """Requests that wait for a commit."""
        self.open_now = 0
        """Requests that have not been answered."""
        self._emptied: asyncio.Event | None = None
        """Set once it is closing and nothing is open."""

    def begin(self, most_bytes: int) -> "Incoming":
        """One request, for the length of a `with` block."""
        return Incoming(self, most_bytes)

    @property
    def is_closing(self) -> bool:
        """Whether new requests are told to come back later."""
        return self._emptied is not None

    async def close(self, grace_s: float) -> None:
        """Take no more; requests under way end, for at most `grace_s`."""
        self._emptied = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while self.open_now:
                    self._emptied.clear()
                    await self._emptied.wait()

    def left(self) -> None:
        """A request has ended."""
        self.open_now -= 1
        if self._emptied is not None and not self.open_now:
            self._emptied.set()


class Incoming:
    """The body of one request."""

    __slots__ = ("_held_bytes", "_most_bytes", "_reception", "content", "sha256")

    def __init__(self, reception: Reception, most_bytes: int) -> None:
        self._reception = reception
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self.content = b""
        self.sha256 = ""
        """Of the whole body, in small hexadecimal digits."""

    def __enter__(self) -> "Incoming":
        self._reception.open_now += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reception.held_bytes -= self._held_bytes
        self._held_bytes = 0
        self.content = b""
        self._reception.left()

    async def read(self, receive: Receive, declared_bytes: int) -> None:
        """Read the whole body. `declared_bytes`: its Content-Length; 0 if there is none. Raises `SesError` and
        `ClientGone`.
        """
        if declared_bytes > self._most_bytes:
            raise self._too_large()
        limits = self._reception.limits
        if self._reception.is_closing or self._reception.held_bytes + declared_bytes > limits.room_bytes:
            raise SesError(Kind.THROTTLED, THROTTLED_TEXT)
        try:
            async with asyncio.timeout(limits.idle_s) as patience:
                message = await receive()
                if message["type"] == "http.request" and not message.get("more_body"):
                    self._take_all(message.get("body", b""))
                else:
                    await self._read_on(receive, message, patience)
        except TimeoutError:
            raise SesError(Kind.TOO_SLOW, "The body of the request did not come in time.") from None

    def _take_all(self, content: bytes) -> None:
        self._hold(len(content))
        self.content = content
        self.sha256 = sha256(content).hexdigest()

    async def _read_on(self, receive: Receive, message: MutableMapping[str, Any], patience: asyncio.Timeout) -> None:
        clock, limits = asyncio.get_running_loop().time, self._reception.limits
        ends_s = clock() + limits.body_s
        digest, kept, into = sha256(), [], None
        while True:
            if message["type"] != "http.request":
                raise ClientGone
            chunk = message.get("body", b"")
            self._hold(len(chunk))
            digest.update(chunk)
            kept.append(chunk)
            if self._held_bytes > LARGE_BYTES:
                into = into or vessel()
                into.writelines(kept)
                kept.clear()
            if not message.get("more_body"):
                break
            if chunk:
                patience.reschedule(min(clock() + limits.idle_s, ends_s))
            message = await receive()
        self.content = poured(into) if into is not None else b"".join(kept)
        self.sha256 = digest.hexdigest()

    def _hold(self, more_bytes: int) -> None:
        self._held_bytes += more_bytes
        self._reception.held_bytes += more_bytes
        if self._held_bytes > self._most_bytes:
            raise self._too_large()
        if self._reception.held_bytes > self._reception.limits.room_bytes:
            raise SesError(Kind.THROTTLED, THROTTLED_TEXT)

    def _too_large(self) -> SesError:
        return SesError(Kind.TOO_LARGE, f"A request has at most {self._most_bytes} bytes here.")
