"""The verdict notices what it is there for: each judgement is shown a world that was tampered with after its end."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from posthorse.lab.world import verdict
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.play import World, tell
from posthorse.mail.carriage import Carriage
from posthorse.spool.desk_port import RecipientView, Selector
from posthorse.spool.port import HistoryRow, Renewal, Renewed

CALM = 10
"""A seed without misfortunes."""


@pytest.fixture(scope="module")
def ended() -> World:
    """A world in which all went well."""
    world = tell(CALM)
    assert world.referee.violations == []
    return world


@pytest.fixture
def world(ended: World) -> World:
    """The same for one test, which may add violations."""
    ended.referee.violations.clear()
    return ended


def views_of(world: World) -> list[RecipientView]:
    """All recipients."""

    async def main(_: WorldLoop) -> list[RecipientView]:
        return list(await world.spool.select(Selector(), 10_000))

    return run_world(main, 1)


def history_of(world: World) -> list[HistoryRow]:
    """All history."""

    async def main(_: WorldLoop) -> list[HistoryRow]:
        return list(await world.spool.events_since(0, 100_000))

    return run_world(main, 1)


def accused(world: World) -> set[str]:
    """Invariants said to be broken."""
    return {violation.invariant for violation in world.referee.violations}


def test_a_receipt_for_nothing_is_noticed(world: World) -> None:
    """I1: one message less in the spool than receipts given."""
    views = views_of(world)
    verdict.judge_receipts(world.referee, world.mailbag.submissions, views)
    assert accused(world) == set()
    verdict.judge_receipts(world.referee, world.mailbag.submissions, [])
    assert accused(world) == {"I1"}


@pytest.mark.parametrize("carriage", [Carriage.QUEUED, Carriage.LEASED, Carriage.RELEASED, Carriage.IN_DOUBT])
def test_what_is_not_at_rest_is_noticed(world: World, carriage: Carriage) -> None:
    """I8: waiting, leased, released, or in doubt with a copy left, at the end of the world."""
    view = next(view for view in views_of(world) if view.copies_allowed == 2)
    account = world.referee.accounts[view.message.id, view.n]
    assert account.copies < account.allowed
    now = view.message.accepted_at + 1
    verdict.judge_rest(world.referee, [view], now)
    assert accused(world) == set()
    verdict.judge_rest(world.referee, [replace(view, carriage=carriage)], now)
    assert accused(world) == {"I8"}


def test_a_lease_renewed_by_whoever_does_not_hold_it_is_noticed(world: World) -> None:
    """I4: renewed under a fence that nobody holds; what the spool refused as stale is no renewal."""
    view = views_of(world)[0]
    renewal = Renewal(message_id=view.message.id, recipients=((view.n, 1_000),))
    world.referee.renewed("elsewhere", [renewal], [Renewed(until=1, stale=(view.n,))])
    assert accused(world) == set()
    world.referee.renewed("elsewhere", [renewal], [Renewed(until=1)])
    assert accused(world) == {"I4"}


def _without_release(history: list[HistoryRow]) -> list[HistoryRow]:
    return [fact for fact in history if fact.new is not Carriage.RELEASED]


def _from_nowhere(history: list[HistoryRow]) -> list[HistoryRow]:
    return [replace(fact, old=Carriage.EXPIRED) if fact.new is Carriage.RELEASED else fact for fact in history]


def _one_more_attempt(history: list[HistoryRow]) -> list[HistoryRow]:
    last = max(place for place, fact in enumerate(history) if fact.new is Carriage.HANDED_OVER)
    fact = history[last]
    return [*history[:last], replace(fact, detail={**fact.detail, "attempts": 7}), *history[last + 1 :]]


@pytest.mark.parametrize("tamper", [_without_release, _from_nowhere, _one_more_attempt])
def test_a_history_that_cannot_be_is_noticed(
    world: World, tamper: Callable[[list[HistoryRow]], list[HistoryRow]]
) -> None:
    """I2 and I3: a missing step, an illegal one, a row that its history does not lead to."""
    views, history = views_of(world), history_of(world)
    verdict.judge_history(world.referee, views, history)
    assert accused(world) == set()
    verdict.judge_history(world.referee, views, tamper(history))
    assert accused(world) & {"I2", "I3"}


def test_a_ledger_that_lies_is_noticed(world: World) -> None:
    """I2: mail that arrived is said to have expired. I1: mail that no provider took is said to be handed over."""
    view = views_of(world)[0]
    sites = tuple(world.sites.values())
    verdict.judge_ledger(world.referee, [view], sites)
    assert accused(world) == set()
    verdict.judge_ledger(world.referee, [replace(view, carriage=Carriage.EXPIRED)], sites)
    assert accused(world) == {"I2"}
    verdict.judge_ledger(world.referee, [view], ())
    assert accused(world) == {"I1", "I2"}


def test_a_changed_byte_is_noticed(world: World) -> None:
    """I5: what a provider was given is not what the application sent."""
    submissions, sites = world.mailbag.submissions, tuple(world.sites.values())
    verdict.judge_fidelity(world.referee, submissions, sites)
    assert accused(world) == set()
    changed = [replace(one, content=one.content.replace(b"From:", b"from:", 1)) for one in submissions]
    verdict.judge_fidelity(world.referee, changed, sites)
    assert accused(world) == {"I5"}
