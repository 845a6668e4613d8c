"""Route: the rule that gives a message its ordered candidates; pure.

The first route whose conditions fit decides. Standing orders of a person come before it: a failover puts its target
first, an ejected provider is left out. What is *open now* is not the route's business but the plan's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from posthorse.mail.ids import ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.orders import NO_ORDERS, Orders
from posthorse.mail.stream import Stream


class Strategy(Enum):
    """How a route orders its providers."""

    PRIORITY = "priority"
    """In the order written; the next one only when the one before cannot take it."""
    WEIGHTED = "weighted"
    """Shared by weight; the rest follows as fallback in the order drawn."""
    ADAPTIVE = "adaptive"
    """By weight times what each achieved of late (share of handovers over time per answer)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One `[[routes]]` table. Empty conditions fit every message."""

    providers: tuple[ProviderName, ...]
    stream: Stream | None = None
    tenant: Tenant | None = None
    sender_domain: str = ""
    strategy: Strategy = Strategy.PRIORITY
    weights: tuple[float, ...] = ()
    """One for each provider; empty: all equal."""

    def fits(self, message: Message) -> bool:
        """Whether the route is meant for this message."""
        return (
            (self.stream is None or self.stream is message.stream)
            and (self.tenant is None or self.tenant == message.tenant)
            and (not self.sender_domain or self.sender_domain == message.sender_domain)
        )


Score = Callable[[ProviderName], float]
"""What a provider achieved of late, above 0; more is better. Used by the adaptive strategy."""


def route_of(message: Message, routes: Sequence[Route]) -> Route | None:
    """The first route that fits; None: no route, which configuration check refuses."""
    return next((route for route in routes if route.fits(message)), None)


def candidates_of(
    message: Message, route: Route, orders: Orders, score: Score, random: Callable[[], float]
) -> tuple[ProviderName, ...]:
    """The candidates in the order in which they should be tried."""
    ordered = route.providers
    if route.strategy is not Strategy.PRIORITY and len(ordered) > 1:
        ordered = _drawn(route, score, random)
    if orders is NO_ORDERS:
        return ordered
    if orders.failover is not None and message.stream in orders.failover_streams:
        target = orders.failover
        ordered = (target, *(name for name in ordered if name != target))
    left = tuple(name for name in ordered if name not in orders.ejected)
    return left or ordered


def _drawn(route: Route, score: Score, random: Callable[[], float]) -> tuple[ProviderName, ...]:
    """Draw without replacement, each provider with a chance in proportion to its weight."""
    weights = dict(zip(route.providers, route.weights or (1.0,) * len(route.providers), strict=True))
    if route.strategy is Strategy.ADAPTIVE:
        weights = {name: weight * score(name) for name, weight in weights.items()}
    drawn: list[ProviderName] = []
    while weights:
        name = _pick(weights, random() * sum(weights.values()))
        drawn.append(name)
        del weights[name]
    return tuple(drawn)


def _pick(weights: Mapping[ProviderName, float], point: float) -> ProviderName:
    for name, weight in weights.items():
        point -= weight
        if point < 0:
            return name
    return max(weights, key=lambda name: weights[name])
