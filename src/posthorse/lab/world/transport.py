"""One end of an in-memory connection: asyncio's transport surface over a simulated kernel.

The kernel part (arrival, windows, FIN and RST) runs whether or not the process does; the protocol's methods run only
while its process runs, in the context in which the connection was made. Bytes keep their order; where they are cut is
the line's choice. Promises of asyncio kept: `connection_made` first, `connection_lost` last and once, nothing after it;
`pause_writing` above the high-water mark, `resume_writing` at or below the low one; no data while reading is paused.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from enum import Enum
from typing import Any

from posthorse.lab.world.life import LIFE, Life, Pulse
from posthorse.lab.world.line import WINDOW_BYTES, Cutting, Line
from posthorse.lab.world.loop import WorldLoop

Bytes = bytes | bytearray | memoryview


class Signal(Enum):
    """What travels besides bytes."""

    FIN = "fin"
    """The sender will send no more."""
    RST = "rst"
    """The connection is gone."""


KERNEL = Context()
"""Arrivals belong to no process."""


class WorldTransport(asyncio.Transport):
    """One end of a connection. Made by the network in pairs (`couple`)."""

    def __init__(
        self, loop: WorldLoop, line: Line, context: Context, local: tuple[str, int], remote: tuple[str, int]
    ) -> None:
        super().__init__({"sockname": local, "peername": remote})
        self._loop = loop
        self._line = line
        self._context = context
        self.life: Life | None = context.get(LIFE)
        self._peer: WorldTransport = self
        self._protocol: asyncio.BaseProtocol = asyncio.BaseProtocol()
        self._cutting: Cutting = line.cutting()
        self.on_gone: Callable[[WorldTransport], None] = lambda _: None
        # sending
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._high, self._low = 65_536, 16_384
        self._writer_paused = False
        self._carried = 0
        self._eof_wanted = False
        self._fin_sent = False
        # receiving
        self._under_way: deque[tuple[float, float, bytes | Signal]] = deque()
        """Arrival, departure and payload of what travels towards this end."""
        self._unread: deque[bytes | Signal] = deque()
        self._held_bytes = 0
        """Under way or unread: what fills the window."""
        self._arrival_armed = False
        self._reading = True
        self._drain_wanted = False
        self._made = False
        # ending
        self._closing = False
        self._gone = False
        self.unreachable = False
        """The machine vanished: nothing that arrives is answered."""
        self.limit_bytes: int | None = None
        """After so many arriving bytes `limit_signal` happens (reset), or nothing ever arrives again (None)."""
        self.limit_resets = False

    # --- asyncio's surface: writing ---------------------------------------------------------------------------------

    def write(self, data: Bytes) -> None:
        """Send bytes; after the connection was lost they are dropped, as asyncio does."""
        if self._eof_wanted:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._gone or not data:
            return
        self._unsent.append(bytes(data))
        self._unsent_bytes += len(data)
        self._push()
        if self._unsent_bytes > self._high and not self._writer_paused:
            self._writer_paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[Bytes]) -> None:
        """Send several pieces as one write."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Send FIN once everything written has left; reading goes on."""
        self._eof_wanted = True
        self._push()

    def can_write_eof(self) -> bool:
        """Half-closing works, as on TCP."""
        return True

    def get_write_buffer_size(self) -> int:
        """Bytes the kernel has not taken yet."""
        return self._unsent_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Low and high water, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the water marks, with asyncio's defaults."""
        if high is None:
            high = 65_536 if low is None else 4 * low
        self._high, self._low = high, high // 4 if low is None else low

    # --- asyncio's surface: reading ---------------------------------------------------------------------------------

    def is_reading(self) -> bool:
        """Whether data may come."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """No data until `resume_reading`; the window fills meanwhile."""
        self._reading = False

    def resume_reading(self) -> None:
        """Let data come again."""
        if not self._reading and not self._closing:
            self._reading = True
            self._want_drain()

    # --- asyncio's surface: the rest --------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what comes to another protocol from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that gets what comes."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether the end has begun."""
        return self._closing

    def close(self) -> None:
        """Send what was written, then FIN; what arrives from now on is refused."""
        if self._closing:
            return
        self._closing = True
        self._push()
        if not self._unsent:
            self._loop.call_soon(self._lose, None, context=self._context)

    def abort(self) -> None:
        """Drop what was not taken and end at once."""
        self._force(None)

    # --- made and lost ----------------------------------------------------------------------------------------------

    def couple(self, peer: "WorldTransport") -> None:
        """Make this the other end of `peer`, and the reverse."""
        self._peer, peer._peer = peer, self

    def open(self, factory: Callable[[], asyncio.BaseProtocol]) -> asyncio.BaseProtocol:
        """Make the protocol and tell it. Call in the context of its process."""
        self._protocol = factory()
        self._made = True
        self._protocol.connection_made(self)
        if self._unread:
            self._want_drain()
        return self._protocol

    def die(self) -> None:
        """The process was killed: its kernel says FIN, or RST if it had unread bytes; the protocol learns nothing."""
        if self._gone:
            return
        had_unread = bool(self._unread)
        self._gone = self._closing = True
        self._unsent.clear()
        self._unread.clear()
        if not self.unreachable and not self._fin_sent:
            self._peer.ship(Signal.RST if had_unread else Signal.FIN)
            self._fin_sent = True

    def rearm(self) -> None:
        """The line healed: what waited under way may arrive."""
        if self._under_way and not self._arrival_armed:
            self._arm(max(self._loop.time(), self._under_way[0][0]))

    def _force(self, error: Exception | None) -> None:
        if self._gone or (self._closing and not self._unsent):
            return
        self._closing = True
        self._unsent.clear()
        self._unsent_bytes = 0
        if not self._fin_sent:
            self._fin_sent = True
            self._peer.ship(Signal.RST if self._unread or self._line.dice.random() < 0.5 else Signal.FIN)
        self._loop.call_soon(self._lose, error, context=self._context)

    def _lose(self, error: Exception | None) -> None:
        if self._gone:
            return
        self._gone = self._closing = True
        self._unread.clear()
        self._held_bytes = sum(len(load) for _, _, load in self._under_way if isinstance(load, bytes))
        self.on_gone(self)
        if self._made:
            self._protocol.connection_lost(error)

    # --- the kernel: sending ----------------------------------------------------------------------------------------

    def _push(self) -> None:
        """Put on the way what the peer's window takes; then FIN, if all is said."""
        peer = self._peer
        while self._unsent:
            room = WINDOW_BYTES - peer._held_bytes
            if room <= 0:
                return
            head = self._unsent.popleft()
            size = self._line.piece(self._cutting, self._carried, min(len(head), room))
            if size < len(head):
                self._unsent.appendleft(head[size:])
                head = head[:size]
            self._unsent_bytes -= size
            self._carried += size
            peer.ship(head, together=self._cutting is Cutting.WHOLE)
        if (self._eof_wanted or self._closing) and not self._fin_sent:
            self._fin_sent = True
            peer.ship(Signal.FIN)

    def _taken(self) -> None:
        """The peer's window opened."""
        self._push()
        if self._closing and not self._unsent and not self._gone:
            self._loop.call_soon(self._lose, None, context=self._context)
        elif self._writer_paused and self._unsent_bytes <= self._low and not self._gone:
            self._writer_paused = False
            self._loop.call_soon(self._resume_writing, context=self._context)

    def _resume_writing(self) -> None:
        if not self._gone:
            self._protocol.resume_writing()

    # --- the kernel: receiving --------------------------------------------------------------------------------------

    def ship(self, load: bytes | Signal, *, together: bool = False) -> None:
        """Put `load` on the way towards this end."""
        now = self._loop.time()
        if isinstance(load, bytes):
            self._held_bytes += len(load)
        if self._under_way:
            arrives_at, left_at, last = self._under_way[-1]
            if together and left_at == now and isinstance(last, bytes) and isinstance(load, bytes):
                self._under_way[-1] = (arrives_at, left_at, last + load)
                return
            self._under_way.append((max(arrives_at, now + self._line.delay_s()), now, load))
        else:
            self._under_way.append((now + self._line.delay_s(), now, load))
            if not self._arrival_armed:
                self._arm(self._under_way[0][0])

    def _arm(self, when: float) -> None:
        self._arrival_armed = True
        self._loop.call_at(when, self._arrive, context=KERNEL)

    def _arrive(self) -> None:
        self._arrival_armed = False
        if self._line.is_cut:
            return
        now = self._loop.time()
        while self._under_way and self._under_way[0][0] <= now:
            self._receive(self._under_way.popleft()[2])
        if self._under_way and not self._arrival_armed:
            self._arm(self._under_way[0][0])

    def _receive(self, load: bytes | Signal) -> None:
        if self.unreachable or (self.limit_bytes is not None and not self._within_limit(load)):
            return
        if self._gone or self._closing:
            self._refuse(load)
            return
        if self._unread or not self._may_read():
            self._unread.append(load)
            self._want_drain()
            return
        self._context.run(self._hand_over, load)

    def _refuse(self, load: bytes | Signal) -> None:
        """Bytes for an end that is closed are answered with RST."""
        if isinstance(load, bytes):
            self._held_bytes -= len(load)
            if not self._peer._gone:
                self._peer.ship(Signal.RST)
        if self._closing and not self._gone and load is Signal.RST:
            self._unsent.clear()
            self._loop.call_soon(self._lose, ConnectionResetError("connection reset by peer"), context=self._context)

    def _within_limit(self, load: bytes | Signal) -> bool:
        """Count arriving bytes against the door's limit; at the limit reset both ends, or swallow everything."""
        assert self.limit_bytes is not None
        if isinstance(load, bytes) and self.limit_bytes >= len(load):
            self.limit_bytes -= len(load)
            return True
        if isinstance(load, Signal):
            return not self.limit_bytes <= 0 or self.limit_resets
        self.limit_bytes = 0
        if self.limit_resets:
            self.limit_bytes = None
            self._peer.ship(Signal.RST)
            self._receive(Signal.RST)
        return False

    def _may_read(self) -> bool:
        return self._reading and self._made and (self.life is None or not self.life.held)

    def _want_drain(self) -> None:
        if not self._drain_wanted and (self.life is None or self.life.pulse is not Pulse.DEAD):
            self._drain_wanted = True
            self._loop.call_soon(self._drain, context=self._context)

    def _drain(self) -> None:
        self._drain_wanted = False
        while self._unread and self._may_read() and not self._closing:
            self._hand_over(self._unread.popleft())

    def _hand_over(self, load: bytes | Signal) -> None:
        """Give one piece to the protocol; an exception of its ends the connection, loudly."""
        try:
            if isinstance(load, bytes):
                self._held_bytes -= len(load)
                self._give(load)
                if self._peer._unsent:
                    self._peer._taken()
            elif load is Signal.RST:
                self._closing = True
                self._unsent.clear()
                self._lose(ConnectionResetError("connection reset by peer"))
            elif isinstance(self._protocol, asyncio.Protocol | asyncio.BufferedProtocol):
                if not self._protocol.eof_received():
                    self.close()
        except Exception as error:
            self._loop.call_exception_handler(
                {"message": f"{type(self._protocol).__name__} raised", "exception": error, "transport": self}
            )
            self._force(error)

    def _give(self, data: bytes) -> None:
        protocol: Any = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(data)
            return
        while data:
            room = protocol.get_buffer(len(data))
            size = min(len(room), len(data))
            memoryview(room)[:size] = data[:size]
            protocol.buffer_updated(size)
            data = data[size:]
