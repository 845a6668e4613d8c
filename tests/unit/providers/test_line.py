"""The pool of idle lines."""

import asyncio
from typing import cast

from posthorse.providers.line import IdlePool, Line


class QuietLine(Line):
    """A line without a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.transport = cast(asyncio.Transport, _Nothing())

    @property
    def usable(self) -> bool:
        return not self.ended


class _Nothing(asyncio.Transport):
    def abort(self) -> None: ...
    def close(self) -> None: ...


def test_the_last_one_used_is_taken_first() -> None:
    """So that the connections not needed become old and are closed."""

    async def story() -> None:
        pool: IdlePool[QuietLine] = IdlePool(most=9, idle_limit_s=9, most_uses=9)
        lines = [QuietLine() for _ in range(3)]
        for line in lines:
            pool.give(line)
        assert [pool.take() for _ in range(4)] == [*reversed(lines), None]

    asyncio.run(story())


def test_a_line_that_ends_while_it_rests_leaves_and_one_in_use_does_not_touch_the_pool() -> None:
    """Ending is told to the pool only while the line is in it."""

    async def story() -> None:
        pool: IdlePool[QuietLine] = IdlePool(most=9, idle_limit_s=9, most_uses=9)
        resting, used = QuietLine(), QuietLine()
        pool.give(resting)
        used.end("lost")
        assert len(pool) == 1
        resting.connection_lost(None)
        assert (len(pool), pool.take()) == (0, None)

    asyncio.run(story())


def test_unusable_worn_out_and_surplus_lines_are_not_kept() -> None:
    """What ended, was used often enough, or is one too many is closed, as is everything after the pool was closed."""

    async def story() -> None:
        pool: IdlePool[QuietLine] = IdlePool(most=1, idle_limit_s=9, most_uses=5)
        ended, worn, kept, surplus, late = (QuietLine() for _ in range(5))
        ended.end("lost")
        worn.uses = 5
        for line in (ended, worn, kept, surplus):
            pool.give(line)
        assert len(pool) == 1
        assert [bool(line.ended) for line in (worn, kept, surplus)] == [True, False, True]
        pool.close()
        pool.give(late)
        assert (len(pool), bool(kept.ended), bool(late.ended)) == (0, True, True)

    asyncio.run(story())
