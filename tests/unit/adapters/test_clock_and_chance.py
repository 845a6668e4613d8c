"""The machine's clocks and the ids made from them."""

from dataclasses import dataclass

from posthorse.adapters.chance import SystemRng, TimeOrderedIds
from posthorse.adapters.clock import CATCHING_UP, SteadyClock, SystemClock


@dataclass
class SetClock:
    """A wall clock that shows what it was set to."""

    us: int = 0
    steady_s: float = 0.0

    def now(self) -> int:
        return self.us

    def monotonic(self) -> float:
        return self.steady_s

    def pass_by(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.us += round(seconds * 1e6)
        self.steady_s += seconds


def test_the_wall_clock_counts_microseconds_of_this_century() -> None:
    """`now` is in microseconds since 1970, and neither clock goes back in a short look."""
    clock = SystemClock()
    first, origin = clock.now(), clock.monotonic()
    assert 1_600_000_000_000_000 < first < 4_000_000_000_000_000
    assert clock.now() >= first
    assert clock.monotonic() >= origin


def test_a_clock_set_back_goes_on_and_is_caught_up_with() -> None:
    """An hour back: it goes on from where it was, at nine tenths, and in the end it is the wall clock again."""
    wall = SetClock(us=10**15)
    clock = SteadyClock(wall)
    before = clock.now()
    wall.us -= 3_600_000_000
    assert clock.now() == before
    wall.pass_by(100)
    assert clock.now() == before + int(100e6 * CATCHING_UP)
    for _ in range(1_000):
        wall.pass_by(1e-6)
        clock.now()
    assert abs(clock.now() - before - 100.001e6 * CATCHING_UP) <= 1, "many small looks lose nothing"
    wall.pass_by(3_600 / (1 - CATCHING_UP))
    assert clock.now() == wall.now()


def test_a_clock_set_back_twice_and_forward_again() -> None:
    """The second time it goes on from the first; set forward it is followed at once."""
    wall = SetClock(us=10**15)
    clock = SteadyClock(wall)
    seen = [clock.now()]
    for back_us in (50_000_000, 70_000_000):
        wall.us -= back_us
        wall.pass_by(10)
        seen.append(clock.now())
    assert seen[1] - seen[0] == seen[2] - seen[1] == int(10e6 * CATCHING_UP)
    wall.us += 10**9
    assert clock.now() == wall.now()


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
