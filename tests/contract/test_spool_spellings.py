"""Contract of every spool: an address on a list is not mailed in any other spelling either."""

import asyncio
from pathlib import Path

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.event import EventKind
from posthorse.spool.sqlite import schema
from tests.contract.inbox_kit import Feedback
from tests.contract.spool_kit import World, opened
from tests.contract.spool_play import Play, play

__all__ = ["play"]

SPELLINGS = [
    ("user@b\u00fccher.example", "user@xn--bcher-kva.example"),
    ("user@xn--bcher-kva.example", "User@B\u00dcCHER.example"),
    ("me\u017f\u017fage@example.com", "message@example.com"),
    ("\u212aelvin@example.com", "kelvin@example.com"),
    ("AL\u0130@example.com", "ali@example.com"),
    ("Ann@Example.com", "ann@EXAMPLE.com"),
]


@pytest.mark.parametrize(("listed", "mailed"), [*SPELLINGS, *[(b, a) for a, b in SPELLINGS]])
def test_what_is_listed_is_not_mailed_in_another_spelling(play: Play, listed: str, mailed: str) -> None:
    """I7: neither new mail, nor what waits, nor what is leased; taken off in the other spelling, it is mailed."""

    async def story(world: World) -> None:
        waiting, leased = await world.admit(mailed), await world.admit_leased(mailed)
        await world.suppress(listed)
        new = await world.admit(mailed)
        assert await world.carriage(new.id) is Carriage.SUPPRESSED
        await world.try_release(leased)
        await world.lease()
        for message_id in (waiting.id, leased.message.id):
            assert await world.carriage(message_id) is Carriage.SUPPRESSED
        (entry,) = await world.spool.suppressions(None, "", 10)
        assert await world.spool.unsuppress(entry.tenant, mailed)
        assert (await world.admit_leased(mailed)).recipients[0].address == mailed

    play(story)


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_events_find_their_recipient_in_another_spelling(play: Play, one: str, other: str) -> None:
    """A provider tells of the ASCII form of what was handed over in Unicode: the bounce is the recipient's."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over(one)
        await feedback.learn(group.message.id, EventKind.HARD_BOUNCED, recipient=other)
        assert await world.carriage((await world.admit(other)).id) is Carriage.SUPPRESSED

    play(story)


def test_lists_and_waiting_mail_of_an_older_version_are_found_in_every_spelling(tmp_path: Path) -> None:
    """The fourth migration gives them the keys that are asked for now."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            waiting = await world.admit("B@B\u00fccher.example")
            await world.suppress("user@b\u00fccher.example")
            await world.suppress("ann@example.com")
        _with_the_keys_of_the_third_version(tmp_path / "spool.db")
        async with opened("sqlite", tmp_path) as world:
            world.made = 10
            assert [entry.address for entry in await world.spool.suppressions(None, "", 10)] == [
                "ann@example.com",
                "user@xn--bcher-kva.example",
            ]
            assert await world.carriage((await world.admit("user@B\u00dcCHER.example")).id) is Carriage.SUPPRESSED
            await world.suppress("b@xn--bcher-kva.example")
            assert await world.lease() == []
            assert await world.carriage(waiting.id) is Carriage.SUPPRESSED

    asyncio.run(story())


def _with_the_keys_of_the_third_version(path: Path) -> None:
    connection = schema.connect(str(path))
    connection.execute(
        "UPDATE suppression SET address = 'user@b\u00fccher.example' WHERE address LIKE 'user%';"
        "UPDATE recipient SET address_key = 'b@b\u00fccher.example'; DROP INDEX noted; PRAGMA user_version = 3"
    )
    schema.let_go(connection)
