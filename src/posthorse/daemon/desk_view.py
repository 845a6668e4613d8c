"""The daemon as operators' commands see it: standings, orders, keys, reload and backup of the running gateway."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from posthorse.control.node import ProviderState
from posthorse.gateway import Gateway
from posthorse.mail.ids import ProviderName

Reload = Callable[[], Awaitable[tuple[Sequence[str], Sequence[str]]]]


class DaemonNode:
    """Implements `posthorse.control.node.Node` on a running gateway."""

    running = True

    def __init__(
        self,
        gateway: Gateway,
        *,
        keys_changed: Callable[[], Awaitable[None]],
        reload: Reload,
        backup: Callable[[Path], Awaitable[int]],
        hindered: Callable[[], Mapping[ProviderName, str]],
    ) -> None:
        """`hindered`: which providers get no mail for a reason of ours, and why."""
        self._gateway = gateway
        self._keys_changed = keys_changed
        self._reload = reload
        self._backup = backup
        self._hindered = hindered

    @property
    def provider_names(self) -> Sequence[ProviderName]:
        """Every configured provider."""
        return tuple(self._gateway.dispatcher.ways)

    def provider_states(self) -> Mapping[ProviderName, ProviderState]:
        """Every provider's state now."""
        pictures = self._gateway.watcher.picture()
        hindered = self._hindered()
        return {
            name: ProviderState(
                standing=picture.state,
                why="; ".join(filter(None, (picture.why, hindered.get(name)))),
                slots=way.slots,
                in_use=way.busy,
                attempts_last_minute=picture.attempts,
                failures_last_minute=picture.failures,
                typical_s=picture.typical_s,
            )
            for name, picture in pictures.items()
            if (way := self._gateway.dispatcher.ways.get(name))
        }

    async def orders_changed(self) -> None:
        """Follow the standing orders as they are in the spool now."""
        await self._gateway.follow_orders()

    def restored(self, name: ProviderName) -> None:
        """Forget what was held against a provider."""
        self._gateway.restore(name)

    async def keys_changed(self) -> None:
        """Take over the access keys as they are in the spool now."""
        await self._keys_changed()

    async def reload(self) -> tuple[Sequence[str], Sequence[str]]:
        """Read the configuration again: what took effect, what needs a restart. Raises `NotDone` with every problem."""
        return await self._reload()

    async def backup(self, path: Path) -> int:
        """Copy the spool to a new file while mail goes on; answers its size in bytes. Raises `NotDone`."""
        return await self._backup(path)
