"""Slots and what waits for them, and how much mail to bring."""

from collections.abc import Sequence

import pytest

from posthorse.dispatch.capacity import ordered, room_for
from posthorse.dispatch.route import Route, Strategy
from posthorse.dispatch.way import Way
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.orders import NO_ORDERS, Orders
from posthorse.mail.standing import GOOD, Standing, StandingState
from posthorse.mail.stream import Stream
from posthorse.spool.port import LeasedGroup, LeasedRecipient
from tests.unit.dispatch.scripted import Scripted

A, B, C = (ProviderName(name) for name in "ABC")
CLOSED = Standing(state=StandingState.EJECTED, share=0.0)
HALF = Standing(state=StandingState.STRAINED, share=0.5)
THREE_PROBES = Standing(state=StandingState.ON_TRIAL, share=1.0, probes=3)


def group(number: int, stream: Stream = Stream.STANDARD) -> LeasedGroup:
    """A leased group of one recipient."""
    message = Message(
        id=MessageId(number.to_bytes(16, "big")),
        tenant=MAIN_TENANT,
        stream=stream,
        sender="",
        size_bytes=1,
        accepted_at=0,
        expires_at=1,
    )
    recipient = LeasedRecipient(
        n=0,
        address="a@example.net",
        fence=1,
        leased_from=Carriage.QUEUED,
        attempts=0,
        tried=(),
        copies_released=0,
        copies_allowed=2,
    )
    return LeasedGroup(message=message, body=b"", recipients=(recipient,), lease_until=60)


def way(name: ProviderName, slots: int, busy: int = 0) -> Way:
    """A way with some of its slots taken."""
    made = Way(Scripted(name), slots)
    made.busy = busy
    return made


def test_who_waits_is_served_by_stream_and_then_by_arrival() -> None:
    """Urgent first, bulk last, first come first served within a stream."""
    one = way(A, 1)
    for number, stream in enumerate([Stream.BULK, Stream.STANDARD, Stream.URGENT, Stream.STANDARD, Stream.URGENT]):
        one.push(group(number, stream), f"plan {number}")
    assert one.waiting == 5
    assert [one.pop()[0].message.id[-1] for _ in range(2)] == [2, 4]
    served, reason = one.pop()
    assert (served.message.id[-1], reason) == (1, "plan 1")
    assert [left.message.id[-1] for left in one.flush()] == [3, 0]
    assert one.waiting == 0


@pytest.mark.parametrize(
    ("slots", "busy", "waiting", "free", "room", "batch"),
    [
        (1, 0, 0, True, 5, 1),
        (1, 1, 4, False, 0, 1),
        (20, 0, 0, True, 30, 5),
        (20, 20, 10, False, 0, 5),
        (100, 90, 0, True, 60, 25),
    ],
)
def test_room_is_the_free_slots_and_some_more(
    slots: int, busy: int, waiting: int, free: bool, room: int, batch: int
) -> None:
    """Half as many again as there are slots (at least four) may be in hand, so that a freed slot finds work at once."""
    one = way(A, slots, busy)
    for number in range(waiting):
        one.push(group(number), "")
    assert (one.free, one.room, one.batch) == (free, room, batch)


