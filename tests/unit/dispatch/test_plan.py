"""Plans: the answer to "what next?", over every combination of candidates."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.dispatch.plan import CLOSED_RECHECK_S, MEET_CAP_S, MEET_S, Candidate, GiveUp, Group, Try, Wait, make_plan
from posthorse.dispatch.retry import ALL_BAD_CAP_S, FAILED_BASE_S, FAILED_CAP_S, RETRY_CAP_S
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.standing import GOOD, Standing, StandingState
from posthorse.mail.stream import RULES, SECOND, Stream
from posthorse.providers.port import Capability, Fidelity, Obstacle

NOW = 5_000 * SECOND
A, B, C = (ProviderName(name) for name in "ABC")
ABLE = Capability(
    fidelity=Fidelity.EXACT, separate_envelope=True, max_recipients=100, max_size_bytes=2_000, smtputf8=False
)
SMALL = replace(ABLE, max_size_bytes=999)
CLOSED = Standing(state=StandingState.EJECTED, share=0.0, why="5 failures in a row")
PROBED = Standing(state=StandingState.STRAINED, share=1.0, probes=1, why="all providers look bad; only probes go out")
BARRED = Standing(state=StandingState.GOOD, share=0.0, why="it does not accept this sending domain", pause_s=300)
RAMPING = Standing(state=StandingState.STRAINED, share=0.25, why="it ramps back")


def group(
    stream: Stream = Stream.STANDARD,
    base: Carriage = Carriage.QUEUED,
    tried: Sequence[ProviderName] = (),
    holders: Sequence[ProviderName] = (),
    attempts: int = 0,
    *,
    smtputf8: bool = False,
) -> Group:
    """A group of one message of 1,000 bytes."""
    message = Message(
        id=MessageId(bytes(16)),
        tenant=MAIN_TENANT,
        stream=stream,
        sender="ann@example.com",
        size_bytes=1_000,
        accepted_at=0,
        expires_at=NOW * 2,
        smtputf8=smtputf8,
    )
    return Group(message=message, base=base, tried=tuple(tried), holders=tuple(holders), attempts=attempts)


def candidate(name: ProviderName, standing: Standing = GOOD, capability: Capability = ABLE) -> Candidate:
    """A candidate."""
    return Candidate(name=name, capability=capability, standing=standing)


@pytest.mark.parametrize(
    ("candidates", "tried", "roll", "chosen"),
    [
        ([candidate(A), candidate(B)], (), 0.5, A),
        ([candidate(A), candidate(B)], (A,), 0.5, B),
        ([candidate(A, CLOSED), candidate(B)], (), 0.5, B),
        ([candidate(A, capability=SMALL), candidate(B)], (), 0.5, B),
        ([candidate(A, RAMPING), candidate(B)], (), 0.24, A),
        ([candidate(A, RAMPING), candidate(B)], (), 0.25, B),
        ([candidate(A, RAMPING), candidate(B, CLOSED)], (), 0.9, A),
        ([candidate(A, RAMPING), candidate(B, RAMPING)], (), 0.9, A),
        ([candidate(A, RAMPING), candidate(B)], (B,), 0.9, A),
    ],
)
def test_the_first_candidate_that_can_is_tried(
    candidates: list[Candidate], tried: tuple[ProviderName, ...], roll: float, chosen: ProviderName
) -> None:
    """In order, past those that cannot carry it, were tried or are closed; a ramping one by its share, or if alone."""
    plan = make_plan(group(tried=tried), candidates, NOW, roll)
    assert isinstance(plan, Try)
    assert plan.provider == chosen


def test_the_reason_names_everyone_that_was_passed_over() -> None:
    """Whoever asks `explain` sees why each candidate was not taken."""
    candidates = [candidate(A, capability=SMALL), candidate(B, CLOSED), candidate(C)]
    plan = make_plan(group(), candidates, NOW, 0.5)
    assert plan.reason == ("next in order (A: 1000 bytes are over its limit of 999; B: ejected, 5 failures in a row)")


def test_no_more_candidates_are_looked_at_than_needed() -> None:
    """Usually the first one takes the message: its successors are not even drawn."""
    drawn = iter([candidate(A), candidate(B)])
    assert isinstance(make_plan(group(), drawn, NOW, 0.5), Try)
    assert [left.name for left in drawn] == [B]


@pytest.mark.parametrize("message", [group(), group(smtputf8=True)])
def test_it_gives_up_only_if_nobody_can_ever_carry_it(message: Group) -> None:
    """Too large or in need of SMTPUTF8 for all of them: no provider will do, so duty ends."""
    capability = SMALL if not message.message.smtputf8 else ABLE
    unable = [candidate(A, capability=capability), candidate(B, CLOSED, capability)]
    plan = make_plan(message, unable, NOW, 0.5)
    assert isinstance(plan, GiveUp)
    assert "no provider can carry it" in plan.reason
    in_doubt = replace(message, base=Carriage.IN_DOUBT, tried=(A,), holders=(A,))
    assert isinstance(make_plan(in_doubt, unable, NOW, 0.5), Wait)


@pytest.mark.parametrize(
    ("message", "candidates", "tried", "shortest_s", "longest_s"),
    [
        (group(), [candidate(A, CLOSED), candidate(B, CLOSED)], (), 1, CLOSED_RECHECK_S),
        (group(), [candidate(A, BARRED), candidate(B, BARRED)], (), 300, 600),
        (group(), [candidate(A, BARRED), candidate(B, CLOSED)], (), 1, CLOSED_RECHECK_S),
        (group(tried=(A,)), [candidate(A), candidate(B, CLOSED)], (), 1, FAILED_BASE_S),
        (group(tried=(A, B), attempts=2), [candidate(A), candidate(B)], (), 1, FAILED_BASE_S),
        (group(tried=(A, B), attempts=4), [candidate(A), candidate(B)], (), 1, 2 * FAILED_BASE_S),
        (group(tried=(A, B), attempts=6), [candidate(A), candidate(B)], (), 1, 4 * FAILED_BASE_S),
        (group(Stream.URGENT, tried=(A,), attempts=1), [candidate(A)], (), 1, FAILED_BASE_S),
        (group(Stream.BULK, tried=(A,), attempts=1), [candidate(A)], (), 1, FAILED_BASE_S),
        (group(Stream.BULK, tried=(A,), attempts=50), [candidate(A)], (), 1, FAILED_CAP_S),
        (group(tried=(A,), attempts=50), [candidate(A, CLOSED)], (), 1, ALL_BAD_CAP_S),
        (group(tried=(A, B), attempts=50), [candidate(A, CLOSED), candidate(B, PROBED)], (), 1, ALL_BAD_CAP_S),
        (group(tried=(A,), attempts=50), [candidate(A, PROBED), candidate(B, CLOSED)], (), 1, ALL_BAD_CAP_S),
        (group(tried=(A, B), attempts=50), [candidate(A, CLOSED), candidate(B, RAMPING)], (), 1, FAILED_CAP_S),
        (group(tried=(A, B), attempts=50), [candidate(A, BARRED), candidate(B, BARRED)], (), 1, FAILED_CAP_S),
    ],
)
def test_queued_mail_waits_and_begins_a_new_round(
    message: Group, candidates: list[Candidate], tried: tuple[ProviderName, ...], shortest_s: float, longest_s: float
) -> None:
    """Soon if only a standing must change, else by short steps that double with each round, whatever the stream.

    With nobody open at all they do not even grow: a probe in vain says nothing about the mail.
    """
    delays = []
    for roll in (0.0, 0.5, 0.999):
        plan = make_plan(message, candidates, NOW, roll)
        assert isinstance(plan, Wait)
        assert plan.tried == tried
        delays.append((plan.until - NOW) / SECOND)
    assert min(delays) >= shortest_s
    assert longest_s * 0.9 <= max(delays) <= longest_s


@pytest.mark.parametrize(
    ("tried", "candidates", "left", "longest_s"),
    [
        ((A,), [candidate(A), candidate(B, CLOSED)], (A,), CLOSED_RECHECK_S),
        ((A, B), [candidate(A), candidate(B)], (A,), FAILED_BASE_S),
        ((A, B), [candidate(A), candidate(B), candidate(C, CLOSED)], (A, B), CLOSED_RECHECK_S),
        ((A, B), [candidate(A), candidate(B, PROBED)], (A,), ALL_BAD_CAP_S),
        ((A,), [candidate(A)], (A,), RETRY_CAP_S),
        ((A,), [candidate(A, CLOSED)], (A,), RETRY_CAP_S),
        ((A,), [candidate(A), candidate(B, capability=SMALL)], (A,), RETRY_CAP_S),
    ],
)
def test_mail_in_doubt_waits_and_keeps_the_holders_out(
    tried: tuple[ProviderName, ...], candidates: list[Candidate], left: tuple[ProviderName, ...], longest_s: float
) -> None:
    """A new round spares those who may hold a copy; with nobody else at all it is looked at seldom."""
    drawn = 0
    for roll in (0.0, 0.999):
        doubted = group(base=Carriage.IN_DOUBT, tried=tried, holders=(A,), attempts=2)
        plan = make_plan(doubted, candidates, NOW, roll)
        assert isinstance(plan, Wait)
        assert plan.tried == left
        assert SECOND <= plan.until - NOW <= longest_s * SECOND
        assert plan.reason.startswith("in doubt, and ")
        drawn = plan.until - NOW
    assert drawn > 0.9 * longest_s * SECOND


@pytest.mark.parametrize("tried", [(), (A,)])
@pytest.mark.parametrize("base", [Carriage.QUEUED, Carriage.IN_DOUBT])
def test_what_no_route_fits_waits(base: Carriage, tried: tuple[ProviderName, ...]) -> None:
    """Routes that forgot it can be mended, so its duty does not end; its round goes on then."""
    plan = make_plan(group(Stream.URGENT, base, tried, tried, 9), [], NOW, 0.5)
    assert isinstance(plan, Wait)
    assert plan.tried == tried
    assert plan.until == NOW + 2.5 * SECOND
    assert "no route fits it" in plan.reason


standings = st.builds(
    Standing,
    state=st.sampled_from(StandingState),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    probes=st.sampled_from([None, 0, 1, 5]),
    why=st.just("because"),
)
names = st.lists(st.sampled_from([A, B, C]), unique=True)


@given(
    order=names,
    standing=st.lists(standings, min_size=3, max_size=3),
    small=st.sets(st.sampled_from([A, B, C])),
    surveyed=st.sets(st.sampled_from([A, B, C])),
    tried=names,
    held=st.integers(0, 3),
    stream=st.sampled_from(Stream),
    attempts=st.integers(0, 10_000),
    roll=st.floats(0, 1, exclude_max=True),
)
def test_no_plan_picks_what_is_closed_tried_or_unable(
    order: list[ProviderName],
    standing: list[Standing],
    small: set[ProviderName],
    surveyed: set[ProviderName],
    tried: list[ProviderName],
    held: int,
    stream: Stream,
    attempts: int,
    roll: float,
) -> None:
    """Whatever the candidates: a try is open, able and new; giving up needs all unable; every wait is bounded."""
    candidates = [
        replace(
            candidate(name, how, SMALL if name in small else ABLE),
            obstacle=Obstacle(why="cannot carry: signed mail") if name in surveyed else None,
        )
        for name, how in zip(order, standing, strict=False)
    ]
    small |= surveyed
    holders = tuple(tried[:held])
    base = Carriage.IN_DOUBT if holders else Carriage.QUEUED
    plan = make_plan(group(stream, base, tried, holders, attempts), candidates, NOW, roll)
    could = [c for c in candidates if c.name not in small and c.name not in tried and c.standing.usable]
    match plan:
        case Try(provider=name):
            assert name in [c.name for c in could]
            assert name not in holders
        case Wait(until=until, tried=left):
            assert not could
            assert SECOND <= until - NOW <= RETRY_CAP_S * SECOND
            assert set(holders) <= set(left) <= set(tried)
        case GiveUp():
            assert base is Carriage.QUEUED
            assert candidates
            assert all(c.name in small for c in candidates)
    assert plan.reason


PART = Obstacle(why="not these alone", of_part=True)
NEVER = Obstacle(why="signed mail")


def obstructed(name: ProviderName, obstacle: Obstacle, standing: Standing = GOOD) -> Candidate:
    """A candidate that a survey spoke against."""
    return replace(candidate(name, standing), obstacle=obstacle)


def test_a_part_is_given_up_only_when_nobody_else_of_the_message_is_left() -> None:
    """While others may come it waits, with a fresh round; then its verdict is final; of the content it always is."""
    candidates = [obstructed(A, PART, CLOSED), obstructed(B, NEVER)]
    part = replace(group(tried=(A,)), others=2)
    plan = make_plan(part, candidates, NOW, 0.5)
    assert isinstance(plan, Wait)
    assert plan.tried == ()
    assert "it goes only whole, and others of the message (2) have not come to their end" in plan.reason
    assert isinstance(make_plan(replace(part, others=0), candidates, NOW, 0.5), GiveUp)
    assert isinstance(make_plan(part, [obstructed(A, NEVER), obstructed(B, NEVER)], NOW, 0.5), GiveUp)
    assert isinstance(make_plan(part, [obstructed(A, PART), candidate(B)], NOW, 0.5), Try)


@pytest.mark.parametrize("more", [(), (CLOSED,), (BARRED,)])
@pytest.mark.parametrize("age_s", [0, 1, 15, 100, 4_000, 400_000])
@pytest.mark.parametrize("roll", [0.0, 0.3, 0.9])
def test_parts_of_a_message_meet_again(more: Sequence[Standing], age_s: int, roll: float) -> None:
    """Whatever its chance, each part is due at a moment that depends on the message alone; with that obstacle alone,
    all parts that are planned between two such moments are due at the same.
    """
    candidates = [obstructed(A, PART), *(candidate(B, standing) for standing in more)]
    accepted_at = NOW - age_s * SECOND - 1
    part = replace(group(), message=replace(group().message, accepted_at=accepted_at), others=1)
    plan = make_plan(part, candidates, NOW, roll)
    assert isinstance(plan, Wait)
    assert NOW < plan.until <= NOW + RETRY_CAP_S * SECOND
    assert (plan.until - accepted_at) % (MEET_S * SECOND) == 0
    if not more:
        assert plan.until <= NOW + MEET_CAP_S * SECOND
        assert make_plan(part, candidates, plan.until - 1, 1.0 - roll / 2) == plan


@pytest.mark.parametrize(("waited_s", "delay_s"), [(0, 80.0), (30, 50.0), (80, 0.0), (9_000, 0.0)])
def test_time_in_which_nobody_could_be_tried_counts(waited_s: int, delay_s: float) -> None:
    """Mail whose last attempt ended long ago begins a new round at once when somebody is back."""
    message = replace(group(tried=(A, B), attempts=12), due_at=NOW - waited_s * SECOND)
    plan = make_plan(message, [candidate(A), candidate(B)], NOW, 0.5)
    assert isinstance(plan, Wait)
    assert (plan.until, plan.tried) == (NOW + delay_s * SECOND, ())


def test_a_shorter_schedule_of_the_stream_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What providers failed comes again within the stream's own first step, should that be shorter still."""
    brisk = replace(RULES[Stream.URGENT], retry_base_s=2)
    monkeypatch.setitem(RULES, Stream.URGENT, brisk)
    plan = make_plan(group(Stream.URGENT, tried=(A,)), [candidate(A)], NOW, 0.75)
    assert isinstance(plan, Wait)
    assert plan.until - NOW == 1.5 * SECOND
