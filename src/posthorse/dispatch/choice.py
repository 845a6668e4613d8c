"""Choice: the ways there are, the routes over them, people's orders and the standings, seen together as they are now.

Left out: what to do with a message (plan), and doing it (forwarder).
"""

from collections.abc import Iterator, Mapping, Sequence

from posthorse.dispatch.capacity import room_for
from posthorse.dispatch.plan import Candidate
from posthorse.dispatch.ports import Watch
from posthorse.dispatch.route import Route, candidates_of, route_of
from posthorse.dispatch.surveys import NOTHING_FOUND, Finding
from posthorse.dispatch.way import Way
from posthorse.mail.ids import ProviderName
from posthorse.mail.message import Message
from posthorse.mail.orders import NO_ORDERS, Orders
from posthorse.mail.ports import Rng
from posthorse.mail.standing import GOOD, Standing
from posthorse.mail.stream import Stream
from posthorse.spool.port import LeasedGroup


class Choice:
    """One per node; routes and orders are replaced under it."""

    def __init__(self, ways: Mapping[ProviderName, Way], routes: Sequence[Route], watch: Watch, rng: Rng) -> None:
        self.ways = dict(ways)
        self.routes = tuple(routes)
        self.orders: Orders = NO_ORDERS
        """People's standing orders; their failover names one of `ways`."""
        self._watch = watch
        self._rng = rng

    def candidates(
        self,
        message: Message,
        tried: Sequence[ProviderName] = (),
        found: Mapping[ProviderName, Finding] = NOTHING_FOUND,
    ) -> Iterator[Candidate]:
        """The candidates for a message in the order in which they should be tried; none if no route fits.

        `tried`: providers that this mail cannot go to in its present round. They are no alternative to it, so of the
        others an ejected one may be probed with it: a pause makes sense only while somebody else carries the mail.
        `found`: what surveys of this group said.
        """
        route = route_of(message, self.routes)
        if route is None:
            return
        names = candidates_of(message, route, self.orders, self._watch.score, self._rng.random)
        domain, urgent = message.sender_domain, message.stream is Stream.URGENT
        left = tuple(name for name in names if name not in tried) if tried else names
        for name in names:
            peers = left if name in left else names
            standing = self._watch.standing(name, peers, domain, urgent=urgent)
            capability, finding = self.ways[name].provider.capability, found.get(name) if found else None
            if finding is None:
                yield Candidate(name=name, capability=capability, standing=standing)
            elif finding.standing is None:
                yield Candidate(name=name, capability=capability, standing=standing, obstacle=finding.obstacle)
            else:
                yield Candidate(name=name, capability=capability, standing=finding.standing)

    def is_good(self, way: Way, group: LeasedGroup) -> bool:
        """Nothing speaks against the way that was planned (routes and orders that change plan anew by themselves)."""
        message, name = group.message, way.name
        standing = self._watch.standing(name, (name,), message.sender_domain, urgent=message.stream is Stream.URGENT)
        return standing is GOOD and len(group.recipients) <= way.provider.capability.max_recipients

    def room(self, stream: Stream) -> tuple[int, bool]:
        """(recipients of this stream to bring, whether some way has room worth a lease transaction)."""
        urgent = stream is Stream.URGENT

        def standing_of(name: ProviderName, peers: Sequence[ProviderName]) -> Standing:
            return self._watch.standing(name, peers, "", urgent=urgent)

        return room_for(stream, self.routes, self.orders, self.ways, standing_of)
