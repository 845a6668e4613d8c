"""Contract of every spool: a second copy is told when two are known to be taken, in whatever order that is learnt."""

from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.event import EventKind
from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Handover, Outcome
from posthorse.spool.desk_port import Decision, Selector
from posthorse.spool.inbox_port import Digestion, SecondCopy
from posthorse.spool.port import Settled
from tests.contract.inbox_kit import DUPLICATE, OTHER, Feedback
from tests.contract.spool_kit import FAULT, HANDOVER, RELAY, UNCLEAR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

SECOND = (Settled.DUPLICATE, Settled.SECOND_COPY, DUPLICATE)


async def told(feedback: Feedback, second_at: ProviderName, answer: Outcome, order: tuple[str, ...]) -> tuple[int, int]:
    """How many second copies are told, and how many of them history holds, after these facts."""
    world = feedback.world
    first = await world.in_doubt(next_at=world.clock.now())
    (second,) = await world.lease()
    await world.release(second, provider=second_at)
    mail = first.message.id
    facts: dict[str, Callable[[], Awaitable[object]]] = {
        "A event": lambda: feedback.learn(mail),
        "A answers": lambda: world.settle(first, HANDOVER, tried=(RELAY,)),
        "A refuses": lambda: world.settle(first, FAULT, tried=(RELAY,)),
        "B event": lambda: feedback.learn(mail, EventKind.OPENED, provider=second_at),
        "B answers": lambda: world.settle(second, answer, provider=second_at, tried=(RELAY, second_at)),
    }
    count = sum([await facts[name]() in SECOND for name in order])
    assert await world.carriage(mail) is Carriage.HANDED_OVER
    return count, len(await feedback.facts(mail, "duplicate"))


@pytest.mark.parametrize("second_at", [OTHER, RELAY])
@pytest.mark.parametrize("answer", [HANDOVER, FAULT, UNCLEAR])
@pytest.mark.parametrize(
    "facts",
    [
        ("A event", "B answers"),
        ("A answers", "B answers"),
        ("A event", "A answers", "B answers"),
        ("A event", "A answers", "B answers", "B event"),
        ("A refuses", "A event", "B answers", "B event"),
    ],
)
def test_no_order_changes_how_often_a_second_copy_is_told(
    play: Play, second_at: ProviderName, answer: Outcome, facts: tuple[str, ...]
) -> None:
    """A copy that is only out proves nothing, and may still come back: who was asked first decides nothing."""
    yes = {(RELAY, 1)} if "A answers" in facts else set()
    yes |= {(second_at, 2)} if isinstance(answer, Handover) else set()
    telling = {RELAY} | ({second_at} if "B event" in facts else set()) if "A event" in facts else set()
    copies = len(yes) + len(telling - {provider for provider, _ in yes})

    async def story(world: World) -> None:
        feedback = Feedback(world)
        for order in permutations(facts):
            assert await told(feedback, second_at, answer, order) == (max(0, copies - 1),) * 2, order

    play(story)


def test_the_second_copy_an_event_proves_says_whose_mail_it_is(play: Play) -> None:
    """The message, with its stream, and the recipient: what the one metric of duplicates needs."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        first, second = await feedback.two_copies()
        await world.settle(second, HANDOVER, provider=OTHER, tried=(RELAY, OTHER))
        event = feedback.event(first.message.id)
        ((learnt,),) = await world.spool.inbox.digest([Digestion(seq=0, events=(event,))])
        assert isinstance(learnt, SecondCopy)
        assert (learnt.message.id, learnt.message.stream, learnt.n) == (first.message.id, first.message.stream, 0)

    play(story)


def test_one_batch_of_answers_counts_like_one_after_another(play: Play) -> None:
    """The yes to both attempts in one transaction: told once, by the second."""

    async def story(world: World) -> None:
        first, second = await Feedback(world).two_copies()
        answers = [
            world.settlement(group, HANDOVER, provider=provider, tried=(RELAY, OTHER))
            for group, provider in ((first, RELAY), (second, OTHER))
        ]
        assert await world.spool.settle(answers) == [Settled.LATE_APPLIED, Settled.SECOND_COPY]

    play(story)


def test_a_persons_word_is_no_proof(play: Play) -> None:
    """Taken as handed over, and one provider answers yes: one copy is known to be taken."""

    async def story(world: World) -> None:
        first, second = await Feedback(world).two_copies()
        await world.settle(second, UNCLEAR, provider=OTHER, tried=(RELAY, OTHER))
        await world.spool.decide(Selector(message_id=first.message.id), Decision.WAS_HANDED_OVER, "ann", 10)
        assert await world.settle(first, HANDOVER) is Settled.LATE_APPLIED
        assert await world.settle(second, HANDOVER, provider=OTHER) is Settled.DUPLICATE

    play(story)
