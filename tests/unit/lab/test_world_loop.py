"""The world's loop: virtual time, one seeded order, clear errors instead of hanging."""

import asyncio
import subprocess
import sys

import pytest

from posthorse.lab.world.loop import WorldDeadlock, WorldError, WorldLoop, WorldOverrun, run_world

DAY_S = 86_400.0


def test_sleeping_costs_no_real_time() -> None:
    """Five days of sleep pass in one leap, and the clock shows exactly five days."""

    async def main(loop: WorldLoop) -> float:
        await asyncio.sleep(5 * DAY_S)
        return loop.time()

    assert run_world(main, 1) == 5 * DAY_S


def test_timers_fire_in_the_order_of_their_times() -> None:
    """Whatever the seed, an earlier timer fires before a later one."""

    async def main(loop: WorldLoop) -> list[int]:
        fired: list[int] = []
        for delay_s in (3, 1, 2):
            loop.call_later(delay_s, fired.append, delay_s)
        await asyncio.sleep(4)
        return fired

    assert all(run_world(main, seed) == [1, 2, 3] for seed in range(20))


def test_timers_of_one_instant_are_permuted_by_the_seed() -> None:
    """Every order of three timers due together is met by some seed."""

    async def main(loop: WorldLoop) -> tuple[int, ...]:
        fired: list[int] = []
        for number in range(3):
            loop.call_at(1.0, fired.append, number)
        await asyncio.sleep(2)
        return tuple(fired)

    assert len({run_world(main, seed) for seed in range(60)}) == 6


def test_callbacks_of_call_soon_keep_their_order() -> None:
    """First in, first out, as asyncio promises, for every seed."""

    async def main(loop: WorldLoop) -> list[int]:
        called: list[int] = []
        for number in range(10):
            loop.call_soon(called.append, number)
        await asyncio.sleep(0)
        return called

    assert all(run_world(main, seed) == list(range(10)) for seed in range(20))


def test_cancelled_timers_neither_fire_nor_move_the_clock() -> None:
    """A time limit that was not needed leaves no trace in virtual time."""

    async def main(loop: WorldLoop) -> float:
        async with asyncio.timeout(1000):
            await asyncio.sleep(1)
        await asyncio.sleep(1)
        return loop.time()

    assert run_world(main, 1) == 2.0


def test_a_time_limit_ends_what_takes_too_long() -> None:
    """The time limit that asyncio offers works in virtual time."""

    async def main(loop: WorldLoop) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(8):
                await asyncio.sleep(9)
        return loop.time()

    assert run_world(main, 1) == 8.0


def test_a_deadlock_names_who_waits() -> None:
    """Waiting for what cannot come is an error that says where."""

    async def waits_for_ever(loop: WorldLoop) -> None:
        await loop.create_future()

    with pytest.raises(WorldDeadlock, match=r"waits_for_ever|test_world_loop\.py"):
        run_world(waits_for_ever, 1)


def test_a_spinning_world_is_stopped() -> None:
    """A task that never lets time pass meets the bound of steps."""

    async def spins(_: WorldLoop) -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(WorldOverrun, match="something spins"):
        run_world(spins, 1, max_steps=1_000)


def test_a_timer_a_rounding_error_early_does_not_stop_the_world() -> None:
    """Code that sets the same timer again until the clock has passed it gets past it: work takes time."""

    async def main(loop: WorldLoop) -> float:
        passed = loop.create_future()

        def look() -> None:
            if loop.time() > 1.0:
                passed.set_result(None)
            else:
                loop.call_at(1.0, look)

        loop.call_at(1.0, look)
        await passed
        return loop.time()

    assert run_world(main, 1, max_steps=1_000) == pytest.approx(1.0, abs=1e-3)


def test_a_world_that_never_ends_is_stopped() -> None:
    """A periodic task that keeps the world alive meets the bound of virtual time."""

    async def ticks(_: WorldLoop) -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(60)

    with pytest.raises(WorldOverrun, match="virtual time passed"):
        run_world(ticks, 1, until_s=DAY_S)


def test_a_bug_in_a_callback_fails_the_world() -> None:
    """An exception nobody awaits is raised when the world ends, never only logged."""

    async def main(loop: WorldLoop) -> None:
        def bug() -> None:
            raise ValueError("planted")

        loop.call_soon(bug)
        await asyncio.sleep(1)

    with pytest.raises(WorldError, match="planted"):
        run_world(main, 1)


def test_threads_are_refused() -> None:
    """What a seed cannot repeat is an error, not a silent difference."""

    async def main(_: WorldLoop) -> None:
        await asyncio.to_thread(int)

    with pytest.raises(WorldError, match="no threads"):
        run_world(main, 1)


def test_sets_of_tasks_are_walked_alike_in_every_run() -> None:
    """What `asyncio.wait` returns, a set, has the same order in two worlds of one seed."""

    async def main(_: WorldLoop) -> list[str]:
        tasks = [asyncio.create_task(asyncio.sleep(1), name=str(number)) for number in range(50)]
        done, _pending = await asyncio.wait(tasks)
        return [task.get_name() for task in done]

    ballast = [object() for _ in range(1000)]
    assert run_world(main, 1) == run_world(main, 1)
    assert ballast


STORY = """
import asyncio, sys
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.network import Network

async def echo(reader, writer):
    while data := await reader.read(100):
        await asyncio.sleep(0.001 * len(data))
        writer.write(data)
    writer.close()

async def main(loop):
    network = Network(loop)
    names = {f"name-{n}" for n in range(30)}
    server = await asyncio.start_server(echo, port=7)
    async def client(n):
        reader, writer = await asyncio.open_connection("localhost", 7)
        for size in range(1, 40, 7):
            writer.write(b"x" * size * (n + 1))
            await reader.readexactly(size * (n + 1))
            loop.trace.note(f"client {n} {size}")
        writer.close()
    async with asyncio.TaskGroup() as group:
        for n in range(5):
            group.create_task(client(n))
    server.close()
    return loop.trace.digest()

print(run_world(main, int(sys.argv[1])))
"""


def digest_of(seed: int, hash_seed: str) -> str:
    """The digest of the story above, told in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-c", STORY, str(seed)],
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return told.stdout.strip()


def test_one_seed_is_one_story_in_every_process() -> None:
    """Two processes with different string hashing tell the same story of a seed; another seed tells another."""
    first, second, other = digest_of(5, "1"), digest_of(5, "2"), digest_of(6, "1")
    assert len(first) == 32
    assert first == second
    assert first != other
