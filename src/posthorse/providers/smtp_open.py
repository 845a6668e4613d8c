"""Opening a connection to an SMTP server: connect, greeting, EHLO, STARTTLS, AUTH.

Promise: with a TLS mode other than `none` no mail and no credentials go out without verified TLS, there is no fallback,
and bytes that came before TLS count for nothing (RFC 3207 section 6). Without TLS credentials go to loopback only.

Left out: HELO for servers without EHLO; mechanisms besides PLAIN and LOGIN.
"""

import asyncio
import base64
import ipaddress
from dataclasses import dataclass, field

from posthorse.mail.outcome import Reply
from posthorse.mail.ports import Dialer, DialFailed, Target, TlsMode
from posthorse.providers.port import Limits
from posthorse.providers.smtp_core import features_of, plain_response
from posthorse.providers.smtp_line import LineFailed, SmtpLine
from posthorse.providers.smtp_replies import Stage


class OpeningFailed(Exception):
    """The connection did not come to the point where mail could be given."""

    def __init__(self, stage: Stage, reply: Reply) -> None:
        super().__init__(f"{stage.value}: {reply.code} {reply.text}")
        self.stage = stage
        self.reply = reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where to connect, how, and as whom."""

    host: str
    port: int
    tls: TlsMode
    ca_file: str = ""
    helo: str
    username: str = ""
    """Empty: no AUTH."""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.username and self.tls is TlsMode.NONE and not is_loopback(self.host):
            raise ValueError(f"credentials for {self.host} need TLS: only loopback may do without")

    @property
    def target(self) -> Target:
        """What to dial."""
        return Target(host=self.host, port=self.port, tls=self.tls is TlsMode.IMPLICIT, ca_file=self.ca_file)


def is_loopback(host: str) -> bool:
    """Whether the name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def open_line(server: Server, dialer: Dialer, limits: Limits) -> SmtpLine:
    """A line on which a transaction may begin. Raises `OpeningFailed`; then nothing stays open."""
    line = await _dial(server, dialer, limits)
    try:
        await _begin(line, server, dialer, limits)
    except BaseException:
        line.abort()
        raise
    return line


async def _dial(server: Server, dialer: Dialer, limits: Limits) -> SmtpLine:
    line = SmtpLine()
    try:
        async with asyncio.timeout(limits.connect_s):
            await dialer.dial(lambda: line, server.target)
    except DialFailed as failed:
        raise OpeningFailed(Stage.OURS if failed.ours else Stage.CONNECT, Reply(text=str(failed))) from failed
    except TimeoutError:
        raise OpeningFailed(Stage.CONNECT, Reply(text=f"no connection within {limits.connect_s:g} s")) from None
    return line


async def _begin(line: SmtpLine, server: Server, dialer: Dialer, limits: Limits) -> None:
    await _ask(line, Stage.GREETING, b"", 220, limits)
    await _hello(line, server, limits)
    if server.tls is TlsMode.STARTTLS:
        await _upgrade(line, server, dialer, limits)
        await _hello(line, server, limits)
    if server.username:
        await _authenticate(line, server, limits)


async def _ask(line: SmtpLine, stage: Stage, command: bytes, expected: int, limits: Limits) -> Reply:
    """The reply to a command, if its code is the expected one."""
    try:
        (reply,) = await line.say(command, 1, limits.answer_s)
    except LineFailed as failed:
        raise OpeningFailed(stage, failed.reply) from failed
    if reply.code != expected:
        raise OpeningFailed(stage, reply)
    return reply


async def _hello(line: SmtpLine, server: Server, limits: Limits) -> None:
    reply = await _ask(line, Stage.EHLO, f"EHLO {server.helo}\r\n".encode(), 250, limits)
    line.features = features_of(reply)


async def _upgrade(line: SmtpLine, server: Server, dialer: Dialer, limits: Limits) -> None:
    if not line.features.starttls:
        raise OpeningFailed(Stage.STARTTLS, Reply(text="the server offers no STARTTLS, and TLS is required"))
    await _ask(line, Stage.STARTTLS, b"STARTTLS\r\n", 220, limits)
    if not line.usable:
        raise OpeningFailed(Stage.STARTTLS, Reply(text="the server went on in plain text after its answer to STARTTLS"))
    try:
        async with asyncio.timeout(limits.connect_s):
            line.under_tls(await dialer.start_tls(line.transport, line, server.target))
    except DialFailed as failed:
        raise OpeningFailed(Stage.OURS if failed.ours else Stage.STARTTLS, Reply(text=str(failed))) from failed
    except TimeoutError:
        raise OpeningFailed(Stage.STARTTLS, Reply(text=f"no TLS within {limits.connect_s:g} s")) from None


async def _authenticate(line: SmtpLine, server: Server, limits: Limits) -> None:
    """AUTH with PLAIN if offered, else LOGIN (RFC 4954)."""
    if "PLAIN" in line.features.auth:
        command = b"AUTH PLAIN " + plain_response(server.username, server.password) + b"\r\n"
        await _ask(line, Stage.AUTH, command, 235, limits)
    elif "LOGIN" in line.features.auth:
        await _ask(line, Stage.AUTH, b"AUTH LOGIN\r\n", 334, limits)
        await _ask(line, Stage.AUTH, base64.b64encode(server.username.encode()) + b"\r\n", 334, limits)
        await _ask(line, Stage.AUTH, base64.b64encode(server.password.encode()) + b"\r\n", 235, limits)
    else:
        raise OpeningFailed(Stage.AUTH, Reply(text="the server offers neither AUTH PLAIN nor AUTH LOGIN"))
