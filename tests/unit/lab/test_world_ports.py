"""The world's ports: skewed clocks, chance and ids that a seed repeats."""

import asyncio

from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.ports import EPOCH_US, WorldClock, WorldIds, WorldOffload, WorldRng


def test_the_wall_is_skewed_and_the_monotonic_clock_is_not() -> None:
    """Two nodes a minute apart agree on how much time passes."""

    async def main(loop: WorldLoop) -> None:
        exact, late = WorldClock(loop), WorldClock(loop, skew_us=-60_000_000)
        await asyncio.sleep(2.5)
        assert exact.now() == EPOCH_US + 2_500_000
        assert late.now() == exact.now() - 60_000_000
        assert late.monotonic() == exact.monotonic() == 2.5

    run_world(main, 1)


def test_ids_rise_and_are_repeated_by_their_seed() -> None:
    """16 bytes, each greater than the last, even when the wall clock goes back; another maker gives others."""

    async def main(loop: WorldLoop) -> None:
        clock = WorldClock(loop)
        ids, again, other = (WorldIds(clock, 7, name) for name in ("node-a", "node-a", "node-b"))
        made = [ids.new() for _ in range(100)]
        clock.skew_us = -3_600_000_000
        made += [ids.new() for _ in range(100)]
        assert made == sorted(made)
        assert len(set(made)) == 200
        assert {len(one) for one in made} == {16}
        assert again.new()[8:] == made[0][8:]
        assert other.new()[8:] != made[0][8:]

    run_world(main, 1)


def test_each_user_has_a_chance_of_its_own() -> None:
    """The same seed and name draw alike; another name draws otherwise."""
    assert WorldRng(3, "a").random() == WorldRng(3, "a").random()
    assert WorldRng(3, "a").random() != WorldRng(3, "b").random()


def test_offloaded_work_is_done_at_once() -> None:
    """No thread, no passing of time."""

    async def main(loop: WorldLoop) -> tuple[int, float]:
        return await WorldOffload().run(lambda: 41 + 1), loop.time()

    assert run_world(main, 1) == (42, 0.0)
