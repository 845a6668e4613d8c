"""Trusted sources: networks whose callers are let in without AUTH. None by default.

Promise: a network that holds the whole internet is refused when the gateway starts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from posthorse.mail.ids import Tenant
from posthorse.mail.message import Caller

TRUSTED_PREFIX = "trusted:"
"""What the credential of such a caller begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSource:
    """Callers from `cidr` send for `tenant`."""

    cidr: str
    tenant: Tenant


class TrustedSources:
    """Finds the caller that a peer's address stands for."""

    __slots__ = ("_networks",)

    def __init__(self, sources: Iterable[TrustedSource] = ()) -> None:
        self._networks: list[tuple[IPv4Network | IPv6Network, TrustedSource]] = []
        for source in sources:
            network = ip_network(source.cidr)
            if network.prefixlen == 0:
                raise ValueError(f"{source.cidr} would make this an open relay: name the networks of your own machines")
            self._networks.append((network, source))

    def caller(self, peer: str) -> Caller | None:
        """The caller at this address, if a source lets it in; the first that matches counts."""
        if not self._networks:
            return None
        address = parse_peer(peer)
        if address is None:
            return None
        for network, source in self._networks:
            if address.version == network.version and address in network:
                return Caller(tenant=source.tenant, credential=TRUSTED_PREFIX + source.cidr, peer=peer)
        return None


def parse_peer(peer: str) -> IPv4Address | IPv6Address | None:
    """The peer's address, an IPv4 address mapped into IPv6 as what it is; None: no address (a local socket)."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
