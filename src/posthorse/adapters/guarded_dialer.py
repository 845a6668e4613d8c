"""The network for addresses that somebody else chose: connections go to public places only.

Promise: a name is looked up once, every address it has is checked, and the connection goes to one of exactly those:
nothing is looked up again between the check and the connection, so that a name which changes its mind gains nothing.
One address that may not be called makes the whole name one that may not be called. TLS is verified against the name.
Names are looked up in threads of their own, so that a name server that hangs holds up no mail.

What is public follows RFC 6890 and the registries it made: of IPv6 only what is given out for global use, without the
parts that carry IPv4 inside (6to4, Teredo); an IPv4 address carried in an IPv6 one (mapped, or through NAT64, RFC 6052)
counts as itself.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from posthorse.adapters.dialer import Place, SystemDialer
from posthorse.mail.ports import DialFailed, Target

MOST_ADDRESSES = 32
"""A name with more is refused."""

_THREADS = 4

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
    )
)
"""What `allow_private` opens: this machine, and networks of one's own."""
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        ),
    )
)
"""What nothing opens: link-local (where clouds keep their secrets), multicast, broadcast, examples, tunnels."""
_SECRETS = tuple(map(ipaddress.ip_network, ("100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32")))
"""Where clouds keep their secrets within networks that may be one's own (Alibaba, AWS, Google)."""
_GLOBAL = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Resolver(Protocol):
    """Looks names up."""

    async def addresses(self, host: str) -> Sequence[str]:
        """Every address of a host, best first. Raises OSError."""
        ...


class SystemResolver:
    """Port `Resolver` on the system's own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="names")

    async def addresses(self, host: str) -> Sequence[str]:
        """Every address of a host, best first. Raises OSError."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _looked_up, host)

    def close(self) -> None:
        """Look nothing up any more; what is under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What may be called: port `Dialer`'s choice of places."""

    resolver: Resolver
    allow_private: bool = False

    async def places(self, target: Target) -> list[Place]:
        """Where to connect for a target: all of its addresses, once checked. Raises `DialFailed` and OSError."""
        found = await self.resolver.addresses(target.host)
        if not 0 < len(found) <= MOST_ADDRESSES:
            raise DialFailed(f"{target.host} has {len(found)} addresses")
        for text in found:
            if why := why_not_called(text, allow_private=self.allow_private):
                raise DialFailed(f"{target.host} leads to {text}, {why}: it is not called")
        return [_place(text, target.port) for text in found]


def guarded_dialer(resolver: Resolver, *, allow_private: bool = False) -> SystemDialer:
    """A dialer that connects to public places only; `allow_private`: to networks of one's own too."""
    return SystemDialer(places=Guard(resolver=resolver, allow_private=allow_private).places)


def why_not_called(text: str, *, allow_private: bool) -> str:
    """Why an address is not called; empty: it may be."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # with a zone, as link-local addresses have
        return "which is no plain address"
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or (_carried(address) if address in _NAT64 else None)
        if carried is not None:
            return why_not_called(str(carried), allow_private=allow_private)
    if _is_in(address, _PRIVATE) and not _is_in(address, _SECRETS):
        return "" if allow_private else "a private address"
    if _is_in(address, (*_NEVER, *_SECRETS)) or (isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL):
        return "an address that is never public"
    return ""


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_in(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _looked_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _place(text: str, port: int) -> Place:
    if ":" in text:
        return socket.AF_INET6, (text, port, 0, 0)
    return socket.AF_INET, (text, port)
