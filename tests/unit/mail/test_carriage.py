"""The two state machines of a recipient: every pair of states with every cause, and fate in any order."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.carriage import (
    ENDS_OF_DUTY,
    FATE_ORDER,
    TRANSITIONS,
    Carriage,
    Cause,
    Fate,
    IllegalMove,
    check_move,
    raise_fate,
)

ALLOWED = """
queued    -> leased       lease
queued    -> handed_over  late_answer event
queued    -> in_doubt     restore
queued    -> expired      expiry
queued    -> cancelled    cancel
queued    -> superseded   supersede
queued    -> suppressed   suppress
leased    -> released     release
leased    -> queued       answer return lapse
leased    -> in_doubt     answer return lapse restore
leased    -> handed_over  answer return lapse late_answer restore event
leased    -> rejected     answer late_answer
leased    -> expired      expiry
leased    -> cancelled    cancel
leased    -> superseded   supersede
leased    -> suppressed   suppress
released  -> handed_over  answer lapse restore event
released  -> in_doubt     answer lapse restore
released  -> queued       answer
released  -> rejected     answer
in_doubt  -> leased       lease
in_doubt  -> handed_over  late_answer decision event
in_doubt  -> queued       late_answer decision
in_doubt  -> rejected     late_answer decision
in_doubt  -> cancelled    decision
handed_over -> leased     rescue reroute
"""
"""The table once more by hand: what is not written here must raise."""


def allowed_moves() -> set[tuple[Carriage, Carriage, Cause]]:
    """Every triple that the hand-written table allows."""
    moves = set()
    for line in ALLOWED.strip().splitlines():
        edge, _, rest = line.partition("->")
        new, *causes = rest.split()
        moves |= {(Carriage(edge.strip()), Carriage(new), Cause(cause)) for cause in causes}
    return moves


@pytest.mark.parametrize(("old", "new"), list(product(Carriage, Carriage)), ids=lambda state: state.value)
def test_every_pair_of_states_moves_only_by_its_causes(old: Carriage, new: Carriage) -> None:
    """For each pair exactly the causes of the hand-written table pass; every other cause raises `IllegalMove`."""
    allowed = allowed_moves()
    for cause in Cause:
        if (old, new, cause) in allowed:
            check_move(old, new, cause)
        else:
            with pytest.raises(IllegalMove, match=f"from {old.value} to {new.value} by {cause.value}"):
                check_move(old, new, cause)


def test_every_cause_moves_something() -> None:
    """No cause is a word without an effect."""
    assert set().union(*TRANSITIONS.values()) == set(Cause)


def test_an_end_of_duty_is_left_only_by_rescue_or_reroute() -> None:
    """Nothing leads out of an end of duty save the two named ways back from handed over."""
    ways_out = {(old, new): causes for (old, new), causes in TRANSITIONS.items() if old in ENDS_OF_DUTY}
    assert ways_out == {(Carriage.HANDED_OVER, Carriage.LEASED): frozenset({Cause.RESCUE, Cause.REROUTE})}


def test_expiry_ends_nothing_that_may_be_out() -> None:
    """Expiry leads from waiting or leased to expired and nowhere else: what may be out is never called expired."""
    by_expiry = {pair for pair, causes in TRANSITIONS.items() if Cause.EXPIRY in causes}
    assert by_expiry == {(Carriage.QUEUED, Carriage.EXPIRED), (Carriage.LEASED, Carriage.EXPIRED)}


def test_only_a_lease_leads_to_a_release() -> None:
    """Released is entered from leased alone, by the release mark alone."""
    into = {old: causes for (old, new), causes in TRANSITIONS.items() if new is Carriage.RELEASED}
    assert into == {Carriage.LEASED: frozenset({Cause.RELEASE})}


def test_every_state_is_reached_and_live_states_can_be_left() -> None:
    """From queued every state can be reached, and every state that is no end of duty has a way out."""
    reached, edge = {Carriage.QUEUED}, {Carriage.QUEUED}
    while edge:
        edge = {new for old, new in TRANSITIONS if old in edge} - reached
        reached |= edge
    assert reached == set(Carriage)
    assert {old for old, _ in TRANSITIONS} >= set(Carriage) - ENDS_OF_DUTY


@given(st.lists(st.sampled_from(Fate)), st.randoms(use_true_random=False))
def test_fate_is_the_same_in_any_order_and_repetition(learnt: list[Fate], dice: object) -> None:
    """Events in any order and however often they come end in one fate: the highest."""
    shuffled = learnt * 2
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    ends = []
    for order in (learnt, shuffled):
        fate = Fate.UNKNOWN
        for event in order:
            raised = raise_fate(fate, event)
            assert FATE_ORDER[raised] >= FATE_ORDER[fate]
            fate = raised
        ends.append(fate)
    assert ends[0] is ends[1] is max([Fate.UNKNOWN, *learnt], key=lambda fate: FATE_ORDER[fate])


def test_fate_rises_from_unknown_through_delivered_and_bounced_to_complained() -> None:
    """The order of fates is the one the words promise."""
    assert sorted(Fate, key=lambda fate: FATE_ORDER[fate]) == [
        Fate.UNKNOWN,
        Fate.DELIVERED,
        Fate.BOUNCED,
        Fate.COMPLAINED,
    ]
