"""The door of a simulated provider (`posthorse.lab.simulated.Door`) in the world's network."""

import asyncio

from posthorse.lab.world.line import Door
from posthorse.lab.world.network import Network
from posthorse.lab.world.transport import WorldTransport


class WorldDoor:
    """One port of one machine; what it does to new connections is the network's business."""

    def __init__(self, network: Network, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._port = port

    async def open(self) -> None:
        """Take connections."""
        self._network.door(self._host, self._port, Door.OPEN)

    async def refuse(self) -> None:
        """Refuse every new connection."""
        self._network.door(self._host, self._port, Door.REFUSES)

    async def swallow(self) -> None:
        """Let no new connection complete."""
        self._network.door(self._host, self._port, Door.SILENT)

    def reset(self, transport: asyncio.Transport) -> None:
        """End one connection with RST."""
        assert isinstance(transport, WorldTransport)
        transport.reset()
