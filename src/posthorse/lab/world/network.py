"""An in-memory network for the world's loop: named machines, ports, and everything that can go wrong between them.

`WorldLoop.create_server` and `create_connection` (and so `asyncio.start_server` and `open_connection`) reach it, from
whatever process calls them; so code written for real sockets runs here unchanged. Faults: a door that refuses, stays
silent, resets or swallows; a line that is slow, cut, or cuts bytes anywhere; a machine that vanishes.

Left out: TLS, UDP, name servers; addresses are 10.0.0.N, and 127.0.0.1 is the machine one is on.
"""

import asyncio
import itertools
import random
from collections.abc import Callable
from typing import Any

from posthorse.lab.world.call import Call, Meeting
from posthorse.lab.world.life import LIFE, Life
from posthorse.lab.world.line import Door, DoorState, Line
from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.server import WorldServer
from posthorse.lab.world.transport import WorldTransport

HERE = ("127.0.0.1", "localhost", "::1")
OUTSIDE = "outside"
"""The machine of whoever belongs to no process."""


class Network:
    """Machines, lines between them, and who listens where."""

    def __init__(self, loop: WorldLoop) -> None:
        self.loop = loop
        self._dice = random.Random(f"network/{loop.seed}")
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._doors: dict[tuple[str, int], DoorState] = {}
        self._servers: dict[tuple[str, int], WorldServer] = {}
        self._open: dict[WorldTransport, None] = {}
        self._vanished: dict[str, list[WorldTransport]] = {}
        """Machines that are gone, with the ends that died without a word."""
        self._ports = itertools.count(40_001)
        self.add_machine(OUTSIDE)
        loop.network = self

    # --- machines and conditions ------------------------------------------------------------------------------------

    def add_machine(self, name: str) -> str:
        """Make a machine known; answers its address. Known already: the same address."""
        if name not in self._addresses:
            address = f"10.0.0.{len(self._addresses) + 1}"
            self._addresses[name] = address
            self._names[name] = self._names[address] = name
        return self._addresses[name]

    def line(self, one: str, other: str) -> Line:
        """The line between two machines (or of one with itself)."""
        key = (min(one, other), max(one, other))
        if key not in self._lines:
            self._lines[key] = Line(dice=self._dice)
        return self._lines[key]

    def cut(self, one: str, other: str) -> None:
        """Partition two machines."""
        self.line(one, other).is_cut = True
        self.loop.trace.note(f"cut {one} {other}")

    def heal(self, one: str, other: str) -> None:
        """End the partition: what was under way arrives."""
        line = self.line(one, other)
        line.is_cut = False
        self.loop.trace.note(f"heal {one} {other}")
        for transport in list(self._open):
            if transport.incoming.line is line:
                transport.incoming.rearm()

    def door(self, host: str, port: int, door: Door, after_bytes: int = 0) -> None:
        """Say how a port of a machine treats new connections from now on."""
        self._doors[(host, port)] = DoorState(door=door, after_bytes=after_bytes)
        self.loop.trace.note(f"door {host}:{port} {door.value} {after_bytes}")

    def kill(self, life: Life, *, vanish: bool = False) -> None:
        """End all that a process had open: with FIN and RST, or without a word when the machine vanished."""
        if vanish:
            self._vanished.setdefault(life.host, [])
        for key in [key for key, server in self._servers.items() if server.life is life]:
            del self._servers[key]
        for transport in [transport for transport in self._open if transport.life is life]:
            transport.die(vanish=vanish)
            del self._open[transport]
            if vanish:
                self._vanished[life.host].append(transport)

    def revive(self, host: str) -> None:
        """The machine is back; its old connections are not, and bytes for them are answered with RST."""
        for transport in self._vanished.pop(host, []):
            transport.incoming.severed = False

    def end(self) -> None:
        """The world is over: no connection is open any more."""
        for transport in self._open:
            transport.die(vanish=True)
        self._open.clear()

    # --- what the loop's create_server and create_connection call ---------------------------------------------------

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], host: Any, port: int | None) -> WorldServer:
        """Listen on the machine of the running process. Port 0 or None: a free one. Raises OSError if taken."""
        machine = self._machine_here()
        key = (machine, port or next(self._ports))
        if key in self._servers:
            raise OSError(98, f"address already in use: {machine}:{port}")
        shown = host if isinstance(host, str) and host else self._addresses[machine]
        server = WorldServer(self.loop, factory, (shown, key[1]), lambda: self._servers.pop(key, None))
        self._servers[key] = server
        return server

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[WorldTransport, asyncio.BaseProtocol]:
        """Connect from the machine of the running process. Raises OSError: refused, timed out, unknown name."""
        source, goal = self._machine_here(), self._resolve(host)
        call = Call(self.loop, self.line(source, goal), source, (goal, port), self._meet)
        transport = await call.connect()
        return transport, transport.open(factory)

    # --- details ----------------------------------------------------------------------------------------------------

    def _machine_here(self) -> str:
        life = LIFE.get()
        return OUTSIDE if life is None else life.host

    def _resolve(self, host: str) -> str:
        if host in HERE:
            return self._machine_here()
        if host not in self._names:
            raise OSError(-2, f"name or service not known: {host}")
        return self._names[host]

    def _meet(self, call: Call) -> Meeting:
        """A SYN arrived: if somebody listens, the kernel makes both ends; the process hears of it when it runs."""
        state = self._doors.get(call.goal, DoorState())
        if call.goal[0] in self._vanished or state.door is Door.SILENT or call.line.is_cut:
            return None
        server = self._servers.get(call.goal)
        if server is None or state.door is Door.REFUSES:
            return ConnectionRefusedError(111, f"connection refused: {call.goal[0]}:{call.goal[1]}")
        near, far = self._couple(call, server)
        if state.door in (Door.RESETS, Door.SWALLOWS):
            far.break_after(state.after_bytes, resets=state.door is Door.RESETS)
        server.welcome(far)
        return near

    def _couple(self, call: Call, server: WorldServer) -> tuple[WorldTransport, WorldTransport]:
        host, port = call.goal
        on_one_machine = call.source == host
        caller = (HERE[0] if on_one_machine else self._addresses[call.source], next(self._ports))
        callee = (HERE[0] if on_one_machine else self._addresses[host], port)
        near = WorldTransport(self.loop, call.line, call.context, caller, callee)
        far = WorldTransport(self.loop, call.line, server.context.copy(), callee, caller)
        near.couple(far)
        for end in (near, far):
            self._open[end] = None
            end.on_gone = self._forget
        return near, far

    def _forget(self, transport: WorldTransport) -> None:
        self._open.pop(transport, None)
