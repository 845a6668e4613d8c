"""Standing orders: eject, fail over, stop; and the gateway in one look.

An order is a row in the spool with who gave it and until when; the node is told to follow it at once. Ejecting every
provider of the configuration is refused: that is what `stop-sending` is for.
"""

from collections.abc import Mapping, Sequence

from posthorse.control import queue, replies, requests
from posthorse.control.node import Node, NotDone, ProviderState
from posthorse.control.wording import maybe_time, written_time
from posthorse.mail.ids import ProviderName
from posthorse.mail.orders import EJECTED, FAILOVER, PAUSED, failover_value, read_orders
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import Control, SpoolDesk, Unconfirmed
from posthorse.spool.kept_port import KeptState

MOST_S = 366 * 86_400.0


class Orders:
    """Commands that give and lift standing orders."""

    def __init__(self, spool: SpoolDesk, node: Node, clock: Clock) -> None:
        self._spool = spool
        self._node = node
        self._clock = clock

    async def eject(self, request: requests.Eject, by: str) -> replies.Done:
        """Send nothing through a provider."""
        name = self._known(request.provider)
        ejected = read_orders(_rows(await self._spool.orders())).ejected | {name}
        if ejected >= set(self._node.provider_names):
            raise NotDone(f"{name} is the last provider that is not ejected; to stop all mail use stop-sending")
        until = await self._order(EJECTED + name, request.reason, by, request.for_s)
        return replies.Done(message=f"{name} is ejected {until}")

    async def restore(self, request: requests.Restore) -> replies.Done:
        """Let a provider have mail again."""
        name = self._known(request.provider)
        lifted = await self._lift(EJECTED + name)
        self._node.restored(name)
        return replies.Done(
            message=f"{name} is restored" if lifted else f"{name} was not ejected; its record is cleared"
        )

    async def failover(self, request: requests.Failover, by: str) -> replies.Done:
        """Try one provider first."""
        name = self._known(request.to)
        until = await self._order(FAILOVER, failover_value(name, request.streams), by, request.for_s)
        streams = ", ".join(stream.value for stream in request.streams) or "every stream"
        return replies.Done(message=f"{name} is tried first for {streams} {until}")

    async def failover_end(self) -> replies.Done:
        """Back to the routes as configured."""
        lifted = await self._lift(FAILOVER)
        return replies.Done(message="back to the configured routes" if lifted else "no failover was ordered")

    async def stop(self, request: requests.StopSending, by: str) -> replies.Done:
        """Release nothing more."""
        until = await self._order(PAUSED, request.reason, by, request.for_s)
        return replies.Done(message=f"nothing more is released {until}; what is released already is waited for")

    async def start(self) -> replies.Done:
        """Send again."""
        lifted = await self._lift(PAUSED)
        return replies.Done(message="mail leaves again" if lifted else "sending was not stopped")

    async def providers(self) -> replies.Providers:
        """Every provider with its standing and the orders about it."""
        controls = {control.key: control for control in await self._spool.orders()}
        states = self._node.provider_states()
        shown = [_provider(name, states.get(name), controls.get(EJECTED + name)) for name in self._node.provider_names]
        target = read_orders(_rows(tuple(controls.values()))).failover
        return replies.Providers(providers=shown, failover_to=target or "")

    async def overview(self, unconfirmed: Unconfirmed, kept: Mapping[KeptState, int]) -> replies.Overview:
        """The gateway in one look; `unconfirmed`: what counts as not confirmed now; `kept`: notifications by state."""
        counts, controls, now = await self._spool.counts(), await self._spool.orders(), self._clock.now()
        silent = await self._spool.count_unconfirmed(unconfirmed) if unconfirmed.providers else {}
        return replies.Overview(
            running=self._node.running,
            paused=PAUSED in _rows(controls),
            waiting=[
                replies.Waiting(stream=stream.value, state=carriage.value, recipients=count)
                for (stream, carriage), count in counts.by_carriage.items()
                if count
            ],
            oldest=[
                replies.Oldest(stream=stream.value, waiting_s=max(0, now - since) / SECOND)
                for stream, since in counts.oldest_waiting.items()
            ],
            orders=[_shown(control) for control in controls],
            holds=await queue.holds(self._spool),
            not_confirmed={name: count for name, count in silent.items() if count},
            notifications={state.value: count for state, count in kept.items() if count},
        )

    def _known(self, text: str) -> ProviderName:
        names = self._node.provider_names
        if text not in names:
            raise NotDone(f"{text!r} is not a provider here; known: {', '.join(names) or 'none'}")
        return ProviderName(text)

    async def _order(self, key: str, value: str, by: str, for_s: float | None) -> str:
        """Give an order; answers until when, in words."""
        if for_s is not None and not 0 < for_s <= MOST_S:
            raise NotDone("an order lasts more than nothing and at most a year")
        now = self._clock.now()
        until = None if for_s is None else now + int(for_s * SECOND)
        await self._spool.order(Control(key=key, value=value, by=by, at=now, until=until))
        await self._node.orders_changed()
        return "until somebody lifts it" if until is None else f"until {written_time(until)}"

    async def _lift(self, key: str) -> bool:
        """Whether the order was in force."""
        in_force = key in _rows(await self._spool.orders())
        await self._spool.lift(key)
        await self._node.orders_changed()
        return in_force


def _rows(controls: Sequence[Control]) -> dict[str, str]:
    return {control.key: control.value for control in controls}


def _shown(control: Control) -> replies.Order:
    return replies.Order(
        key=control.key,
        value=control.value,
        by=control.by,
        at=written_time(control.at),
        until=maybe_time(control.until),
    )


def _provider(name: ProviderName, state: ProviderState | None, ejected: Control | None) -> replies.Provider:
    return replies.Provider(
        name=name,
        standing=state.standing.value if state else "unknown",
        why=state.why if state else "",
        slots=state.slots if state else 0,
        in_use=state.in_use if state else 0,
        attempts_last_minute=state.attempts_last_minute if state else 0,
        failures_last_minute=state.failures_last_minute if state else 0,
        typical_s=state.typical_s if state else 0.0,
        ejected_by=ejected.by if ejected else "",
        ejected_until=maybe_time(ejected.until) if ejected else None,
    )
