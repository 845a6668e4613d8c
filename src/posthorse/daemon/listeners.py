"""The daemon's listeners: sockets for SMTP and HTTP with their certificates, each told apart by its role."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from posthorse.accept.smtp.server import SmtpServer
from posthorse.asgi import App
from posthorse.config.entrance import ListenerSettings
from posthorse.web.role import Role
from posthorse.web.server import Certificate, HttpServing, serve_http

BACKLOG = 1_024


@dataclass(slots=True)
class Listeners:
    """Everything that listens."""

    smtp: list[asyncio.Server]
    http: list[HttpServing]
    addresses: dict[str, str]
    """What listens where, as `smtp://host:port`; several of a kind are numbered."""

    def stop_smtp(self) -> None:
        """Take no more SMTP connections."""
        for server in self.smtp:
            server.close()

    async def close(self) -> None:
        """Stop listening everywhere."""
        self.stop_smtp()
        for serving in self.http:
            await serving.close()


async def listen(
    settings: Iterable[ListenerSettings], smtp: SmtpServer, app_for: Callable[[frozenset[Role]], App]
) -> Listeners:
    """Open every listener. Raises OSError with the address in its text; nothing stays open then."""
    listeners = Listeners(smtp=[], http=[], addresses={})
    try:
        for one in settings:
            await _open(listeners, one, smtp, app_for)
    except BaseException:
        await listeners.close()
        raise
    return listeners


async def _open(
    listeners: Listeners, one: ListenerSettings, smtp: SmtpServer, app_for: Callable[[frozenset[Role]], App]
) -> None:
    address = one.address
    try:
        if one.http is not None:
            app = app_for(frozenset(one.roles))
            serving = await serve_http(
                app,
                address.host,
                address.port,
                _certificate(one),
                address.path,
                most_of_one_peer=lambda: smtp.limits.connections_per_peer,
            )
            listeners.http.append(serving)
            scheme = "https" if one.tls_certificate else "http"
            port = 0 if address.path else serving.port
        else:
            server = await _smtp(one, smtp)
            listeners.smtp.append(server)
            scheme, port = ("smtps" if one.smtps else "smtp"), server.sockets[0].getsockname()[1]
    except OSError as error:
        reason = (error.strerror or str(error)).rpartition(": ")[2]  # asyncio tells the address once more before it
        raise OSError(f"cannot listen at {address}: {reason}") from error
    name, number = scheme, 2
    while name in listeners.addresses:
        name, number = f"{scheme}{number}", number + 1
    listeners.addresses[name] = str(address) if address.path else f"{scheme}://{address.host}:{port}"


async def _smtp(one: ListenerSettings, smtp: SmtpServer) -> asyncio.Server:
    context = _context(one)
    loop = asyncio.get_running_loop()
    address = one.address
    if one.smtps is not None:
        return await loop.create_server(
            smtp.door(),
            address.host,
            address.port,
            ssl=context,
            ssl_handshake_timeout=smtp.limits.handshake_s,
            backlog=BACKLOG,
        )
    return await loop.create_server(smtp.door(context), address.host, address.port, backlog=BACKLOG)


def _context(one: ListenerSettings) -> ssl.SSLContext | None:
    if one.tls_certificate is None or one.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(one.tls_certificate, one.tls_key)
    return context


def _certificate(one: ListenerSettings) -> Certificate | None:
    if one.tls_certificate is None or one.tls_key is None:
        return None
    return Certificate(chain=one.tls_certificate, key=one.tls_key)


def shown(addresses: Mapping[str, str], control: Path) -> dict[str, str]:
    """The addresses for the ready line, with the control socket."""
    return {**addresses, "control": str(control)}
