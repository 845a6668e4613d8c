"""Mail in doubt: the rule of its stream, late answers, and where a copy may be."""

import asyncio

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.outcome import Deferral, Fault, Scope, Throttle, Unclear
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Decision, Selector
from posthorse.spool.port import Settled
from tests.thorough import first_quick
from tests.unit.dispatch.scripted import answers, refuses, swallows, takes
from tests.unit.dispatch.stand import A, B, Stand, play


def test_urgent_mail_without_an_answer_goes_elsewhere_after_eight_seconds() -> None:
    """Parked after 8 s, in doubt, and sent through the other provider at once; never a third time."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(9)
        view = await stand.view(message)
        assert (view.carriage, view.provider, view.copies_released) == (Carriage.HANDED_OVER, B, 2)
        assert stand.told.parks == [A]
        (first, second) = stand.sent()
        assert 8.0 <= second[1] - first[1] < 8.6
        assert (stand.courier.parked, stand.courier.flying) == (1, 0)
        await asyncio.sleep(700)
        assert len(stand.sent()) == 2
        assert stand.courier.parked == 0

    play(story)


def test_standard_mail_without_an_answer_goes_elsewhere_after_ninety_seconds() -> None:
    """Its slot is free after 10 s; the second copy leaves 90 s after the first."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post()
        await asyncio.sleep(11)
        assert (await stand.view(message)).carriage is Carriage.IN_DOUBT
        assert stand.dispatcher.ways[A].busy == 0
        await asyncio.sleep(82)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER
        (first, second) = stand.sent()
        assert 90.0 <= second[1] - first[1] < 92.0

    play(story)


@pytest.mark.parametrize("stream", first_quick(1, [Stream.ONCE, Stream.BULK]))
def test_once_and_bulk_stay_in_doubt_until_a_person_decides(stream: Stream) -> None:
    """Never a second copy by itself; a person's `another copy` sends exactly one more."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post(stream)
        await asyncio.sleep(1_800)
        view = await stand.view(message)
        assert (view.carriage, view.next_at) == (Carriage.IN_DOUBT, None)
        assert len(stand.sent()) == 1
        stand["A"].always = takes()
        assert await stand.spool.decide(Selector(message_id=message), Decision.ANOTHER_COPY, "me", 1) == 1
        await asyncio.sleep(5)
        view = await stand.view(message)
        assert (view.carriage, view.copies_released, view.copies_allowed) == (Carriage.HANDED_OVER, 2, 2)
        assert len(stand.sent()) == 2

    play(story)


def test_a_late_yes_settles_the_doubt_and_no_second_copy_goes() -> None:
    """The parked attempt is answered after 30 s: handed over, and the standard 90 s come to nothing."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(30.0)
        (message,) = await stand.post()
        await asyncio.sleep(120)
        view = await stand.view(message)
        assert (view.carriage, view.copies_released) == (Carriage.HANDED_OVER, 1)
        assert len(stand.sent()) == 1
        assert [result for *_, result in stand.told.settlements] == [Settled.APPLIED, Settled.LATE_APPLIED]
        assert stand.courier.parked == 0
        stand.assert_idle()

    play(story)


def test_a_late_no_sends_the_mail_to_the_next_provider() -> None:
    """A certain no that comes late gives the copy back, also for `once`."""

    async def story(stand: Stand) -> None:
        stand["A"].always = answers(Fault(scope=Scope.PROVIDER), after_s=30.0)
        (message,) = await stand.post(Stream.ONCE)
        await asyncio.sleep(35)
        view = await stand.view(message)
        assert (view.carriage, view.provider, view.copies_released) == (Carriage.HANDED_OVER, B, 1)

    play(story)


def test_a_late_yes_after_the_second_copy_is_counted_as_a_duplicate() -> None:
    """Both copies were taken: handed over, and the duplicate is told."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(20.0)
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(25)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER
        assert [result for *_, result in stand.told.settlements] == [
            Settled.APPLIED,
            Settled.APPLIED,
            Settled.DUPLICATE,
        ]

    play(story)


def test_a_late_yes_while_the_second_copy_is_refused_ends_handed_over() -> None:
    """The first copy is known to be taken while the second is out; the second's refusal brings no third."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(10.0)
        stand["B"].always = answers(Fault(scope=Scope.PROVIDER), after_s=4.0)
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(600)
        view = await stand.view(message)
        assert (view.carriage, view.copies_released) == (Carriage.HANDED_OVER, 1)
        assert [name for name, _, _ in stand.sent()] == [A, B]

    play(story)


def test_in_doubt_mail_is_never_sent_again_where_a_copy_may_be() -> None:
    """With one provider it stays in doubt; a second that defers or fails is asked again, the holder never."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        stand["B"].script = [
            refuses(),
            refuses(Deferral(scope=Scope.RECIPIENT)),
            refuses(Throttle(scope=Scope.ACCOUNT)),
        ]
        (message,) = await stand.post()
        await asyncio.sleep(4_000)
        view = await stand.view(message)
        assert (view.carriage, view.provider, view.copies_released) == (Carriage.HANDED_OVER, B, 2)
        assert len(stand["A"].seen) == 1
        assert len(stand["B"].seen) == 4

    play(story)


def test_a_dead_nodes_released_mail_is_not_sent_again_where_it_was() -> None:
    """A lease that lapses after its release leaves the provider's name: the second copy goes elsewhere."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post()
        await asyncio.sleep(1)
        for flight in list(stand.courier._flights.values()):  # the node forgets it, as if it had died
            flight.parked = True
            stand.courier._parked.append(flight)
            flight.way.busy -= 1
        await asyncio.sleep(120)
        view = await stand.view(message)
        assert (view.carriage, view.provider) == (Carriage.HANDED_OVER, B)
        assert len(stand["A"].seen) == 1
        (first, second) = stand.sent()
        assert 90.0 <= second[1] - first[1] < 92.0

    play(story)


def test_times_of_a_second_copy_count_from_the_release() -> None:
    """The due time in the spool is the release plus the rule of the stream, by the spool's clock."""

    async def story(stand: Stand) -> None:
        stand["A"].always = answers(Unclear())
        (message,) = await stand.post()
        await asyncio.sleep(1)
        view = await stand.view(message)
        marks = [fact.at for fact in await stand.spool.history(message) if fact.new is Carriage.RELEASED]
        assert view.next_at == marks[0] + 90 * SECOND

    play(story)
