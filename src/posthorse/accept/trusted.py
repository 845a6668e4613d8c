"""Trusted sources: networks whose callers are let in without AUTH. None by default.

Promise: a network that holds the whole internet is refused when the gateway starts. Beside networks there are two
words: `loopback`, this machine, and `unix`, whoever may open a unix socket that a listener has.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from posthorse.mail.ids import Tenant
from posthorse.mail.message import Caller
from posthorse.mail.peer import parse_peer

TRUSTED_PREFIX = "trusted:"
"""What the credential of such a caller begins with."""


UNIX = "unix"
"""Instead of a network; and the peer of a connection over a unix socket."""
LOOPBACK = "loopback"
"""Instead of a network: this machine."""
_THIS_MACHINE = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSource:
    """Callers from `cidr` send for `tenant`."""

    cidr: str
    """A network, or one of the words `UNIX` and `LOOPBACK`."""
    tenant: Tenant


def is_from_browser(fields: Iterable[bytes]) -> bool:
    """Whether an HTTP request comes from a browser, by the names of its header fields in lower case.

    Browsers say where a page that makes them ask is from, and pages cannot keep them from it (Fetch, "`Origin` header";
    Fetch Metadata Request Headers). No page is a trusted source, whoever looks at it.
    """
    return not _BROWSERS_SAY.isdisjoint(fields)


_BROWSERS_SAY = frozenset({b"origin", b"sec-fetch-site"})


class TrustedSources:
    """Finds the caller that a peer's address stands for."""

    __slots__ = ("_networks", "_unix")

    def __init__(self, sources: Iterable[TrustedSource] = ()) -> None:
        self._networks: list[tuple[IPv4Network | IPv6Network, TrustedSource]] = []
        self._unix: TrustedSource | None = None
        for source in sources:
            if source.cidr == UNIX:
                self._unix = self._unix or source
                continue
            for cidr in _THIS_MACHINE if source.cidr == LOOPBACK else (source.cidr,):
                network = ip_network(cidr)
                if network.prefixlen == 0:
                    raise ValueError(f"{cidr} would make this an open relay: name the networks of your own machines")
                self._networks.append((network, source))

    def caller(self, peer: str) -> Caller | None:
        """The caller at this address, if a source lets it in; the first that matches counts."""
        if peer == UNIX:
            return _caller(self._unix, peer) if self._unix is not None else None
        if not self._networks:
            return None
        address = parse_peer(peer)
        if address is None:
            return None
        for network, source in self._networks:
            if address.version == network.version and address in network:
                return _caller(source, peer)
        return None


def _caller(source: TrustedSource, peer: str) -> Caller:
    return Caller(tenant=source.tenant, credential=TRUSTED_PREFIX + source.cidr, peer=peer)
