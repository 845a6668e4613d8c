"""Standings: every rule of trip and recovery, with its times."""

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import GOOD, Standing, StandingState
from posthorse.watch.domains import DOMAINS_KEPT
from posthorse.watch.standing import Standings, failure_weight

A, B, C = (ProviderName(name) for name in "ABC")
DOWN: Outcome = Fault(scope=Scope.PROVIDER)
YES: Outcome = Handover()
EJECTED, ON_TRIAL, STRAINED = StandingState.EJECTED, StandingState.ON_TRIAL, StandingState.STRAINED


class Case:
    """Standings of A and B (and C) with a clock of their own and no jitter."""

    def __init__(self, groups: Iterable[Iterable[ProviderName]] = ((A, B),), roll: float = 0.5) -> None:
        self.groups = [tuple(group) for group in groups]
        names = sorted({name for group in self.groups for name in group})
        self.now_s = 1_000.0
        self.told: list[tuple[ProviderName, StandingState]] = []
        self.standings = Standings([frozenset(group) for group in self.groups], names, lambda: roll)
        self.standings.changed = lambda name, state, why: self.told.append((name, state))

    def end(
        self, name: ProviderName, *outcomes: Outcome, domain: str = "example.com", took_s: float | None = 0.1
    ) -> None:
        """Attempts at `name`, one after the other, each with its outcome."""
        for outcome in outcomes:
            self.begin(name)
            self.finish(name, outcome, self.now_s, domain=domain, took_s=took_s)

    def begin(self, name: ProviderName) -> float:
        """An attempt starts; answers when."""
        self.standings.began(name, self.now_s)
        return self.now_s

    def finish(
        self,
        name: ProviderName,
        outcome: Outcome,
        began_s: float,
        *,
        domain: str = "example.com",
        took_s: float | None = 0.1,
    ) -> None:
        """An attempt that began then ends now."""
        self.standings.ended(name, domain, outcome, took_s, self.now_s, began_s=began_s)

    def of(
        self,
        name: ProviderName,
        peers: tuple[ProviderName, ...] | None = None,
        *,
        domain: str = "example.com",
        urgent: bool = False,
    ) -> Standing:
        """The standing now."""
        return self.standings.of(name, peers or self.groups[0], domain, self.now_s, urgent=urgent)

    def state(self, name: ProviderName) -> StandingState:
        """The state for pictures now."""
        return self.standings.state(name, self.now_s)

    def trip(self, name: ProviderName) -> None:
        """Five failures in a row."""
        self.end(name, *[DOWN] * 5)

    def recover(self, name: ProviderName) -> None:
        """From its ejection through all trials."""
        self.now_s += 400
        self.end(name, *[YES] * 5)


# --- what counts ----------------------------------------------------------------------------------------------------

OURS = {Scope.ACCOUNT, Scope.CHANNEL, Scope.PROVIDER}


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("kind", [Deferral, Rejection, Fault, Throttle, Unclear], ids=lambda kind: kind.__name__)
def test_only_what_speaks_of_the_provider_counts_against_it(
    kind: type[Deferral | Rejection | Fault | Throttle | Unclear], scope: Scope
) -> None:
    """Unclear weighs two; recipients, content, domains, operators and we ourselves weigh nothing."""
    if kind is Unclear:
        weight = 0 if scope is Scope.US else 2
    elif kind is Rejection:
        weight = int(scope is Scope.ACCOUNT)
    else:
        weight = int(scope in OURS)
    assert failure_weight(kind(scope=scope)) == weight
    assert failure_weight(YES) == 0


@pytest.mark.parametrize(
    "outcome", [YES, *[Rejection(scope=scope) for scope in set(Scope) - {Scope.ACCOUNT}]], ids=repr
)
def test_what_concerns_the_mail_never_closes_a_provider(outcome: Outcome) -> None:
    """A thousand refused recipients in a row leave the standing good for everybody else."""
    case = Case()
    case.end(A, *[outcome] * 1_000)
    assert case.of(A, domain="other.example") is GOOD
    assert case.told == []


