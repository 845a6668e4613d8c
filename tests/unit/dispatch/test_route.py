"""Routes: which candidates a message has, and in which order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.dispatch.route import Route, Strategy, candidates_of, route_of
from posthorse.lab.world.ports import WorldRng
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.orders import NO_ORDERS, Orders
from posthorse.mail.stream import Stream

A, B, C, D = (ProviderName(name) for name in "ABCD")


def message(stream: Stream = Stream.STANDARD, tenant: Tenant = MAIN_TENANT, sender: str = "ann@example.com") -> Message:
    """A message to be routed."""
    return Message(
        id=MessageId(bytes(16)),
        tenant=tenant,
        stream=stream,
        sender=sender,
        size_bytes=1_000,
        accepted_at=0,
        expires_at=1,
    )


def even(name: ProviderName) -> float:
    """All did equally well."""
    return 1.0


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"stream": Stream.STANDARD}, True),
        ({"stream": Stream.URGENT}, False),
        ({"tenant": MAIN_TENANT}, True),
        ({"tenant": Tenant("other")}, False),
        ({"sender_domain": "example.com"}, True),
        ({"sender_domain": "example.org"}, False),
        ({"stream": Stream.STANDARD, "tenant": MAIN_TENANT, "sender_domain": "example.com"}, True),
        ({"stream": Stream.STANDARD, "tenant": Tenant("other"), "sender_domain": "example.com"}, False),
    ],
)
def test_a_route_fits_when_all_its_conditions_do(conditions: dict[str, object], fits: bool) -> None:
    """An empty condition fits every message; one that does not hold is enough to rule the route out."""
    assert Route(providers=(A,), **conditions).fits(message()) is fits  # type: ignore[arg-type]


def test_the_first_route_that_fits_decides() -> None:
    """Order in the file is order of choice; no route is None."""
    urgent, rest = Route(providers=(A,), stream=Stream.URGENT), Route(providers=(B,))
    assert route_of(message(Stream.URGENT), [urgent, rest]) is urgent
    assert route_of(message(Stream.BULK), [urgent, rest]) is rest
    assert route_of(message(Stream.BULK), [urgent]) is None


def test_priority_keeps_the_order_written() -> None:
    """The order of the file, whatever was achieved of late."""
    route = Route(providers=(C, A, B))
    assert candidates_of(message(), route, NO_ORDERS, lambda name: 9.0 if name == B else 0.1, lambda: 0.99) == (C, A, B)


@pytest.mark.parametrize(
    ("strategy", "weights", "scores", "firsts"),
    [
        (Strategy.WEIGHTED, (), {}, {A: 1 / 3, B: 1 / 3, C: 1 / 3}),
        (Strategy.WEIGHTED, (6.0, 3.0, 1.0), {B: 100.0}, {A: 0.6, B: 0.3, C: 0.1}),
        (Strategy.WEIGHTED, (1.0, 0.0, 1.0), {}, {A: 0.5, C: 0.5}),
        (Strategy.ADAPTIVE, (), {A: 6.0, B: 3.0, C: 1.0}, {A: 0.6, B: 0.3, C: 0.1}),
        (Strategy.ADAPTIVE, (1.0, 1.0, 8.0), {A: 4.0, B: 4.0, C: 0.25}, {A: 0.4, B: 0.4, C: 0.2}),
    ],
)
def test_shares_follow_weights_and_achievements(
    strategy: Strategy, weights: tuple[float, ...], scores: dict[ProviderName, float], firsts: dict[ProviderName, float]
) -> None:
    """How often each comes first is in proportion; the others follow as fallback."""
    route = Route(providers=(A, B, C), strategy=strategy, weights=weights)
    random = WorldRng(1, "draw").random
    count = 4_000
    drawn = [candidates_of(message(), route, NO_ORDERS, lambda n: scores.get(n, 1.0), random) for _ in range(count)]
    assert all(sorted(order) == [A, B, C] for order in drawn)
    shares = Counter(order[0] for order in drawn)
    assert set(shares) == set(firsts)
    for name, share in firsts.items():
        assert abs(shares[name] / count - share) < 0.04


def test_weights_of_zero_leave_everybody_a_candidate() -> None:
    """Even if nothing has a weight, nobody is lost."""
    route = Route(providers=(A, B), strategy=Strategy.WEIGHTED, weights=(0.0, 0.0))
    assert sorted(candidates_of(message(), route, NO_ORDERS, even, lambda: 0.5)) == [A, B]


def test_a_failover_puts_its_target_first_for_its_streams() -> None:
    """Also a target that the route does not name; other streams are left alone."""
    orders = Orders(failover=C, failover_streams=frozenset({Stream.URGENT}))
    route = Route(providers=(A, B))
    assert candidates_of(message(Stream.URGENT), route, orders, even, lambda: 0.5) == (C, A, B)
    assert candidates_of(message(Stream.BULK), route, orders, even, lambda: 0.5) == (A, B)
    own = Orders(failover=B)
    assert candidates_of(message(), route, own, even, lambda: 0.5) == (B, A)


@given(
    providers=st.lists(st.sampled_from([A, B, C, D]), min_size=1, unique=True),
    ejected=st.sets(st.sampled_from([A, B, C, D])),
    failover=st.sampled_from([None, A, B, C, D]),
    strategy=st.sampled_from(Strategy),
    rolls=st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8),
)
def test_candidates_are_the_routes_providers_save_the_ejected_and_never_none(
    providers: list[ProviderName],
    ejected: set[ProviderName],
    failover: ProviderName | None,
    strategy: Strategy,
    rolls: list[float],
) -> None:
    """A person's ejection never empties the candidates, nobody appears twice, and only a failover adds a name."""
    route = Route(providers=tuple(providers), strategy=strategy)
    orders = Orders(ejected=frozenset(ejected), failover=failover)
    names = candidates_of(message(), route, orders, even, iter(rolls).__next__)
    all_names = set(providers) | ({failover} if failover else set())
    assert len(set(names)) == len(names) > 0
    assert set(names) == (all_names - ejected or all_names)
    if failover and failover not in ejected:
        assert names[0] == failover
