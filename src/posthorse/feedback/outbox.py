"""The outbox: a messenger for each customer endpoint, each running by itself.

Promise: a change of the configuration touches only the endpoints that it changes; a messenger that fails by a bug is
started again, and the others notice nothing. Left out: what a messenger does (`webhook_messenger`).
"""

import asyncio
from collections.abc import Iterable, Mapping

from posthorse.feedback.webhook_call import Endpoint
from posthorse.feedback.webhook_messenger import EndpointStanding, Messenger, OutboxPorts
from posthorse.spool.outbox_port import EndpointKey

GRACE_S = 3.0
"""How long calls under way are waited for when an endpoint changes or the gateway stops."""


class Outbox:
    """Runs from the first `follow` to `stop`."""

    def __init__(self, ports: OutboxPorts) -> None:
        self._ports = ports
        self._running: dict[EndpointKey, tuple[Messenger, asyncio.Task[None]]] = {}

    async def follow(self, endpoints: Iterable[Endpoint]) -> None:
        """Tell these from now on, and no others."""
        wanted = {(endpoint.tenant, endpoint.name): endpoint for endpoint in endpoints}
        changed = [key for key, (messenger, _) in self._running.items() if wanted.get(key) != messenger.endpoint]
        await self._end(changed)
        for key, endpoint in wanted.items():
            if key not in self._running:
                messenger = Messenger(endpoint, self._ports)
                self._running[key] = (messenger, asyncio.get_running_loop().create_task(self._guard(messenger)))

    async def stop(self) -> None:
        """End every messenger; what was told and could not be recorded is told again at the next start."""
        await self._end(list(self._running))

    # --- for the gauges ---------------------------------------------------------------------------------------------

    def lag_readings(self) -> Mapping[tuple[str, ...], float]:
        """Seconds each endpoint is behind, by name."""
        return {(messenger.endpoint.name,): messenger.lag_s() for messenger, _ in self._running.values()}

    def waiting_readings(self) -> Mapping[tuple[str, ...], float]:
        """Facts that each endpoint did not take and is told again, by name."""
        return {(messenger.endpoint.name,): float(messenger.waiting) for messenger, _ in self._running.values()}

    def standings(self) -> Mapping[str, EndpointStanding]:
        """How each endpoint is, by name."""
        return {messenger.endpoint.name: messenger.standing for messenger, _ in self._running.values()}

    # --- running ----------------------------------------------------------------------------------------------------

    async def _end(self, keys: Iterable[EndpointKey]) -> None:
        ended = [self._running.pop(key) for key in keys]
        for messenger, _ in ended:
            messenger.end()
        tasks = [task for _, task in ended]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guard(self, messenger: Messenger) -> None:
        """A bug is loud, counted and restarted with growing pauses."""
        pause_s = 0.5
        while True:
            try:
                await messenger.run()
                return
            except Exception as error:
                self._ports.journal.bug("webhooks", error)
                await asyncio.sleep(pause_s)
                pause_s = min(60.0, pause_s * 2)