# --- trips ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "trips"),
    [
        ([DOWN] * 4, False),
        ([DOWN] * 5, True),
        ([*[DOWN] * 4, YES, *[DOWN] * 4], False),
        ([*[DOWN] * 4, Rejection(scope=Scope.RECIPIENT), DOWN], True),
        ([Unclear(), Unclear()], False),
        ([Unclear(), Unclear(), Unclear()], True),
        ([Unclear(), Unclear(), DOWN], True),
        ([Deferral(scope=Scope.CHANNEL)] * 5, True),
        ([Throttle(scope=Scope.PROVIDER)] * 5, True),
        ([Rejection(scope=Scope.ACCOUNT)], False),
        ([Rejection(scope=Scope.ACCOUNT)] * 2, True),
        ([Fault(scope=Scope.ACCOUNT), Rejection(scope=Scope.ACCOUNT)], True),
        ([Rejection(scope=Scope.ACCOUNT), YES, Rejection(scope=Scope.ACCOUNT)], False),
        ([Rejection(scope=Scope.ACCOUNT), DOWN, Rejection(scope=Scope.ACCOUNT)], False),
        ([Throttle(scope=Scope.ACCOUNT)] * 4, False),
        ([Throttle(scope=Scope.ACCOUNT)] * 5, True),
        ([YES, DOWN] * 9, False),
        ([YES, DOWN] * 10, True),
        ([YES, YES, DOWN] * 30, False),
    ],
)
def test_it_trips_on_a_row_a_ratio_or_a_word_about_the_account(outcomes: list[Outcome], trips: bool) -> None:
    """Five in a row (unclear counts two), half of at least twenty in a minute, or two answers about the account."""
    case = Case()
    case.end(A, *outcomes)
    assert (case.state(A) is EJECTED) is trips
    assert case.told == ([(A, EJECTED)] if trips else [])
    assert case.of(A).usable is (not trips and not isinstance(outcomes[-1], Throttle))


def test_the_ratio_looks_at_the_last_minute_only() -> None:
    """Failures of an hour ago do not count, neither do successes."""
    case = Case()
    case.end(A, *[YES, DOWN] * 9)
    case.now_s += 3_600
    case.end(A, YES, DOWN)
    assert case.state(A) is not EJECTED
    case.end(A, *[DOWN, YES, DOWN] * 6)
    assert case.state(A) is EJECTED


def test_the_reason_is_kept_in_words() -> None:
    """`explain` and the log say why."""
    case = Case()
    case.trip(A)
    assert case.of(A) == Standing(state=EJECTED, share=0.0, why="5 failures in a row")
    assert case.standings.why(A) == "5 failures in a row"


@pytest.mark.parametrize(
    ("ages", "since_answer_s", "typical_s", "stalls"),
    [
        ([2.1] * 5, 2.1, 0.1, True),
        ([2.1] * 4, 2.1, 0.1, False),
        ([1.9] * 50, 2.1, 0.1, False),
        ([2.1] * 5, 1.9, 0.1, False),
        ([4.0] * 5, 4.0, 2.0, False),
        ([6.1] * 5, 6.1, 2.0, True),
        ([], 100.0, 0.1, False),
    ],
)
def test_it_stalls_when_many_wait_far_longer_than_usual(
    ages: list[float], since_answer_s: float, typical_s: float, stalls: bool
) -> None:
    """Five released attempts over three times the usual (at least 2 s), and no answer at all meanwhile."""
    case = Case()
    case.end(A, YES, took_s=typical_s)
    case.now_s += since_answer_s
    assert case.standings.stalled(A, ages, case.now_s) is stalls
    assert (case.state(A) is EJECTED) is stalls
    assert case.standings.stalled(A, ages, case.now_s) is False, "it just tripped once"


def test_our_own_trouble_is_no_answer() -> None:
    """An attempt that failed by our own doing neither counts nor breaks a silence."""
    case = Case()
    case.end(A, YES)
    case.now_s += 10
    case.end(A, *[Fault(scope=Scope.US)] * 50)
    assert case.standings.minute(A, case.now_s) == (1, 0)
    assert case.standings.stalled(A, [9.0] * 5, case.now_s)


def test_a_stall_of_the_last_one_is_told_once() -> None:
    """It stays open, and what waits is planned anew once, not at every tick."""
    case = Case([(A,)])
    case.end(A, YES)
    case.now_s += 10
    assert [case.standings.stalled(A, [9.0] * 5, case.now_s) for _ in range(3)] == [True, False, False]
    assert case.told == [(A, STRAINED)]


