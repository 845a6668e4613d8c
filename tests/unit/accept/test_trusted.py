"""Trusted sources: nobody by default, never everybody."""

import pytest

from posthorse.accept.trusted import TrustedSource, TrustedSources
from posthorse.mail.ids import MAIN_TENANT, Tenant
from posthorse.mail.peer import parse_peer


def test_nobody_is_trusted_by_default() -> None:
    """Without configuration even loopback must log in."""
    assert TrustedSources().caller("127.0.0.1") is None


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "::/0"])
def test_the_whole_internet_is_refused(cidr: str) -> None:
    """A typing mistake does not make an open relay."""
    with pytest.raises(ValueError, match="open relay"):
        TrustedSources([TrustedSource(cidr=cidr, tenant=MAIN_TENANT)])


@pytest.mark.parametrize(
    ("peer", "tenant"),
    [
        ("10.1.2.3", "shop"),
        ("::ffff:10.1.2.3", "shop"),
        ("10.2.0.1", None),
        ("2001:db8::1", "six"),
        ("fe80::1%eth0", None),
        ("local", None),
        ("10.1.2.3.4", None),
    ],
)
def test_the_first_network_that_holds_the_peer_counts(peer: str, tenant: str | None) -> None:
    """IPv4 mapped into IPv6 is IPv4; what is no address is nobody."""
    sources = TrustedSources(
        [
            TrustedSource(cidr="10.1.0.0/16", tenant=Tenant("shop")),
            TrustedSource(cidr="2001:db8::/32", tenant=Tenant("six")),
        ]
    )
    caller = sources.caller(peer)
    assert (caller.tenant if caller else None) == tenant
    assert caller is None or caller.credential.startswith("trusted:")


def test_scope_of_an_ipv6_address_is_left_out() -> None:
    """A link-local peer is compared without its interface."""
    assert str(parse_peer("fe80::1%eth0")) == "fe80::1"


@pytest.mark.parametrize(
    ("word", "peer", "is_let_in"),
    [
        ("unix", "unix", True),
        ("unix", "127.0.0.1", False),
        ("unix", "local", False),
        ("loopback", "127.0.0.1", True),
        ("loopback", "127.255.0.9", True),
        ("loopback", "::1", True),
        ("loopback", "::ffff:127.0.0.1", True),
        ("loopback", "unix", False),
        ("loopback", "128.0.0.1", False),
        ("10.0.0.0/8", "unix", False),
    ],
)
def test_words_stand_for_callers_without_a_network(word: str, peer: str, *, is_let_in: bool) -> None:
    """A unix socket's callers and this machine's are trusted apart from each other."""
    caller = TrustedSources([TrustedSource(cidr=word, tenant=MAIN_TENANT)]).caller(peer)
    assert (caller is not None) is is_let_in
    assert caller is None or caller.credential == f"trusted:{word}"
