"""The inbox: notifications of providers at `/hooks/PROVIDER`, verified, kept, and only then answered with 200.

Promise: what was answered with 200 is durable; a repetition is kept once and answered alike; whatever cannot be shown
to be from the provider changes nothing, costs bounded memory and is named in the log without any of its content. A
request waits for one transaction of the spool and for nothing else, save the first time a certificate is needed.

Left out: what a notification says (`digesting`), which listener serves this.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol, assert_never

from posthorse.asgi import Receive, Scope, Send
from posthorse.feedback.hook_request import NotRead, announced_bytes, answer, headers_of, read_body
from posthorse.feedback.keeping import Keeping
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import Clock
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming, NotificationReader
from posthorse.spool.inbox_port import Notification, SpoolInbox
from posthorse.spool.port import SpoolUnavailable

PREFIX = "/hooks/"
MOST_AT_ONCE = 256
"""Requests under way; beyond it the answer is 503, after which every provider comes again."""
MOST_OF_ONE_PEER = 128
MOST_HELD_BYTES = 64 << 20
"""Bodies under way, all together."""


class InboxObserver(Protocol):
    """What the inbox tells; every word is of a closed set."""

    def notification_taken(self, provider: ProviderName, duration_s: float, *, repeated: bool) -> None:
        """A notification is durable, so long after it was read whole."""
        ...

    def notification_attended(self, provider: ProviderName, what: str) -> None:
        """A handshake was dealt with."""
        ...

    def notification_refused(self, provider: ProviderName, why: str, peer: str) -> None:
        """A request was not taken."""
        ...

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """The spool could not promise durability."""
        ...

    def bug(self, where: str, error: BaseException) -> None:
        """An exception that should not be."""
        ...


class Unforeseen(Exception):
    """Stands for an exception whose text may hold a body or a secret: its type and its places are kept, no more."""


def without_words(error: BaseException) -> Unforeseen:
    """An exception for the log."""
    return Unforeseen(type(error).__name__).with_traceback(error.__traceback__)


class Inbox:
    """The ASGI application below `/hooks/`."""

    def __init__(
        self,
        *,
        spool: SpoolInbox,
        readers: Mapping[ProviderName, NotificationReader],
        clock: Clock,
        observer: InboxObserver,
        arrived: Callable[[], None],
    ) -> None:
        """`arrived` is called after each notification that is new."""
        self._keeping = Keeping(spool)
        self._readers = readers
        self._clock = clock
        self._observer = observer
        self._arrived = arrived
        self._under_way = 0
        self._held_bytes = 0
        self._of_peer: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reader = self._readers.get(ProviderName(scope["path"].removeprefix(PREFIX)))
        if reader is None:
            await answer(send, 404)
        elif scope["method"] != "POST":
            await answer(send, 405)
        else:
            await answer(send, await self._status(reader, scope, receive))

    async def _status(self, reader: NotificationReader, scope: Scope, receive: Receive) -> int:
        """Take the request within all bounds."""
        peer = (scope.get("client") or ("",))[0]
        headers = headers_of(scope)
        try:
            size = announced_bytes(headers)
            if not self._has_room(peer, size):
                raise NotRead("busy", 503)
            self._hold(peer, size, 1)
            try:
                body = await read_body(receive)
                return await self._look(reader, headers, body, peer)
            finally:
                self._hold(peer, -size, -1)
        except NotRead as given_up:
            self._observer.notification_refused(reader.provider, given_up.why, peer)
            return given_up.status

    async def _look(self, reader: NotificationReader, headers: Mapping[str, str], body: bytes, peer: str) -> int:
        started = self._clock.monotonic()
        try:
            verdict = await reader.verify(Incoming(headers=headers, body=body, now=self._clock.now()))
        except Exception as error:
            self._observer.bug("hooks", without_words(error))
            return 500
        match verdict:
            case Genuine():
                return await self._keep(reader.provider, verdict, body, started, peer)
            case Attended(what=what):
                self._observer.notification_attended(reader.provider, what)
                return 200
            case Forged(why=why, status=status):
                self._observer.notification_refused(reader.provider, why, peer)
                return status
            case _:
                assert_never(verdict)

    async def _keep(self, provider: ProviderName, genuine: Genuine, body: bytes, started: float, peer: str) -> int:
        notification = Notification(provider=provider, key=genuine.key, body=body, facts=genuine.facts)
        try:
            new = await self._keeping.keep(notification)
        except SpoolUnavailable as error:
            self._observer.spool_trouble("take_in", error)
            self._observer.notification_refused(provider, "spool", peer)
            return 503
        self._observer.notification_taken(provider, self._clock.monotonic() - started, repeated=not new)
        if new:
            self._arrived()
        return 200

    def _has_room(self, peer: str, size: int) -> bool:
        return (
            self._under_way < MOST_AT_ONCE
            and self._of_peer[peer] < MOST_OF_ONE_PEER
            and self._held_bytes + size <= MOST_HELD_BYTES
        )

    def _hold(self, peer: str, size: int, requests: int) -> None:
        self._under_way += requests
        self._held_bytes += size
        self._of_peer[peer] += requests
        if self._of_peer[peer] <= 0:
            del self._of_peer[peer]