# --- recovery -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("roll", "ejections", "pause_s"),
    [(0.5, 1, 30), (0.5, 2, 60), (0.5, 3, 90), (0.5, 10, 300), (0.5, 25, 300), (0.0, 1, 24), (0.999999, 1, 36)],
)
def test_each_ejection_lasts_longer(roll: float, ejections: int, pause_s: float) -> None:
    """Thirty seconds times the count of ejections, at most 300 s, with a fifth of jitter both ways."""
    case = Case(roll=roll)
    case.trip(A)
    for _ in range(ejections - 1):
        case.now_s += 400
        case.end(A, DOWN)
    case.now_s += pause_s - 0.01
    assert case.state(A) is EJECTED
    case.now_s += 0.02
    assert case.state(A) is ON_TRIAL


def test_after_the_pause_five_trials_bring_it_back_in_steps() -> None:
    """At most five test messages at once; five handovers begin the ramp: 10, 25, 50 % and then all within a minute."""
    case = Case()
    case.trip(A)
    case.now_s += 30.1
    for left in (5, 4, 3, 2, 1):
        assert case.of(A) == Standing(state=ON_TRIAL, share=1.0, probes=left, why="on trial")
        case.begin(A)
    assert not case.of(A).usable
    for _ in range(4):
        case.finish(A, YES, case.now_s)
    assert case.of(A).probes == 0
    case.finish(A, YES, case.now_s)
    shares = []
    for _ in range(7):
        shares.append(case.of(A).share)
        case.now_s += 10
    assert shares == [0.10, 0.10, 0.25, 0.25, 0.50, 0.50, 1.0]
    assert case.of(A) is GOOD
    assert case.told == [(A, EJECTED), (A, ON_TRIAL), (A, STRAINED), (A, StandingState.GOOD)]


def test_one_failed_trial_ejects_it_for_longer() -> None:
    """The second pause is twice the first, and trials begin anew."""
    case = Case()
    case.trip(A)
    case.now_s += 31
    case.end(A, YES, YES, YES, YES, DOWN)
    assert case.state(A) is EJECTED
    case.now_s += 59
    assert case.state(A) is EJECTED
    case.now_s += 2
    assert case.of(A).probes == 5


def test_a_failure_while_it_ramps_back_needs_a_row_again() -> None:
    """One failure does not throw it back, five do, and the pause goes on growing until the ramp is done."""
    case = Case()
    case.trip(A)
    case.recover(A)
    case.end(A, DOWN)
    assert case.of(A).share == 0.10
    case.end(A, *[DOWN] * 4)
    case.now_s += 59
    assert case.state(A) is EJECTED
    case.recover(A)
    case.now_s += 61
    assert case.of(A) is GOOD
    case.trip(A)
    case.now_s += 31
    assert case.state(A) is ON_TRIAL


def test_trials_that_say_nothing_are_neither_passed_nor_failed() -> None:
    """A refused recipient, or an attempt stopped by ourselves, gives its place among the trials back."""
    case = Case()
    case.trip(A)
    case.now_s += 31
    for _ in range(10):
        case.end(A, Rejection(scope=Scope.RECIPIENT), Fault(scope=Scope.US))
    assert case.of(A) == Standing(state=ON_TRIAL, share=1.0, probes=5, why="on trial")


def test_urgent_mail_is_spared_the_trials_for_a_while() -> None:
    """Others test it first; if they did not bring it back within 15 s, urgent mail helps."""
    case = Case()
    case.trip(A)
    case.now_s += 30.1
    assert case.of(A).usable
    assert not case.of(A, urgent=True).usable
    case.now_s += 15
    assert case.of(A, urgent=True).usable
    case.end(A, YES)
    assert case.of(A, urgent=True).usable, "each trial passed does not put it off again"


