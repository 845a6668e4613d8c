"""The real network: connecting, several addresses, and how it fails."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from posthorse.adapters.dialer import SystemDialer, _interleaved
from posthorse.mail.ports import DialFailed, Target

Factory = Callable[[], asyncio.AbstractEventLoop]
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


def run(story: Coroutine[Any, Any, None], loop: Factory) -> None:
    """Run a story on this kind of loop."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(story, 20))


@LOOPS
def test_a_connection_sends_at_once(loop: Factory) -> None:
    """Small writes are not held back, and no large ones heaped up in the kernel, also where the host is a name."""

    async def story() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        transport = await SystemDialer().dial(
            asyncio.Protocol, Target(host="localhost", port=server.sockets[0].getsockname()[1])
        )
        opened = transport.get_extra_info("socket")
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 64 << 10
        transport.close()
        server.close()

    run(story(), loop)


@LOOPS
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "x" * 70 + ".example"])
def test_every_way_to_fail_is_one_error_that_names_the_target(host: str, loop: Factory) -> None:
    """Refused, not found or no name at all: DialFailed."""

    async def story() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            with pytest.raises(DialFailed, match=f"{host}:{port}"):
                await SystemDialer().dial(asyncio.Protocol, Target(host=host, port=port))

    run(story(), loop)


@LOOPS
def test_a_dead_address_does_not_hide_a_living_one(loop: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second address is tried while the first one gives no answer, and after one that refuses."""

    async def story() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        alive = server.sockets[0].getsockname()
        with socket.socket() as full, socket.socket() as unused:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            unused.bind(("127.0.0.1", 0))

            async def found(*_: Any) -> list[Any]:
                return [(socket.AF_INET, dead) for dead in (unused.getsockname(), full.getsockname())] + [
                    (socket.AF_INET, alive)
                ]

            monkeypatch.setattr("posthorse.adapters.dialer._addresses", found)
            began = asyncio.get_running_loop().time()
            transport = await SystemDialer().dial(asyncio.Protocol, Target(host="many.example", port=25))
            assert transport.get_extra_info("peername") == alive
            assert asyncio.get_running_loop().time() - began < 2
            transport.abort()
            for filler in fillers:
                filler.close()
        server.close()

    run(story(), loop)


def test_families_take_turns() -> None:
    """The resolver's first family begins (RFC 8305 section 4)."""
    six = [(socket.AF_INET6, (f"::{n}", 25)) for n in range(3)]
    four = [(socket.AF_INET, ("192.0.2.1", 25))]
    assert list(_interleaved([*six, *four])) == [six[0], four[0], six[1], six[2]]


@LOOPS
def test_cancelling_a_connect_leaves_nothing_open(loop: Factory) -> None:
    """A time limit around `dial` closes what was under way; a warning about an open socket would fail this test."""

    async def story() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await SystemDialer().dial(asyncio.Protocol, Target(host="127.0.0.1", port=full.getsockname()[1]))
            for filler in fillers:
                filler.close()

    run(story(), loop)


def test_tls_is_verified_and_modern() -> None:
    """Every context checks certificate and name and speaks TLS 1.2 or later; one is made per file of authorities."""
    dialer = SystemDialer()
    context = dialer._context("")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert dialer._context("") is context
