"""Providers that cannot carry everything are asked about each group before it goes there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import ProviderName
from posthorse.mail.orders import PAUSED
from posthorse.mail.outcome import Fault, Handover, Outcome, Rejection, Scope
from posthorse.providers.port import Fidelity, HandoverGroup, NotNow, Obstacle, ReleaseGate
from posthorse.spool.desk_port import Decision, Hold, Selector
from tests.unit.dispatch.scripted import Behaviour, Scripted, answers
from tests.unit.dispatch.stand import A, B, Stand, play

Survey = Callable[[HandoverGroup], Awaitable[Obstacle | None]]


class Structured(Scripted):
    """A scripted provider that is asked first, and remembers what it was asked."""

    def __init__(self, name: ProviderName, survey: Survey, always: Behaviour | None = None) -> None:
        super().__init__(name, always)
        self.capability = replace(self.capability, fidelity=Fidelity.RECOMPOSED, separate_envelope=False)
        self.answer = survey
        self.asked: list[HandoverGroup] = []

    async def survey(self, group: HandoverGroup) -> Obstacle | None:
        """As the port says."""
        self.asked.append(group)
        return await self.answer(group)


async def carries(group: HandoverGroup) -> Obstacle | None:
    """Can carry all mail."""
    await asyncio.sleep(0.01)
    return None


async def refuses(group: HandoverGroup) -> Obstacle | None:
    """Can carry no mail."""
    await asyncio.sleep(0.01)
    return Obstacle(why="cannot carry: signed mail")


def only_whole(count: int) -> Survey:
    """Carries a message of so many recipients, and no part of it."""

    async def survey(group: HandoverGroup) -> Obstacle | None:
        await asyncio.sleep(0.01)
        return None if len(group.recipients) == count else Obstacle(why="cannot carry: a part", of_part=True)

    return survey


async def hangs(group: HandoverGroup) -> Obstacle | None:
    """Has no answer."""
    await asyncio.get_running_loop().create_future()
    return None


async def reasons(stand: Stand) -> list[str]:
    """Every reason in the history."""
    return [
        str(row.detail.get("chosen") or row.detail.get("reason", ""))
        for row in await stand.spool.events_since(0, 1_000)
    ]


def test_what_can_be_carried_is_asked_about_once_and_goes_there() -> None:
    """One survey for a group, then its attempt; the others are never asked."""
    first, second = Structured(A, carries), Structured(B, carries)

    async def story(stand: Stand) -> None:
        await stand.post(recipients=2)
        await asyncio.sleep(1)
        assert [name for name, _, _ in stand.sent()] == [A]
        assert [group.recipients for group in first.asked] == [((0, "r0@example.net"), (1, "r1@example.net"))]
        assert not second.asked
        stand.assert_idle()

    play(story, first, second)


def test_what_cannot_be_carried_goes_to_the_next_and_the_reason_is_kept() -> None:
    """The refusing provider sees no attempt, keeps its standing, and the history says why it was passed over."""

    async def story(stand: Stand) -> None:
        (message_id,) = await stand.post()
        await asyncio.sleep(1)
        assert [name for name, _, _ in stand.sent()] == [B]
        assert not stand["A"].seen
        assert "next in order (A: cannot carry: signed mail)" in await reasons(stand)
        assert (await stand.view(message_id)).carriage is Carriage.HANDED_OVER
        assert not stand.told.changes
        stand.assert_idle()

    play(story, Structured(A, refuses), Scripted(B))


def test_what_nobody_can_ever_carry_is_rejected_with_all_reasons() -> None:
    """If every provider of the route says no for good, duty ends at once."""

    async def story(stand: Stand) -> None:
        (message_id,) = await stand.post()
        await asyncio.sleep(1)
        assert (await stand.view(message_id)).carriage is Carriage.REJECTED
        all_reasons = "no provider can carry it (A: cannot carry: signed mail; B: cannot carry: signed mail)"
        assert all_reasons in await reasons(stand)
        stand.assert_idle()

    play(story, Structured(A, refuses), Structured(B, refuses))


def test_what_goes_only_whole_waits_for_who_is_held() -> None:
    """A hold on one recipient rejects nobody; when it is lifted, all go in one request."""
    whole = Structured(A, only_whole(3))

    async def story(stand: Stand) -> None:
        hold = await stand.spool.hold(Hold(selector=Selector(n=1), reason="x", by="me"))
        (message_id,) = await stand.post(recipients=3)
        await asyncio.sleep(100)
        assert [view.carriage for view in await stand.views(message_id)] == [Carriage.QUEUED] * 3
        assert any("have not come to their end" in reason for reason in await reasons(stand))
        await stand.spool.unhold(hold.id)
        await asyncio.sleep(60)
        assert [view.carriage for view in await stand.views(message_id)] == [Carriage.HANDED_OVER] * 3
        assert [len(one.recipients) for one in whole.asked].count(3) == 1
        assert len(stand.sent()) == 1
        stand.assert_idle()

    play(story, whole)


def test_when_the_others_have_ended_a_part_is_given_up() -> None:
    """The held recipient is cancelled: what remains will never be whole."""

    async def story(stand: Stand) -> None:
        await stand.spool.hold(Hold(selector=Selector(n=0), reason="x", by="me"))
        (message_id,) = await stand.post(recipients=2)
        await asyncio.sleep(30)
        assert (await stand.views(message_id))[1].carriage is Carriage.QUEUED
        await stand.spool.decide(Selector(message_id=message_id, n=0), Decision.CANCEL, "me", 1)
        await asyncio.sleep(30)
        assert (await stand.views(message_id))[1].carriage is Carriage.REJECTED
        assert "no provider can carry it (A: cannot carry: a part)" in await reasons(stand)
        stand.assert_idle()

    play(story, Structured(A, only_whole(2)))


def test_a_backlog_of_many_recipients_is_carried_whole() -> None:
    """After an outage more is due than one lease asks for: no message is cut, so none is refused as a part."""
    whole = Structured(A, only_whole(3))

    async def story(stand: Stand) -> None:
        await stand.order({PAUSED: "maintenance"})
        await stand.post(count=40, recipients=3)
        await asyncio.sleep(1)
        await stand.order({})
        await asyncio.sleep(30)
        ends = {view.carriage for view in await stand.views()}
        assert ends == {Carriage.HANDED_OVER}
        assert {len(one.recipients) for one in whole.asked} == {3}
        stand.assert_idle()

    play(story, whole)


def test_no_answer_just_now_is_no_answer_for_ever() -> None:
    """A survey that cannot be made closes the provider to this group for a moment; then it is asked again."""
    script: list[Exception | None] = [NotNow("no worker"), ZeroDivisionError("a bug"), None]

    async def survey(group: HandoverGroup) -> Obstacle | None:
        answer = script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def story(stand: Stand) -> None:
        (message_id,) = await stand.post()
        await asyncio.sleep(60)
        assert (await stand.view(message_id)).carriage is Carriage.HANDED_OVER
        assert [where for where, _ in stand.told.bugs] == ["survey at A"]
        stand.told.bugs.clear()
        stand.assert_idle()

    play(story, Structured(A, survey))


@pytest.mark.thorough
def test_what_speaks_of_us_is_asked_again_ever_seldomer_and_never_final() -> None:
    """A worker that dies of nobody knows what, for an hour: the mail waits, is asked about a few times, and goes."""
    well = asyncio.Event()

    async def survey(group: HandoverGroup) -> Obstacle | None:
        if not well.is_set():
            raise NotNow("the worker was ended by SIGKILL")
        return None

    only = Structured(A, survey)

    async def story(stand: Stand) -> None:
        (message_id,) = await stand.post()
        await asyncio.sleep(3_600)
        assert (await stand.view(message_id)).carriage is Carriage.QUEUED
        assert 10 <= len(only.asked) <= 20
        assert stand.told.unsurveyed == [(A, "the worker was ended by SIGKILL")] * len(only.asked)
        well.set()
        await asyncio.sleep(700)
        assert (await stand.view(message_id)).carriage is Carriage.HANDED_OVER
        stand.assert_idle()

    play(story, only)


def test_while_one_cannot_answer_the_next_takes_the_mail() -> None:
    """No mail waits for a survey that cannot be made while somebody else is open."""

    async def survey(group: HandoverGroup) -> Obstacle | None:
        raise NotNow("no worker")

    async def story(stand: Stand) -> None:
        await stand.post(count=3)
        await asyncio.sleep(1)
        assert [name for name, _, _ in stand.sent()] == [B] * 3

    play(story, Structured(A, survey), Scripted(B))


def test_a_survey_without_end_is_given_up() -> None:
    """After its time limit the group goes elsewhere, within its lease."""

    async def story(stand: Stand) -> None:
        (message_id,) = await stand.post()
        await asyncio.sleep(35)
        assert [name for name, _, _ in stand.sent()] == [B]
        assert (await stand.view(message_id)).carriage is Carriage.HANDED_OVER
        stand.assert_idle()

    play(story, Structured(A, hangs), Scripted(B))


def test_groups_that_are_asked_about_count_as_room_and_as_bytes_in_hand() -> None:
    """No more is brought than the way has room for, whatever waits for an answer."""

    async def story(stand: Stand) -> None:
        await stand.queue(count=200)
        await asyncio.sleep(20)
        way = stand.dispatcher.ways[A]
        assert 0 < way.surveying <= 8
        assert way.room <= 0
        assert stand.dispatcher.hand.total > 0

    play(story, Structured(A, hangs))


def test_a_stop_gives_back_what_is_being_asked_about() -> None:
    """Stopping leaves nothing in hand and nothing leased."""

    async def story(stand: Stand) -> None:
        (message_id,) = await stand.post()
        await asyncio.sleep(1)
        await stand.dispatcher.stop(1.0)
        assert (await stand.view(message_id)).carriage is Carriage.QUEUED
        assert stand.dispatcher.ways[A].surveying == 0
        stand.assert_idle()

    play(story, Structured(A, hangs))


def test_a_part_of_a_group_is_another_question() -> None:
    """When some recipients are done, the rest is asked about anew."""

    async def second_refused(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        await gate([0, 1])
        return {0: Handover(), 1: Fault(scope=Scope.CHANNEL)}

    async def story(stand: Stand) -> None:
        stand["B"].script = [nothing_taken]
        (message_id,) = await stand.post(recipients=2)
        await asyncio.sleep(120)
        seen = {name: [each.numbers for each in provider.seen] for name, provider in stand.providers.items()}
        assert seen == {A: [(0, 1)], B: [(1,), (1,)]}
        assert {view.carriage for view in await stand.views(message_id)} == {Carriage.HANDED_OVER}
        assert [len(group.recipients) for group in first.asked] == [2, 1]

    async def nothing_taken(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        return {1: Fault(scope=Scope.CHANNEL)}

    first = Structured(A, only_whole(2), always=second_refused)
    play(story, first, Scripted(B))


def test_an_answer_in_an_attempt_is_judged_as_ever() -> None:
    """A provider that could carry the mail may still reject it for good."""

    async def story(stand: Stand) -> None:
        (message_id,) = await stand.post()
        await asyncio.sleep(1)
        assert (await stand.view(message_id)).carriage is Carriage.REJECTED

    play(story, Structured(A, carries, always=answers(Rejection(scope=Scope.MESSAGE))))