def test_failures_of_attempts_that_began_before_the_ejection_change_nothing() -> None:
    """Whatever ends badly while it is closed does not prolong the pause, and later fails no trial."""
    case = Case()
    began_s = case.now_s
    case.now_s += 0.1
    case.trip(A)
    case.now_s += 10
    for _ in range(20):
        case.finish(A, DOWN, began_s)
    case.end(A, *[DOWN] * 5)
    case.now_s += 20.1
    assert case.state(A) is ON_TRIAL
    case.finish(A, Unclear(), began_s)
    assert case.of(A).probes == 5
    case.end(A, *[YES] * 5, DOWN)
    assert case.of(A).share == 0.10


def test_handovers_of_attempts_that_began_before_the_ejection_are_no_trials() -> None:
    """They tell how it was: the pause and all five trials remain, also with a probe out, and later while on trial."""
    case = Case()
    old_s = case.begin(A)
    case.now_s += 0.1
    case.trip(A)
    case.trip(B)
    case.now_s += 5
    probe_s = case.begin(A)
    case.now_s += 0.1
    for _ in range(10):
        case.finish(A, YES, old_s)
    assert case.state(A) is EJECTED
    case.finish(A, YES, probe_s)
    assert case.of(A).probes == 4
    for _ in range(10):
        case.finish(A, YES, old_s)
    assert case.of(A).probes == 4


def test_every_trial_that_ends_gives_its_place_back() -> None:
    """Whatever else ends meanwhile, a trial that says nothing is followed by another: no trial lasts without end."""
    case = Case()
    old_s = case.begin(A)
    case.now_s += 0.1
    case.trip(A)
    case.now_s += 31
    trials = [case.begin(A) for _ in range(5)]
    for _ in range(5):
        case.finish(A, YES, old_s)
    assert case.of(A).probes == 0, "five are out, whatever ends besides"
    case.now_s += 10
    for began_s in trials:
        case.finish(A, Fault(scope=Scope.US), began_s)
    assert case.of(A).probes == 5


def test_a_handover_of_before_makes_the_last_one_good_that_was_never_closed() -> None:
    """It is all there is, so any sign of life counts: a stall ends with the first late answer."""
    case = Case([(A,)])
    began_s = case.begin(A)
    case.now_s += 3
    assert case.standings.stalled(A, [3.0] * 5, case.now_s)
    case.finish(A, YES, began_s, took_s=3.0)
    assert case.of(A) is GOOD
    assert case.standings.typical_s(A) == 3.0


def test_one_that_ramped_back_and_became_the_last_one_is_good_after_one_handover() -> None:
    """The ramp ends when it is all there is."""
    case = Case()
    case.trip(A)
    case.recover(A)
    case.trip(B)
    case.trip(A)
    assert (case.state(A), case.state(B)) == (STRAINED, EJECTED)
    case.end(A, YES)
    assert case.of(A) is GOOD


def test_a_person_restores_it_at_once() -> None:
    """As good as new: no pause, no trial, no closed domain, no memory of ejections."""
    case = Case()
    case.end(A, Rejection(scope=Scope.SENDER_DOMAIN))
    case.trip(A)
    case.standings.forget(A)
    assert case.of(A) is GOOD
    case.trip(A)
    case.now_s += 30.1
    assert case.state(A) is ON_TRIAL


def test_an_outside_judgement_closes_it_like_a_trip() -> None:
    """`eject` follows the same rules: a pause for one of two, and never the last one."""
    case = Case()
    case.standings.eject(A, "a person said so", case.now_s)
    case.standings.eject(B, "a person said so", case.now_s)
    assert case.state(A) is EJECTED
    assert case.state(B) is STRAINED


# --- never all closed -----------------------------------------------------------------------------------------------


def test_the_last_open_one_is_never_closed() -> None:
    """With the other one ejected or on trial it only becomes strained, whatever it does."""
    case = Case()
    case.trip(B)
    case.trip(A)
    assert (case.state(A), case.state(B)) == (STRAINED, EJECTED)
    case.now_s += 31
    assert case.state(B) is ON_TRIAL
    case.end(A, *[DOWN] * 10)
    assert case.state(A) is STRAINED
    assert case.told == [(B, EJECTED), (A, STRAINED)]


def test_one_that_recovered_lets_the_failing_one_be_closed() -> None:
    """Once the other is back in the ramp, the next failure of the failing one ejects it."""
    case = Case()
    case.trip(B)
    case.trip(A)
    case.recover(B)
    case.end(A, DOWN)
    assert case.state(A) is EJECTED


