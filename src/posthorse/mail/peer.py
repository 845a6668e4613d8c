"""Peers: the address at the other end of a connection, read in one way."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

_IPV6_SITE_BITS = 64


def parse_peer(peer: str) -> IPv4Address | IPv6Address | None:
    """The peer's address, an IPv4 address mapped into IPv6 as what it is; None: no address (a local socket)."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=1_024)
def site(peer: str) -> str:
    """Who is behind an address: with IPv6 whoever has one address has a whole network of them."""
    address = parse_peer(peer)
    if address is None or address.version == 4:
        return str(address or peer)
    return str(int(address) >> _IPV6_SITE_BITS)
