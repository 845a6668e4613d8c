"""One end of an in-memory connection: asyncio's transport surface over a simulated kernel.

The protocol's methods run only while its process runs, in the context in which the connection was made; meanwhile the
kernel (`posthorse.lab.world.wire`) takes bytes up to its window and answers for closed ends. Promises of asyncio kept:
`connection_made` first, `connection_lost` last and once; `pause_writing` above the high-water mark, `resume_writing` at
or below the low one; no data while reading is paused; bytes after a loss are dropped.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import Any

from posthorse.lab.world.life import LIFE, Life, Pulse
from posthorse.lab.world.line import Line
from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.wire import Load, Signal, Wire

Bytes = bytes | bytearray | memoryview


class WorldTransport(asyncio.Transport):
    """One end of a connection. Made by the network in pairs (`couple`), then `open`ed by its process."""

    def __init__(
        self, loop: WorldLoop, line: Line, context: Context, local: tuple[str, int], remote: tuple[str, int]
    ) -> None:
        super().__init__({"sockname": local, "peername": remote})
        self._loop = loop
        self._serial = loop.serial()
        self.context = context
        self.life: Life | None = context.get(LIFE)
        self.incoming = Wire(loop, line, self._receive)
        self._peer: WorldTransport = self
        self._protocol: Any = asyncio.BaseProtocol()
        self._is_open = False
        self.on_gone: Callable[[WorldTransport], None] = lambda _: None
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._high, self._low = 65_536, 16_384
        self._writer_paused = False
        self._eof_wanted = False
        self._fin_sent = False
        self._unread: deque[Load] = deque()
        self._reading = True
        self._drain_wanted = False
        self._closing = False
        self._gone = False

    def __hash__(self) -> int:
        return self._serial

    # --- asyncio's surface: writing ---------------------------------------------------------------------------------

    def write(self, data: Bytes) -> None:
        """Send bytes; after the connection was lost they are dropped, as asyncio does."""
        if self._eof_wanted:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._closing or not data:
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

    # --- asyncio's surface: reading and ending ----------------------------------------------------------------------

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

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what comes to another protocol from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that gets what comes."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

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
            self._end_soon(None)

    def abort(self) -> None:
        """Drop what the kernel did not take and end at once, with FIN or RST as chance has it."""
        self._break(None, resets=self.incoming.line.dice.random() < 0.5)

    def reset(self) -> None:
        """End at once with RST, as a socket with SO_LINGER 0 does."""
        self._break(None, resets=True)

    # --- made and lost ----------------------------------------------------------------------------------------------

    def couple(self, peer: "WorldTransport") -> None:
        """Make this the other end of `peer`, and the reverse."""
        self._peer, peer._peer = peer, self

    def open(self, factory: Callable[[], asyncio.BaseProtocol]) -> asyncio.BaseProtocol:
        """Make the protocol and tell it. Call in the process the end belongs to."""
        protocol = factory()
        self._protocol = protocol
        self._is_open = True
        protocol.connection_made(self)
        if self._unread:
            self._want_drain()
        return protocol

    def break_after(self, size: int, *, resets: bool) -> None:
        """After `size` more bytes towards this end, reset both ends, or let the path die without a word."""
        self.incoming.breaks_after = size
        self.incoming.on_break = self._reset_both if resets else self._sever

    def die(self, *, vanish: bool) -> None:
        """The process was killed: its kernel says FIN, or RST if bytes were unread; nobody tells the protocol."""
        if vanish:
            self.incoming.severed = True
        elif not self._fin_sent:
            self._peer.incoming.ship(Signal.RST if self._unread else Signal.FIN)
        self._fin_sent = self._closing = self._gone = True
        self._unsent.clear()
        self._unread.clear()

    def _reset_both(self) -> None:
        self._peer.incoming.ship(Signal.RST)
        self._receive(Signal.RST)

    def _sever(self) -> None:
        self.incoming.severed = self._peer.incoming.severed = True

    def _break(self, error: Exception | None, *, resets: bool) -> None:
        if self._gone or (self._closing and not self._unsent):
            return
        self._closing = True
        self._unsent.clear()
        self._unsent_bytes = 0
        if not self._fin_sent:
            self._fin_sent = True
            self._peer.incoming.ship(Signal.RST if resets or self._unread else Signal.FIN)
        self._end_soon(error)

    def _end_soon(self, error: Exception | None) -> None:
        self._loop.call_soon(self._lose, error, context=self.context)

    def _lose(self, error: Exception | None) -> None:
        if self._gone:
            return
        self._gone = self._closing = True
        for load in self._unread:
            self._drop(load)
        self._unread.clear()
        self.on_gone(self)
        if self._is_open:
            self._protocol.connection_lost(error)

    # --- the kernel: sending ----------------------------------------------------------------------------------------

    def _push(self) -> None:
        """Put on the way what the peer's window takes; then FIN, if all is said."""
        wire = self._peer.incoming
        while self._unsent:
            if wire.room <= 0:
                return
            head = self._unsent.popleft()
            size = wire.next_piece(len(head))
            if size < len(head):
                self._unsent.appendleft(head[size:])
                head = head[:size]
            self._unsent_bytes -= size
            wire.ship(head)
        if (self._eof_wanted or self._closing) and not self._fin_sent:
            self._fin_sent = True
            wire.ship(Signal.FIN)

    def window_opened(self) -> None:
        """The peer read something."""
        if self._gone or not self._unsent:
            return
        self._push()
        if self._closing and not self._unsent:
            self._end_soon(None)
        elif self._writer_paused and self._unsent_bytes <= self._low:
            self._writer_paused = False
            self._loop.call_soon(self._resume_writing, context=self.context)

    def _resume_writing(self) -> None:
        if not self._gone:
            self._protocol.resume_writing()

    # --- the kernel: receiving --------------------------------------------------------------------------------------

    def _receive(self, load: Load) -> None:
        if self._closing:
            self._refuse(load)
        elif self._unread or not self._may_read():
            self._unread.append(load)
            self._want_drain()
        else:
            self.context.run(self._hand_over, load)

    def _refuse(self, load: Load) -> None:
        """Bytes for a closed end are answered with RST; RST for an end still flushing ends it."""
        self._drop(load)
        if isinstance(load, bytes):
            self._peer.incoming.ship(Signal.RST)
        elif load is Signal.RST and not self._gone:
            self._unsent.clear()
            self._end_soon(ConnectionResetError("connection reset by peer"))

    def _drop(self, load: Load) -> None:
        if isinstance(load, bytes):
            self.incoming.was_read(len(load))

    def _may_read(self) -> bool:
        return self._reading and self._is_open and (self.life is None or not self.life.held)

    def _want_drain(self) -> None:
        if not self._drain_wanted and (self.life is None or self.life.pulse is not Pulse.DEAD):
            self._drain_wanted = True
            self._loop.call_soon(self._drain, context=self.context)

    def _drain(self) -> None:
        self._drain_wanted = False
        while self._unread and self._may_read() and not self._closing:
            self._hand_over(self._unread.popleft())

    def _hand_over(self, load: Load) -> None:
        """Give one piece to the protocol; an exception of its ends the connection, loudly."""
        try:
            if isinstance(load, bytes):
                self.incoming.was_read(len(load))
                self._give(load)
                self._peer.window_opened()
            elif load is Signal.RST:
                self._unsent.clear()
                self._lose(ConnectionResetError("connection reset by peer"))
            elif not self._protocol.eof_received():
                self.close()
        except Exception as error:
            context = {"message": "a protocol raised", "exception": error, "protocol": self._protocol}
            self._loop.call_exception_handler(context)
            self._break(error, resets=True)

    def _give(self, data: bytes) -> None:
        if not isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.data_received(data)
            return
        while data:
            room = memoryview(self._protocol.get_buffer(len(data)))
            size = min(len(room), len(data))
            room[:size] = data[:size]
            self._protocol.buffer_updated(size)
            data = data[size:]