@pytest.mark.parametrize(
    ("strategy", "standings", "busy", "room", "worthwhile"),
    [
        (Strategy.PRIORITY, {}, {}, 30, True),
        (Strategy.PRIORITY, {}, {A: 26}, 4, False),
        (Strategy.PRIORITY, {}, {A: 40}, 0, False),
        (Strategy.PRIORITY, {A: CLOSED}, {}, 30, True),
        (Strategy.PRIORITY, {A: HALF}, {}, 45, True),
        (Strategy.PRIORITY, {A: THREE_PROBES}, {}, 33, True),
        (Strategy.PRIORITY, {A: THREE_PROBES, B: CLOSED}, {}, 3, True),
        (Strategy.PRIORITY, {A: THREE_PROBES, B: CLOSED}, {A: 29}, 1, True),
        (Strategy.PRIORITY, {A: CLOSED, B: CLOSED}, {}, 0, False),
        (Strategy.PRIORITY, {A: HALF, B: CLOSED}, {}, 30, True),
        (Strategy.PRIORITY, {A: HALF, B: CLOSED}, {A: 26}, 4, False),
        (Strategy.PRIORITY, {A: HALF, B: THREE_PROBES}, {}, 33, True),
        (Strategy.PRIORITY, {A: THREE_PROBES, B: HALF}, {}, 33, True),
        (Strategy.PRIORITY, {A: HALF, B: HALF}, {}, 45, True),
        (Strategy.WEIGHTED, {A: HALF}, {}, 45, True),
        (Strategy.WEIGHTED, {A: HALF, B: HALF}, {}, 60, True),
        (Strategy.WEIGHTED, {A: CLOSED, B: HALF}, {}, 30, True),
        (Strategy.WEIGHTED, {}, {}, 60, True),
        (Strategy.WEIGHTED, {}, {A: 40, B: 24}, 6, True),
        (Strategy.WEIGHTED, {}, {A: 26, B: 26}, 8, False),
        (Strategy.ADAPTIVE, {B: CLOSED}, {}, 30, True),
    ],
)
def test_as_much_is_brought_as_the_open_ways_can_take_soon(
    strategy: Strategy,
    standings: dict[ProviderName, Standing],
    busy: dict[ProviderName, int],
    room: int,
    worthwhile: bool,
) -> None:
    """Down to the first way that takes everything, by share, by probes; and only in amounts worth a transaction.

    Shares only count while somebody else takes everything: what is all there is gets all.
    """
    ways = {name: way(name, 20, busy.get(name, 0)) for name in (A, B)}
    route = Route(providers=(A, B), strategy=strategy)

    def standing_of(name: ProviderName, peers: Sequence[ProviderName]) -> Standing:
        assert peers == (A, B)
        return standings.get(name, GOOD)

    assert room_for(Stream.STANDARD, [route], NO_ORDERS, ways, standing_of) == (room, worthwhile)


def test_a_way_that_routes_share_counts_once() -> None:
    """Ten routes to one provider bring no more than it has room for."""
    ways = {A: way(A, 20)}
    routes = [Route(providers=(A,), tenant=Tenant(str(number))) for number in range(10)]
    assert room_for(Stream.STANDARD, routes, NO_ORDERS, ways, lambda name, peers: GOOD) == (30, True)


def test_a_jammed_way_of_one_route_holds_up_no_other() -> None:
    """A large provider without room must not keep a small one from getting its mail."""
    ways = {A: way(A, 4), B: way(B, 400, busy=600)}
    routes = [Route(providers=(B,), tenant=Tenant("large")), Route(providers=(A,))]
    room, worthwhile = room_for(Stream.STANDARD, routes, NO_ORDERS, ways, lambda name, peers: GOOD)
    assert (room, worthwhile) == (8, True)


def test_routes_of_other_streams_do_not_count() -> None:
    """Mail is brought for the ways its own stream may take."""
    ways = {A: way(A, 20), B: way(B, 20)}
    routes = [Route(providers=(A,), stream=Stream.URGENT), Route(providers=(B,), stream=Stream.BULK)]
    assert room_for(Stream.URGENT, routes, NO_ORDERS, ways, lambda name, peers: GOOD)[0] == 30
    assert room_for(Stream.ONCE, routes, NO_ORDERS, ways, lambda name, peers: GOOD) == (0, False)


@pytest.mark.parametrize(
    ("orders", "names"),
    [
        (NO_ORDERS, (A, B)),
        (Orders(ejected=frozenset({A})), (B,)),
        (Orders(ejected=frozenset({A, B})), (A, B)),
        (Orders(failover=C), (C, A, B)),
        (Orders(failover=B), (B, A)),
        (Orders(failover=C, failover_streams=frozenset({Stream.URGENT})), (A, B)),
        (Orders(failover=C, ejected=frozenset({C})), (A, B)),
    ],
)
def test_peoples_orders_change_whom_room_is_counted_at(orders: Orders, names: tuple[ProviderName, ...]) -> None:
    """The same order that the candidates of a message get."""
    assert ordered(Route(providers=(A, B)), orders, Stream.BULK) == names
