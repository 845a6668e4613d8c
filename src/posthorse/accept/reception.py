"""Reception: the bodies of requests, read in bounded room and time.

Promise: nothing beyond a request's limit is kept, whatever it declares; all bodies together stay within the room; a
client that stops sending, or sends too slowly, is given up; once it is closing, whoever comes is told to come back. The
digest is made as the bytes come, so that a large body holds nobody up. Room is given back when the request has ended.

Callers who can be told from strangers only by their whole body have a room of their own until then (`unverified`):
however full it is, it is no load, and keeps no mail out whose sender is known.

Left out: what the body says; how a front words that it was not received; connections (the HTTP server).
"""

import asyncio
import contextlib
from dataclasses import dataclass
from enum import Enum, unique
from hashlib import sha256
from io import BytesIO
from types import TracebackType

from posthorse.accept.unverified import Share, UnverifiedRoom
from posthorse.asgi import Receive, read_body
from posthorse.mail.large import LARGE_BYTES, poured, vessel
from posthorse.mail.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionLimits:
    """Bounds. Defaults are generous to slow lines, and still end."""

    room_bytes: int = 512 << 20
    """Of all bodies that are being received or worked on, whose callers are known."""
    unverified_bytes: int = 256 << 20
    """Of all bodies whose callers are not known yet."""
    idle_s: float = 30.0
    """Without a byte."""
    body_s: float = 300.0
    """For one whole body."""
    least_bytes_per_s: float = 8_192.0
    """Who is slower than this by more than `idle_s` is given up."""

    @classmethod
    def within(cls, memory_bytes: int) -> "ReceptionLimits":
        """Where all messages being received may have `memory_bytes` before mail is shed."""
        return cls(room_bytes=2 * memory_bytes, unverified_bytes=memory_bytes)


@unique
class Why(Enum):
    """Why a body is not received."""

    TOO_LARGE = "too_large"
    """The request has more bytes than any that is taken."""
    BUSY = "busy"
    """There is no room, or it is closing: the client should come back."""
    TOO_SLOW = "too_slow"
    """It did not come in time."""


class NotReceived(Exception):
    """The request ends here."""

    def __init__(self, why: Why, most_bytes: int) -> None:
        """`most_bytes`: that a request may have."""
        super().__init__(why.value)
        self.why = why
        self.most_bytes = most_bytes


class Reception:
    """All requests being received. `limits` may be replaced at any time."""

    __slots__ = ("_emptied", "_limits", "held_bytes", "open_now", "pending", "unverified")

    def __init__(self, clock: Clock, limits: ReceptionLimits | None = None) -> None:
        self._limits = limits or ReceptionLimits()
        self.unverified = UnverifiedRoom(clock, self._limits.unverified_bytes)
        """Bodies whose callers are not known yet."""
        self.held_bytes = 0
        """Bytes of bodies that are being received or worked on, whose callers are known."""
        self.pending = 0
        """Requests that wait for a commit."""
        self.open_now = 0
        """Requests that have not been answered."""
        self._emptied: asyncio.Event | None = None
        """Set once it is closing and nothing is open."""

    @property
    def limits(self) -> ReceptionLimits:
        """In force."""
        return self._limits

    @limits.setter
    def limits(self, limits: ReceptionLimits) -> None:
        self._limits = limits
        self.unverified.room_bytes = limits.unverified_bytes

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

    __slots__ = (
        "_declared_bytes",
        "_digest",
        "_got_bytes",
        "_into",
        "_kept",
        "_most_bytes",
        "_reception",
        "_share",
        "content",
        "sha256",
    )

    def __init__(self, reception: Reception, most_bytes: int) -> None:
        self._reception = reception
        self._most_bytes = most_bytes
        self._got_bytes = 0
        self._declared_bytes = 0
        self._share: Share | None = None
        """Of the room for callers who are not known yet; None: this one is known."""
        self._digest = sha256()
        self._kept: list[bytes] = []
        self._into: BytesIO | None = None
        """What a large body is poured into."""
        self.content = b""
        self.sha256 = ""
        """Of the whole body, in small hexadecimal digits."""

    def __enter__(self) -> "Incoming":
        self._reception.open_now += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._share is not None:
            self._share.leave()
        else:
            self._reception.held_bytes -= self._got_bytes
        self._got_bytes = 0
        self.content = b""
        self._kept.clear()
        self._into = None
        self._reception.left()

    async def read(self, receive: Receive, declared_bytes: int, unverified: str = "") -> None:
        """Read the whole body. `declared_bytes`: its Content-Length; 0 if there is none. `unverified`: the site of a
        caller who is not known yet. Raises `NotReceived`, and `ClientGone` of ASGI.
        """
        limits = self._reception.limits
        if declared_bytes > self._most_bytes:
            raise self._refused(Why.TOO_LARGE)
        if self._reception.is_closing or self._reception.held_bytes + declared_bytes > limits.room_bytes:
            raise self._refused(Why.BUSY)
        self._declared_bytes = declared_bytes
        if unverified:
            self._share = self._reception.unverified.enter(unverified)
        try:
            await read_body(
                receive,
                self._take,
                idle_s=limits.idle_s,
                whole_s=limits.body_s,
                least_bytes_per_s=limits.least_bytes_per_s,
            )
        except TimeoutError:
            raise self._refused(Why.TOO_SLOW) from None
        self.content = poured(self._into) if self._into is not None else b"".join(self._kept)
        self.sha256 = self._digest.hexdigest()
        self._kept.clear()
        self._into = None

    def known(self) -> None:
        """The caller of a body that was read is known now. Raises `NotReceived` if there is no room for it."""
        if self._share is None:
            return
        self._share.leave()
        self._reception.unverified.prove(self._share.site)
        self._share = None
        self._reception.held_bytes += self._got_bytes
        if self._reception.held_bytes > self._reception.limits.room_bytes:
            raise self._refused(Why.BUSY)

    def _take(self, piece: bytes) -> None:
        self._got_bytes += len(piece)
        if self._share is None:
            self._reception.held_bytes += len(piece)
        elif not self._share.take(len(piece), is_small=max(self._got_bytes, self._declared_bytes) <= LARGE_BYTES):
            raise self._refused(Why.BUSY)
        if self._got_bytes > self._most_bytes:
            raise self._refused(Why.TOO_LARGE)
        if self._reception.held_bytes > self._reception.limits.room_bytes:
            raise self._refused(Why.BUSY)
        self._digest.update(piece)
        self._kept.append(piece)
        if self._got_bytes > LARGE_BYTES:
            self._into = self._into or vessel()
            self._into.writelines(self._kept)
            self._kept.clear()

    def _refused(self, why: Why) -> NotReceived:
        return NotReceived(why, self._most_bytes)