def test_a_handover_makes_the_failing_last_one_good_again() -> None:
    """It was never closed, so nothing has to be tried first."""
    case = Case([(A,)])
    case.trip(A)
    case.end(A, YES)
    assert case.of(A) is GOOD
    assert case.told == [(A, STRAINED), (A, StandingState.GOOD)]


def test_with_all_of_them_bad_each_gets_a_probe_every_five_seconds() -> None:
    """The mail waits, one message at a time finds out, urgent or not."""
    case = Case()
    case.trip(B)
    case.trip(A)
    for name in (A, B):
        assert not case.of(name).usable
    case.now_s += 5
    for name in (A, B):
        assert case.of(name).probes == 1
        assert case.of(name, urgent=True).usable
        case.begin(name)
        assert not case.of(name).usable
    case.now_s += 4.9
    assert not case.of(A).usable
    case.now_s += 0.2
    assert case.of(A).usable


def test_a_probe_that_an_ejected_one_takes_ends_its_pause() -> None:
    """With all of them bad nobody else need be waited for: it is on trial, its first trial passed."""
    case = Case()
    for _ in range(10):
        case.trip(A)
        case.now_s += 400
    case.trip(A)
    case.trip(B)
    case.now_s += 5
    assert case.of(A).probes == 1
    case.end(A, DOWN)
    case.now_s += 5
    case.end(A, YES)
    assert case.told[-1] == (A, ON_TRIAL)
    assert case.of(A) == Standing(state=ON_TRIAL, share=1.0, probes=4, why="on trial")
    assert case.state(B) is STRAINED, "the last open one is still kept open"
    case.end(A, *[YES] * 4)
    assert case.of(A).share == 0.10
    case.end(B, DOWN)
    assert case.state(B) is EJECTED


def test_a_probe_that_is_lost_lifts_nothing() -> None:
    """A failure, or our own trouble, is no sign of life."""
    case = Case()
    case.trip(A)
    case.trip(B)
    case.end(A, Fault(scope=Scope.US), DOWN, Rejection(scope=Scope.RECIPIENT))
    assert case.state(A) is EJECTED


def test_a_lifted_one_that_fails_its_trial_is_ejected_again() -> None:
    """One probe is no recovery: the pause grows as after any trial."""
    case = Case()
    case.trip(A)
    case.trip(B)
    case.end(A, YES, DOWN)
    assert case.state(A) is EJECTED
    case.now_s += 59
    assert case.state(A) is EJECTED
    case.now_s += 2
    assert case.state(A) is ON_TRIAL


def test_urgent_mail_tests_it_too_if_nobody_else_is_open() -> None:
    """To be spared only makes sense while it can go elsewhere."""
    case = Case()
    case.trip(A)
    case.trip(B)
    case.end(A, YES)
    assert case.of(A, urgent=True).usable
    case.end(B, YES)
    assert not case.of(A, urgent=True).usable


def test_the_last_one_is_judged_per_route() -> None:
    """A has no alternative for the mail of its own route; mail that has one is not held to A by that."""
    case = Case([(A, B), (A,)])
    case.trip(A)
    assert case.state(A) is STRAINED
    assert not case.of(A, (A, B)).usable, "mail with an open alternative goes there"
    case.now_s += 5
    assert case.of(A, (A, B)).probes == 1, "save the probes that find out whether it is back"
    assert case.of(A, (A,)).probes == 1
    case.end(A, YES)
    assert case.of(A, (A, B)) is GOOD


def test_a_providers_last_peers_by_a_persons_order_get_a_trickle() -> None:
    """If the only candidates left for a message are ejected, they still get probes."""
    case = Case()
    case.trip(A)
    case.now_s += 6
    assert case.of(A, (A,)).probes == 1
    assert case.of(A, (A, B)).usable is False


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([A, B, C]),
            st.sampled_from(
                [YES, DOWN, DOWN, Unclear(), Rejection(scope=Scope.ACCOUNT), Throttle(scope=Scope.ACCOUNT)]
            ),
            st.sampled_from([0.0, 0.5, 5.0, 40.0, 400.0]),
        ),
        max_size=120,
    )
)
def test_whatever_happens_every_route_keeps_a_way(steps: list[tuple[ProviderName, Outcome, float]]) -> None:
    """In any history no group is wholly ejected or on trial, and within 301 s of calm somebody may be tried."""
    case = Case([(A, B, C), (A, B), (C,)])
    for name, outcome, pause_s in steps:
        case.end(name, outcome)
        for group in case.groups:
            assert any(case.state(peer) not in (EJECTED, ON_TRIAL) for peer in group)
        case.now_s += pause_s
    case.now_s += 301
    for group in case.groups:
        assert any(case.of(peer, group).usable for peer in group)
        assert any(case.of(peer, group, urgent=True).usable for peer in group)


