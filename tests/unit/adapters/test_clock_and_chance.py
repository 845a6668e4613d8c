"""The machine's clocks and the ids made from them."""

from dataclasses import dataclass

from posthorse.adapters.chance import SystemRng, TimeOrderedIds
from posthorse.adapters.clock import SystemClock


@dataclass
class SetClock:
    """A wall clock that shows what it was set to."""

    us: int = 0

    def now(self) -> int:
        return self.us

    def monotonic(self) -> float:
        return 0.0


def test_the_wall_clock_counts_microseconds_of_this_century() -> None:
    """`now` is in microseconds since 1970, and neither clock goes back in a short look."""
    clock = SystemClock()
    first, origin = clock.now(), clock.monotonic()
    assert 1_600_000_000_000_000 < first < 4_000_000_000_000_000
    assert clock.now() >= first
    assert clock.monotonic() >= origin


def test_chance_stays_in_its_interval() -> None:
    """Every number lies in [0, 1)."""
    rng = SystemRng()
    assert all(0 <= rng.random() < 1 for _ in range(1_000))


def test_ids_are_sixteen_bytes_that_begin_with_the_millisecond() -> None:
    """The first 48 bits are the wall clock's milliseconds."""
    made = TimeOrderedIds(SetClock(us=1_700_000_000_123_456)).new()
    assert len(made) == 16
    assert int.from_bytes(made[:6], "big") == 1_700_000_000_123


def test_ids_strictly_increase_while_time_stands_still_or_jumps_back() -> None:
    """A clock that stops or is set back an hour does not disturb the order."""
    clock = SetClock(us=1_700_000_000_000_000)
    ids = TimeOrderedIds(clock)
    made = [ids.new() for _ in range(2_000)]
    clock.us -= 3_600_000_000
    made += [ids.new() for _ in range(2_000)]
    clock.us += 3_600_001_000
    made.append(ids.new())
    assert made == sorted(set(made))


def test_two_makers_in_the_same_millisecond_differ() -> None:
    """Two nodes that start together give no id twice."""
    clock = SetClock(us=1_700_000_000_000_000)
    one, other = TimeOrderedIds(clock), TimeOrderedIds(clock)
    assert not {one.new() for _ in range(1_000)} & {other.new() for _ in range(1_000)}
