"""The world's ports: skewed clocks, seeded randomness, time-ordered ids, a dialer into the simulated network."""

import asyncio
import random
from collections.abc import Callable
from typing import NoReturn, TypeVar

from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.network import Network
from posthorse.mail.ports import DialFailed, Target

T = TypeVar("T")

EPOCH_US = 1_800_000_000_000_000
"""Wall time at which every world begins: 2027-01-15 08:00 UTC."""


class WorldClock:
    """Virtual time as one node sees it. `skew_us` moves its wall clock, never its monotonic one."""

    def __init__(self, loop: WorldLoop, *, skew_us: int = 0) -> None:
        self._loop = loop
        self.skew_us = skew_us

    def now(self) -> int:
        """Wall clock: integer microseconds since 1970 UTC."""
        return EPOCH_US + self.skew_us + round(self._loop.time() * 1_000_000)

    def monotonic(self) -> float:
        """Virtual seconds since the world began."""
        return self._loop.time()


class WorldRng:
    """Seeded randomness of its own for each user, so that one more draw here changes nothing there."""

    def __init__(self, seed: int, name: str) -> None:
        self._dice = random.Random(f"{name}/{seed}")
        self.random = self._dice.random
        """A float in [0, 1)."""
        self.randrange = self._dice.randrange
        self.choice = self._dice.choice
        self.sample = self._dice.sample
        self.uniform = self._dice.uniform
        self.randbytes = self._dice.randbytes


class WorldIds:
    """128-bit ids: 48 bits of milliseconds, 16 of a counter, 64 seeded. Greater than every id of this maker before."""

    def __init__(self, clock: WorldClock, seed: int, name: str) -> None:
        self._clock = clock
        self._dice = random.Random(f"ids/{name}/{seed}")
        self._last = 0

    def new(self) -> bytes:
        """16 bytes, greater than every id this maker gave before."""
        stamp = max(self._clock.now() // 1_000 << 16, self._last + 1)
        self._last = stamp
        return stamp.to_bytes(8, "big") + self._dice.randbytes(8)


class WorldDialer:
    """Opens simulated byte streams (`posthorse.mail.ports.Dialer`). There is no TLS in a world."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def dial(self, factory: Callable[[], asyncio.Protocol], target: Target) -> asyncio.Transport:
        """Connect from the machine of the running process. Raises `DialFailed`."""
        if target.tls:
            raise DialFailed("no TLS in a simulated world")
        try:
            transport, _ = await self._network.connect(factory, target.host, target.port)
        except OSError as error:
            raise DialFailed(str(error)) from error
        return transport

    async def start_tls(self, transport: asyncio.Transport, protocol: asyncio.Protocol, target: Target) -> NoReturn:
        """Always refused."""
        del transport, protocol
        raise DialFailed(f"no TLS in a simulated world (to {target.host})")


class WorldOffload:
    """Runs blocking work at once: a world has no threads, and virtual time stands still meanwhile."""

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`; what it raises is raised here."""
        return work()
