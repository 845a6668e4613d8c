"""Contract of every spool: recorded traffic, newest first, with the first bytes of each body and no more."""

from posthorse.mail.ids import Tenant
from posthorse.mail.large import LARGE_BYTES
from posthorse.spool.recorded_port import MOST_MESSAGES
from tests.contract.spool_kit import HOUR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]


def test_newest_first_in_pages(play: Play) -> None:
    """Every message once, with how many recipients it has, whoever's it is."""

    async def story(world: World) -> None:
        ids = [(await world.admit(*(f"u{n}@example.com" for n in range(i + 1)))).id for i in range(4)]
        acme = (await world.admit(tenant=Tenant("acme"), attributes={"credential": "AKIA1"})).id
        page = await world.spool.recorded.newest(None, 2, 100)
        assert [each.message.id for each in page] == [acme, ids[3]]
        assert [each.recipients for each in page] == [1, 4]
        assert page[0].message.attributes == {"credential": "AKIA1"}
        rest = await world.spool.recorded.newest(ids[3], 10, 100)
        assert [each.message.id for each in rest] == [ids[2], ids[1], ids[0]]
        assert not await world.spool.recorded.newest(ids[0], 10, 100)

    play(story)


def test_the_first_bytes_of_any_body(play: Play) -> None:
    """A small body whole, a large one its beginning; a page is bounded whatever is asked."""

    async def story(world: World) -> None:
        large = b"Subject: large\r\n\r\n" + b"x" * (LARGE_BYTES + 100_000)
        await world.admit(body=b"Subject: small\r\n\r\n")
        await world.admit(body=large)
        found = await world.spool.recorded.newest(None, 10 * MOST_MESSAGES, 1_000)
        assert [each.head for each in found] == [large[:1_000], b"Subject: small\r\n\r\n"]

    play(story)


def test_what_retention_dropped_has_no_head(play: Play) -> None:
    """A message whose body is gone is still there, without it."""

    async def story(world: World) -> None:
        await world.suppress("gone@example.com")
        await world.admit("gone@example.com")
        world.clock.forward(2 * HOUR)
        assert await world.spool.purge(world.clock.now(), 0, 10)
        (found,) = await world.spool.recorded.newest(None, 10, 100)
        assert found.head is None

    play(story)
