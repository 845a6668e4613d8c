"""The inbox: notifications of providers at `/hooks/PROVIDER`, verified, kept, and only then answered with 200.

Promise: what was answered with 200 is durable; a repetition is kept once and answered alike; whatever cannot be shown
to be from the provider changes nothing, costs bounded memory and is named in the log without any of its content; where
its header fields show it already, no body is read. A request waits for one transaction of the spool and for nothing
else, save a moment for its turn when there are many, and the first time a certificate is needed.

Left out: what a notification says (`digesting`), which listener serves this.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, assert_never

from posthorse.asgi import Receive, Scope, Send
from posthorse.feedback.hook_request import NotRead, answer, headers_of, read_body, refuse_too_large
from posthorse.feedback.hook_room import HookRoom, Place
from posthorse.feedback.keeping import Keeping
from posthorse.mail.ids import ProviderName
from posthorse.mail.peer import site
from posthorse.mail.ports import Clock
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming, NotificationReader
from posthorse.spool.inbox_port import Notification, SpoolInbox
from posthorse.spool.port import SpoolUnavailable

PREFIX = "/hooks/"
UNKNOWN = ProviderName("unknown")
"""Whose a request is that asks for a hook which is none."""


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
        self._room = HookRoom(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reader = self._readers.get(ProviderName(scope["path"].removeprefix(PREFIX)))
        peer = (scope.get("client") or ("",))[0]
        try:
            if reader is None:
                raise NotRead("no_hook", 404)
            if scope["method"] != "POST":
                await answer(send, 405, unread=True)
                return
            headers = headers_of(scope)
            self._judge_head(reader, headers)
            with await self._room.enter(site(peer)) as place:
                status = await self._read(reader, headers, receive, place, peer)
            await answer(send, status)
        except NotRead as given_up:
            self._observer.notification_refused(reader.provider if reader else UNKNOWN, given_up.why, peer)
            await answer(send, given_up.status, unread=True)

    def _judge_head(self, reader: NotificationReader, headers: Mapping[str, str]) -> None:
        """Who is refused unread. Raises `NotRead`."""
        refuse_too_large(headers)
        if forged := reader.turned_away(headers, self._clock.now()):
            raise NotRead(forged.why, forged.status)

    async def _read(
        self, reader: NotificationReader, headers: Mapping[str, str], receive: Receive, place: Place, peer: str
    ) -> int:
        body = await read_body(receive, place.hold)
        started = self._clock.monotonic()
        try:
            verdict = await reader.verify(Incoming(headers=headers, body=body, now=self._clock.now(), peer=peer))
        except Exception as error:
            self._observer.bug("hooks", without_words(error))
            return 500
        match verdict:
            case Genuine():
                self._room.prove(site(peer))
                return await self._keep(reader.provider, verdict, body, started, peer)
            case Attended(what=what):
                self._room.prove(site(peer))
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
