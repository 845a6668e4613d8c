"""Bounds on rates and on how full the gateway may be."""

import pytest

from posthorse.accept.buckets import TokenBuckets
from posthorse.accept.load import Load, LoadLimits, shed
from posthorse.accept.login_throttle import PEER_BURST, USER_BURST, USER_EVERY_S, LoginThrottle
from posthorse.mail.stream import Stream
from tests.unit.accept.kit import StillClock


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    """Ten at once, then one each half second."""
    buckets = TokenBuckets(rate_per_s=2, burst=10)
    assert [buckets.take("key", 0.0) for _ in range(11)] == [True] * 10 + [False]
    assert not buckets.take("key", 0.4)
    assert buckets.take("key", 0.5)
    assert buckets.take("other", 0.5)


def test_spending_is_counted_and_never_refused() -> None:
    """Debt delays the others, but only by one burst."""
    buckets = TokenBuckets(rate_per_s=1, burst=2)
    for _ in range(100):
        buckets.spend("key", 0.0)
    assert not buckets.has("key", 2.9)
    assert buckets.has("key", 3.0)


def test_buckets_are_bounded_and_forget_the_longest_unused() -> None:
    """A flood of keys costs no more memory, and keys in use are kept."""
    buckets = TokenBuckets(rate_per_s=0.001, burst=1, max_keys=3)
    for key in ("a", "b", "c"):
        assert buckets.take(key, 0.0)
    buckets.spend("a", 0.0)
    assert buckets.take("d", 0.0)
    assert len(buckets) == 3
    assert not buckets.has("a", 0.0)
    assert buckets.has("b", 0.0)


def test_wrong_logins_of_one_user_are_throttled_and_others_are_not() -> None:
    """An application with an old password does not lock out its neighbours on the same machine."""
    clock = StillClock()
    throttle = LoginThrottle(clock)
    for _ in range(USER_BURST):
        assert throttle.allows("192.0.2.1", "old")
        throttle.failed("192.0.2.1", "old")
    assert not throttle.allows("192.0.2.1", "old")
    assert throttle.allows("192.0.2.1", "new")
    assert throttle.allows("192.0.2.2", "old")
    clock.advance(USER_EVERY_S)
    assert throttle.allows("192.0.2.1", "old")


def test_guessing_over_many_users_is_throttled_per_peer() -> None:
    """One address cannot try one password on everybody; with IPv6 its whole network counts as one."""
    throttle = LoginThrottle(StillClock())
    for number in range(PEER_BURST):
        throttle.failed(f"2001:db8::{number:x}", f"user{number}")
    assert not throttle.allows("2001:db8::ffff", "another")
    assert throttle.allows("2001:db8:1::1", "another")


LIMITS = LoadLimits(queued=1_000, receiving_bytes=1_000, pending_commits=100, free_space_bytes=50)

SHEDDING = [
    (Load(), []),
    (Load(queued=499), []),
    (Load(queued=500), [Stream.BULK]),
    (Load(queued=1_000), [Stream.BULK, Stream.ONCE, Stream.STANDARD]),
    (Load(queued=1_000_000), [Stream.BULK, Stream.ONCE, Stream.STANDARD]),
    (Load(receiving_bytes=500), [Stream.BULK]),
    (Load(receiving_bytes=1_999), [Stream.BULK, Stream.ONCE, Stream.STANDARD]),
    (Load(receiving_bytes=2_000), list(Stream)),
    (Load(pending_commits=50), [Stream.BULK]),
    (Load(pending_commits=200), list(Stream)),
    (Load(free_space_bytes=50), []),
    (Load(free_space_bytes=49), list(Stream)),
]


@pytest.mark.parametrize(("load", "shed_streams"), SHEDDING)
def test_bulk_is_shed_first_and_urgent_last(load: Load, shed_streams: list[Stream]) -> None:
    """Urgent mail goes only when memory or disk would not hold; a backlog never sheds it."""
    assert {stream for stream in Stream if shed(stream, load, LIMITS)} == set(shed_streams)
    assert all(refused.temporary for stream in Stream if (refused := shed(stream, load, LIMITS)))
