"""What is wrong or unwise about a trusted source: callers that are let in by where they come from.

Promise: whoever wrote something that is no network reads all that may stand there, and for what people write by habit
(`localhost`, an address with its port, a network with an address in it) the text to write instead.

Left out: who is let in (`accept.trusted`).
"""

import ipaddress
from collections.abc import Iterator

from posthorse.config.entrance import TRUSTED_WORDS, TrustedSourceSettings
from posthorse.config.problem import Problem

_MAY_BE = 'write a network as "10.1.2.0/24" or "2001:db8::/32", an address, "loopback" for this machine, or "unix"'
_OUR_MACHINES = "name the networks of your own machines"
_MEANT = {
    "loopback": ("localhost", "localhost.localdomain", "ip6-localhost", "lo"),
    "unix": ("socket", "unix socket", "unix-socket", "unix_socket", "uds"),
}


def trusted_problems(source: TrustedSourceSettings, path: str) -> Iterator[Problem]:
    """What keeps it from being used; `path` is where it stands in the file."""
    if source.cidr in TRUSTED_WORDS:
        return
    try:
        network = ipaddress.ip_network(source.cidr)
    except ValueError as error:
        meant = _meant(source.cidr.strip().lower())
        remedy = f'write "{meant}"; or else {_MAY_BE}' if meant else _MAY_BE
        yield Problem(path=f"{path}.cidr", what=f"is not a network: {error}", remedy=remedy)
        return
    if network.prefixlen == 0:
        yield Problem(path=f"{path}.cidr", what="would make this an open relay", remedy=_OUR_MACHINES)


def trusted_warning(source: TrustedSourceSettings, path: str) -> Problem:
    """What follows from having it; of a single address of this machine also that callers may have the other."""
    if source.cidr == "unix":
        who = "whoever can open a listener's unix socket"
    else:
        who = "everybody on this machine" if source.cidr == "loopback" else f"everybody at {source.cidr}"
    remedy = "prefer [[access_keys]]"
    if source.cidr not in TRUSTED_WORDS and (network := ipaddress.ip_network(source.cidr)).is_loopback:
        other = "::1" if network.version == 4 else "127.0.0.1"
        remedy += f'; if all of this machine is meant write "loopback": its applications may come from {other}, too'
    return Problem(path=path, what=f"{who} may send without logging in", remedy=remedy)


def _meant(text: str) -> str:
    """What to write for something that is no network and easily understood; empty: nothing is sure enough.

    It never lets in more than was written, save that a name of this machine stands for all addresses of it.
    """
    if text in TRUSTED_WORDS:
        return text
    if text.startswith(("unix:", "/")):  # a socket's path
        return "unix"
    for word, names in _MEANT.items():
        if text in names:
            return word
    return _loopback_or(_address_in(text)) or _network_of(text)


def _address_in(text: str) -> str:
    """The address of one with a port, or in brackets; empty: there is none."""
    bare = text
    if text.startswith("["):
        bare = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        bare = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return "127.0.0.1" if bare == "localhost" else ""


def _loopback_or(address: str) -> str:
    return "loopback" if address and ipaddress.ip_address(address).is_loopback else address


def _network_of(text: str) -> str:
    """The network that an address with a prefix lies in, if it is one that may be trusted."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ""
    if network.prefixlen == 0:
        return ""
    return "loopback" if network.is_loopback else str(network)