# --- throttles and domains ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked_s", "pause_s"), [(None, 1.0), (0.0, 1.0), (7.0, 7.0), (300.0, 300.0), (86_400.0, 300.0)]
)
def test_a_throttle_pauses_as_long_as_it_asks(asked_s: float | None, pause_s: float) -> None:
    """At least a moment, at most five minutes; nothing is ejected."""
    case = Case()
    case.end(A, Throttle(scope=Scope.ACCOUNT, retry_after_s=asked_s))
    case.now_s += pause_s - 0.01
    assert case.of(A) == Standing(state=STRAINED, share=0.0, why="it asked for a pause")
    case.now_s += 0.02
    assert case.of(A).usable


def test_a_throttle_about_one_recipient_pauses_nothing() -> None:
    """An operator that slows one mailbox down says nothing about the provider."""
    case = Case()
    case.end(A, *[Throttle(scope=Scope.RECIPIENT, retry_after_s=60)] * 10)
    assert case.of(A) is GOOD


def test_an_unverified_domain_closes_the_provider_for_that_domain_only() -> None:
    """For five minutes, after one answer; other domains and the null sender go on."""
    case = Case()
    case.end(A, Rejection(scope=Scope.SENDER_DOMAIN), domain="new.example")
    assert case.of(A, domain="new.example").share == 0.0
    assert case.of(A, domain="example.com") is GOOD
    assert case.of(A, domain="") is GOOD
    assert case.state(A) is StandingState.GOOD
    case.now_s += 301
    assert case.of(A, domain="new.example") is GOOD


def test_closed_domains_are_bounded() -> None:
    """However many domains are refused, memory is bounded, and old ones make room."""
    case = Case()
    for number in range(DOMAINS_KEPT + 50):
        case.end(A, Rejection(scope=Scope.SENDER_DOMAIN), domain=f"d{number}.example")
    assert case.of(A, domain="d0.example").share == 0.0
    assert len(case.standings._domains) == DOMAINS_KEPT
    case.now_s += 301
    case.end(A, Rejection(scope=Scope.SENDER_DOMAIN), domain="late.example")
    assert case.of(A, domain="late.example").share == 0.0
    assert len(case.standings._domains) == 1


def test_changed_routes_keep_what_is_known() -> None:
    """A reload with other groups forgets nothing about the providers that stay, and new ones begin good."""
    case = Case()
    case.trip(A)
    case.standings.regroup([frozenset({A, C})], [A, C])
    assert case.state(A) is EJECTED
    assert case.of(C, (A, C)) is GOOD
    assert case.standings.names == (A, C)


def test_the_usual_time_of_an_answer_follows_slowly() -> None:
    """It jumps up to the longest answer and sinks by two per cent of the difference with each shorter one."""
    case = Case()
    case.end(A, YES, took_s=1.0)
    assert case.standings.typical_s(A) == 1.0
    case.end(A, *[YES] * 100, took_s=0.1)
    assert 0.1 < case.standings.typical_s(A) < 0.3
    case.end(A, Unclear(), took_s=None)
    assert case.standings.typical_s(A) < 0.3


@pytest.mark.parametrize(("name", "outcome"), list(product([A, B], [DOWN, YES])))
def test_attempts_and_failures_are_counted_for_the_picture(name: ProviderName, outcome: Outcome) -> None:
    """Each attempt of the minute is in the totals of its own provider."""
    case = Case()
    case.end(name, outcome)
    assert case.standings.minute(name, case.now_s) == (1, int(outcome is DOWN))
    assert case.standings.minute(A if name == B else B, case.now_s) == (0, 0)
