"""One simulated failover, step by step: the first provider dies under load, and comes back."""

import pytest

from posthorse.lab.faults import Fault
from posthorse.lab.world.play import Climate, World, tell
from posthorse.lab.world.ports import EPOCH_US
from posthorse.lab.world.weather import Happening, Kind

FIRST = {"urgent": "provider-b", "other": "provider-a"}
DIES_AT_S, DEAD_FOR_S = 4.0, 10.0


def outage(fault: Fault, skew_us: int = 0) -> World:
    """A world in which both providers that mail goes to first have `fault` for ten seconds."""
    plan = [
        Happening(at_s=DIES_AT_S, for_s=DEAD_FOR_S, kind=Kind.FAULT, who=(name,), fault=fault)
        for name in FIRST.values()
    ]
    return tell(4, climate=Climate(weather=plan, latency_s=0.02, skew_us=skew_us))


def seconds(time_us: int) -> float:
    """Wall time of the world as seconds since it began."""
    return (time_us - EPOCH_US) / 1e6


def arrivals_s(world: World, *providers: str) -> list[float]:
    """When mail reached mailboxes through these providers, in order."""
    return [seconds(one.at) for one in world.mailbox.arrivals() if one.provider in providers]


@pytest.mark.parametrize(
    ("fault", "within_s"),
    [(Fault.REFUSE, 1.0), pytest.param(Fault.NO_SYN_ACK, 11.0, marks=pytest.mark.thorough)],
    ids=["refused", "black hole"],
)
def test_mail_leaves_through_the_next_provider_when_the_first_dies(fault: Fault, within_s: float) -> None:
    """Mail accepted after the fault goes elsewhere in time, nothing is lost or doubled, and the first comes back.

    A black hole swallows kept connections too: the limit is the answer timeout and a second.
    """
    world = outage(fault)
    assert world.referee.violations == []

    first, elsewhere = arrivals_s(world, *FIRST.values()), arrivals_s(world, "provider-c")
    assert [at_s for at_s in first if at_s < DIES_AT_S], "the first ones carried mail before the fault"
    assert [at_s for at_s in first if DIES_AT_S + 0.1 < at_s < DIES_AT_S + DEAD_FOR_S] == []
    assert [at_s for at_s in first if at_s > DIES_AT_S + DEAD_FOR_S], "and again after it"

    accepted_s = [seconds(account.accepted_at) for account in world.referee.accounts.values()]
    after_s = min(at_s for at_s in accepted_s if at_s > DIES_AT_S)
    assert after_s < elsewhere[0] < after_s + within_s

    receipts = {receipt for submission in world.mailbag.submissions for receipt in submission.receipts}
    superseded = {key[0].hex() for key, account in world.referee.accounts.items() if account.withdrawn}
    assert receipts - superseded <= {one.id for one in world.mailbox.arrivals()} <= receipts
    assert world.mailbox.duplicates() == {}


def test_a_node_whose_clock_is_ahead_fails_over_as_fast() -> None:
    """Five minutes of skew between a node and the spool delay nothing."""
    world = outage(Fault.REFUSE, skew_us=300_000_000)
    assert arrivals_s(world, "provider-c")[0] < DIES_AT_S + DEAD_FOR_S
