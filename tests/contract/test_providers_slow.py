"""A slow link, on every wire and both event loops: large mail is on its way while its bytes move, and no longer."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.adapters.dialer import SystemDialer
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import TlsMode
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.port import Provider
from posthorse.providers.ses import SesProvider
from tests.contract.certificates import Authority
from tests.contract.provider_kit import SHORT, Gate, for_ever, group, play, relay, words
from tests.contract.scripted_http import SesServer
from tests.contract.scripted_server import Ended
from tests.contract.scripted_smtp import SmtpServer

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
WIRES = pytest.mark.parametrize("wire", ["smtp none", "smtp starttls", "smtp implicit", "ses none", "ses implicit"])
BODY = (b"x" * 70 + b"\r\n") * 60_000
"""4.3 MB."""
ON_THE_WAY_BYTES = 1_500_000
"""What may lie in buffers of both sides when all has left us, TLS and the server's own included."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One authority for all of these tests."""
    return Authority(tmp_path_factory.mktemp("ca"))


class Slowly:
    """A reader behind a narrow link: little at a time, with pauses; after `most` bytes nothing more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)
        self.readuntil = reader.readuntil
        self._read = reader.read
        self._left = most

    async def read(self, limit: int) -> bytes:
        if self._left <= 0:
            await for_ever()
        await asyncio.sleep(0.002)
        data = await self._read(min(limit, 16 << 10))
        self._left -= len(data)
        return data


class SlowSmtp(SmtpServer):
    """Takes content slowly."""

    most = 1 << 40

    async def serve(self, reader: Any, writer: asyncio.StreamWriter) -> None:
        try:
            await super().serve(cast(Any, Slowly(reader, writer, self.most)), writer)
        finally:
            writer.transport.abort()  # what was not read must not delay the end


class SlowSes(SesServer):
    """Takes requests slowly."""

    most = 1 << 40

    async def serve(self, reader: Any, writer: asyncio.StreamWriter) -> None:
        try:
            await super().serve(cast(Any, Slowly(reader, writer, self.most)), writer)
        finally:
            writer.transport.abort()  # what was not read must not delay the end


Server = SlowSmtp | SlowSes
Meeting = Callable[[Server, Provider], Awaitable[None]]


def meet(
    wire: str,
    authority: Authority,
    loop: str,
    meeting: Meeting,
    *,
    smtp: type[SlowSmtp] = SlowSmtp,
    ses: type[SlowSes] = SlowSes,
) -> None:
    """Run a story between a way out and the server it talks to."""
    kind, mode = wire.split()
    tls = authority.context() if mode != "none" else None

    async def story() -> None:
        server: Server
        if kind == "smtp":
            server = smtp(features=("PIPELINING",), tls=tls, implicit=mode == "implicit")
        else:
            server = ses(tls=tls, implicit=mode == "implicit")
        async with server.listening():
            await meeting(server, way_to(server.port, kind, mode, authority.ca_file))

    play(story(), loop)


def way_to(port: int, kind: str, mode: str, ca_file: str) -> Provider:
    """The way out under test."""
    if kind == "smtp":
        return relay(port, tls=TlsMode(mode), ca_file=ca_file)
    return SesProvider(
        name=ProviderName("ses"),
        region="eu-west-1",
        access_key_id="AKIDEXAMPLE",
        secret_access_key="secret",
        endpoint=f"http{'s' if mode == 'implicit' else ''}://127.0.0.1:{port}",
        exchange=PooledHttpExchange(dialer=SystemDialer()),
        clock=SystemClock(),
        ca_file=ca_file,
    )


@LOOPS
@WIRES
def test_the_gate_is_asked_when_nearly_all_has_left(wire: str, authority: Authority, loop: str) -> None:
    """Neither our memory nor the kernel holds megabytes then: the time to answer begins with the end of the mail."""

    async def meeting(server: Server, way: Provider) -> None:
        there = []

        async def note() -> None:
            there.append(len(server.partial))

        report = await way.attempt(group(body=BODY), Gate(until=note))
        assert words(report.outcomes) == {3: "handover provider"}
        assert server.taken[0].content == BODY
        assert there[0] > len(BODY) - ON_THE_WAY_BYTES

    meet(wire, authority, loop, meeting)


class StopsSmtp(SlowSmtp):
    """Takes some of the content and then no more."""

    most = 500_000


class StopsSes(SlowSes):
    """Takes some of the request and then no more."""

    most = 500_000


@LOOPS
@WIRES
def test_a_stall_amid_the_content_is_a_fault_before_the_release(wire: str, authority: Authority, loop: str) -> None:
    """Half a megabyte went well, then nothing leaves any more: the link is left after `answer_s`, unreleased."""

    async def meeting(server: Server, way: Provider) -> None:
        gate = Gate()
        report = await way.attempt(group(body=BODY, limits=SHORT), gate)
        assert words(report.outcomes) == {3: "fault channel"}
        assert gate.asked == []
        assert len(server.partial) >= 500_000

    meet(wire, authority, loop, meeting, smtp=StopsSmtp, ses=StopsSes)


class RefusesSmtp(SlowSmtp):
    """Says no amid the content and reads on for as long as anything comes."""

    async def _content(self, mail: Any, reader: Any, writer: asyncio.StreamWriter) -> None:
        self.partial += await reader.read(1)
        writer.write(b"552 5.3.4 too large\r\n")
        while data := await reader.read(65_536):
            self.partial += data
        raise Ended


class RefusesSes(SlowSes):
    """Says no amid the request and reads on for as long as anything comes."""

    async def _body(self, length: int, reader: Any) -> None:
        self.partial += await reader.read(1)
        (writer,) = self._readers
        await self._respond("413 RequestTooLarge too large", writer)
        while data := await reader.read(65_536):
            self.partial += data
        raise Ended


@LOOPS
@WIRES
def test_a_no_amid_the_content_ends_the_sending(wire: str, authority: Authority, loop: str) -> None:
    """What nobody wants any more is not sent through to its end."""

    async def meeting(server: Server, way: Provider) -> None:
        gate = Gate()
        report = await way.attempt(group(body=BODY), gate)
        assert words(report.outcomes) == {3: "rejection channel"}
        assert gate.asked == []
        await server.until(lambda: server.deserted)
        assert len(server.partial) < len(BODY) // 2

    meet(wire, authority, loop, meeting, smtp=RefusesSmtp, ses=RefusesSes)
