"""How simulated providers tell of mail: the wire shape of their notifications, its reader, and the nodes' way in.

A notification is one line of JSON; the answer is `200` once it is durable, or the connection ends. Left out: what a
provider tells, and when (`posthorse.lab.world.informant`); proving who it is, for nobody else is on this network.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

import msgspec

from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.providers.notices import Genuine, Incoming, Unreadable
from posthorse.spool.inbox_port import Notification, SpoolInbox
from posthorse.spool.port import SpoolUnavailable

HOOKS_PORT = 8025


class _Told(msgspec.Struct, frozen=True):
    """One event on the wire; ids hexadecimal."""

    kind: EventKind
    key: str
    at: int
    recipient: str
    message_id: str = ""
    """Ours; empty: it names the provider's."""
    provider_message_id: str = ""


class _Line(msgspec.Struct, frozen=True):
    """One notification on the wire."""

    provider: str
    number: int
    """Tells it apart from the provider's others."""
    events: tuple[_Told, ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


def line_of(provider: str, number: int, events: Sequence[Event]) -> bytes:
    """A notification as it travels."""
    told = tuple(
        _Told(
            event.kind,
            event.key,
            event.at,
            event.recipient,
            event.message_id.hex() if event.message_id else "",
            event.provider_message_id,
        )
        for event in events
    )
    return _encode(_Line(provider, number, told)) + b"\n"


class TidingsReader:
    """Port `NotificationReader` of one simulated provider."""

    def __init__(self, provider: ProviderName) -> None:
        self.provider = provider

    def turned_away(self, headers: Mapping[str, str], now: int) -> None:
        """Nobody is."""

    async def verify(self, incoming: Incoming) -> Genuine:
        """Whoever can reach a node is believed."""
        return Genuine(key=key_of(incoming.body))

    def read(self, body: bytes, facts: Mapping[str, str]) -> Sequence[Event]:
        """The events of one line. Raises `Unreadable`."""
        del facts
        try:
            line = _decode(body)
        except msgspec.MsgspecError as error:
            raise Unreadable(str(error)) from error
        return [
            Event(
                provider=self.provider,
                key=told.key,
                kind=told.kind,
                at=told.at,
                recipient=told.recipient,
                message_id=MessageId(bytes.fromhex(told.message_id)) if told.message_id else None,
                provider_message_id=told.provider_message_id,
            )
            for told in line.events
        ]


def key_of(body: bytes) -> bytes:
    """16 bytes that tell a repetition."""
    return blake2b(body, digest_size=16).digest()


async def serve_tidings(inbox: SpoolInbox, arrived: Callable[[], None]) -> asyncio.Server:
    """The way in of a node; `arrived` is called for what is durable."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            body = await reader.readline()
            if body.endswith(b"\n"):
                provider = ProviderName(_decode(body).provider)
                await inbox.take_in([Notification(provider=provider, key=key_of(body), body=body)])
                arrived()
                writer.write(b"200\n")
                await writer.drain()
        except (OSError, SpoolUnavailable, msgspec.MsgspecError):
            return  # the provider comes again
        finally:
            writer.close()

    return await asyncio.start_server(take, port=HOOKS_PORT, limit=1 << 20)
