"""Calling places that somebody else chose: looked up once, checked, and never anywhere else."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from typing import Any

import pytest

from posthorse.adapters.guarded_dialer import MOST_ADDRESSES, SystemResolver, guarded_dialer
from posthorse.mail.ports import DialFailed, Target

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class ScriptedResolver:
    """Answers differently each time, as a name server with no lifetime does."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0)


def listening(host: str) -> tuple[socket.socket, int]:
    """A socket that listens, and its port."""
    listener = socket.create_server((host, 0))
    return listener, listener.getsockname()[1]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["8.8.8.8", "fd00::1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%lo"],
        [],
        ["8.8.8.8"] * (MOST_ADDRESSES + 1),
    ],
    ids=str,
)
def test_one_bad_address_is_enough(run: Run, addresses: list[str]) -> None:
    """A name with any address that may not be called is not called at all."""

    async def story() -> None:
        dialer = guarded_dialer(ScriptedResolver(addresses))
        with pytest.raises(DialFailed, match=r"hooks\.example\.com"):
            await dialer.dial(asyncio.Protocol, Target(host="hooks.example.com", port=443, tls=True))

    run(story())


def test_a_name_that_changes_its_mind_gains_nothing(run: Run) -> None:
    """The connection goes to the address that was checked; the name is not asked again for it."""

    async def story() -> None:
        listener, port = listening("127.0.0.2")
        with closing(listener):
            resolver = ScriptedResolver(["127.0.0.2"], ["127.0.0.1"])
            dialer = guarded_dialer(resolver, allow_private=True)
            transport = await dialer.dial(asyncio.Protocol, Target(host="hooks.example.com", port=port))
            assert transport.get_extra_info("peername") == ("127.0.0.2", port)
            assert resolver.asked == ["hooks.example.com"]
            transport.close()

    run(story())


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200"])
def test_nothing_opens_the_places_of_nobody(run: Run, address: str) -> None:
    """`allow_private` opens networks of one's own, not the addresses where clouds keep their secrets."""

    async def story() -> None:
        dialer = guarded_dialer(ScriptedResolver([address]), allow_private=True)
        with pytest.raises(DialFailed, match="never public"):
            await dialer.dial(asyncio.Protocol, Target(host="metadata.example", port=80))

    run(story())


def test_the_systems_resolver_is_asked_in_threads_of_its_own(run: Run) -> None:
    """Names and addresses are found, each address once; what is no name fails as one error."""

    async def story() -> None:
        resolver = SystemResolver()
        assert await resolver.addresses("127.0.0.1") == ["127.0.0.1"]
        assert "127.0.0.1" in await resolver.addresses("localhost")
        with pytest.raises(DialFailed):
            await guarded_dialer(resolver).dial(asyncio.Protocol, Target(host="no-such-host.invalid", port=443))
        with pytest.raises(DialFailed, match="private"):
            await guarded_dialer(resolver).dial(asyncio.Protocol, Target(host="localhost", port=443))
        resolver.close()

    run(story())
