"""Sites: who counts as one, and for how long one is taken for proven."""

import pytest

from posthorse.mail.peer import site
from posthorse.mail.proven import KNOWN_FOR_S, MOST_KNOWN, ProvenSites
from tests.unit.feedback.kit import HandClock


def test_proof_holds_for_a_while_and_for_the_latest() -> None:
    """An hour after the last genuine request it is over; of too many the longest silent go first."""
    clock = HandClock()
    proven = ProvenSites(clock)
    proven.prove("a")
    clock.at += int(KNOWN_FOR_S * 1e6) - 1
    assert "a" in proven
    clock.at += 1
    assert "a" not in proven
    for n in range(MOST_KNOWN + 1):
        proven.prove(f"p{n}")
    assert [f"p{n}" in proven for n in (0, 1, MOST_KNOWN)] == [False, True, True]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("odd:one", "odd:two", False),
        ("", "unix", False),
    ],
)
def test_network_of_one_customer_is_one_site(one: str, other: str, same: bool) -> None:
    """With IPv6 nobody has fewer than 2^64 addresses (RFC 6177 section 2)."""
    assert (site(one) == site(other)) is same
