"""The loop that reads what the inbox kept, and applies it.

Promise: woken by what arrives, it looks by itself now and then, too; every step may be repeated, so a crash anywhere
costs a repetition. A notification that makes no sense, or whose provider has no reader, is noted and tried once more
at each start and whenever the readers change, as long as it is kept; so is one that met a bug of ours a few times. An
event about mail that is not known (our own settlement may be late) is offered again with growing pauses for an hour,
then rests. Reading and applying go in pieces, so that neither the loop of the process nor the spool is ever held for
long: large bodies are read in a thread, many events are applied in several transactions, and mail gets its turn
between them.

Left out: what an event does (the spool's rules), and telling anybody (`events out`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, assert_never

from posthorse.feedback.inbox import without_words
from posthorse.mail.event import Event
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import Clock, Offload
from posthorse.mail.stream import SECOND
from posthorse.providers.notices import NotificationReader, Unreadable
from posthorse.spool.inbox_port import Digestion, Learning, Learnt, SecondCopy, SpoolInbox, StoredNotification
from posthorse.spool.port import SpoolUnavailable

AGAIN_S = (1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 900, 1_740)
"""Pauses before an event about unknown mail is offered again: an hour together."""
POLL_S = 5.0
LONGEST_PAUSE_S = 30.0
"""After trouble with the spool, at most."""
_BATCH = 64
_MOST_EVENTS = 250
"""Of one transaction, give or take a notification as large: mail waits for it."""
_OFFERED = 1_000
"""Notifications of one transaction that makes them due again."""
_IN_THREAD_BYTES = 32 << 10
_IN_TURNS_BYTES = 4 << 10
_BUG_TRIES = 3


class Readers(Protocol):
    """The readers by provider."""

    def get(self, provider: ProviderName, /) -> NotificationReader | None:
        """How this provider tells; None: it is not configured (any more)."""
        ...


class DigestObserver(Protocol):
    """What the loop tells."""

    def learnt(self, event: Event, *, second_copy: SecondCopy | None) -> None:
        """An event was applied; `second_copy`: it proves that the mail went out twice."""
        ...

    def event_unknown(self, event: Event) -> None:
        """An event is about mail that this provider was never given, as far as was known for an hour."""
        ...

    def notification_unreadable(self, provider: ProviderName, where: str) -> None:
        """A notification, or a part of it, makes no sense."""
        ...

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """The spool could not promise durability."""
        ...

    def bug(self, where: str, error: BaseException) -> None:
        """An exception that should not be."""
        ...


class Digesting:
    """Runs from `run` until cancelled."""

    def __init__(
        self, *, spool: SpoolInbox, readers: Readers, clock: Clock, offload: Offload, observer: DigestObserver
    ) -> None:
        self._spool = spool
        self._readers = readers
        self._clock = clock
        self._offload = offload
        self._observer = observer
        self._woken = asyncio.Event()
        self._stumbles: dict[int, int] = {}
        """How often reading a notification met a bug, by its number; of those not noted yet."""
        self._waiting_since = 0
        self._again_in_s = POLL_S
        self._to_offer = True
        """What could not be read is still to be tried once more."""

    def wake(self) -> None:
        """Something arrived."""
        self._waiting_since = self._waiting_since or self._clock.now()
        self._woken.set()

    def readers_changed(self) -> None:
        """What could not be read may make sense now."""
        self._to_offer = True
        self._woken.set()

    def lag_s(self) -> float:
        """How long the oldest notification that nobody has read yet has waited; 0: there is none."""
        return max(0, self._clock.now() - self._waiting_since) / SECOND if self._waiting_since else 0.0

    async def run(self) -> None:
        """Digest until cancelled."""
        pause_s = 0.1
        while True:
            try:
                await self._offer()
                more = await self.digest_some()
            except Exception as error:
                self._tell_trouble(error)
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
                continue
            pause_s = 0.1
            if not more:
                await self._rest()

    async def _offer(self) -> None:
        while self._to_offer:
            self._to_offer = False
            try:
                count = await self._spool.offer_again(_OFFERED)
            except BaseException:
                self._to_offer = True
                raise
            self._to_offer = self._to_offer or count == _OFFERED

    def _tell_trouble(self, error: Exception) -> None:
        if isinstance(error, SpoolUnavailable):
            self._observer.spool_trouble("digest", error)
        else:
            self._observer.bug("reading notifications", without_words(error))

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._again_in_s):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def digest_some(self) -> bool:
        """Read and apply one batch; whether there may be more at once. Raises `SpoolUnavailable`."""
        self._woken.clear()
        self._again_in_s = POLL_S
        waiting = await self._spool.undigested(_BATCH)
        self._waiting_since = min((one.received_at for one in waiting if not one.tries), default=0)
        ready: list[Digestion] = []
        done = events = 0
        for one in waiting:
            digestion = await self._read(one)
            if digestion is None:
                continue
            if len(digestion.events) > _MOST_EVENTS:
                digestion = await self._apply_but_the_end(digestion)
            ready.append(digestion)
            events += len(digestion.events)
            done += 1
            if events >= _MOST_EVENTS:
                await self._apply(ready)
                ready, events = [], 0
        await self._apply(ready)
        if len(waiting) < _BATCH and not self._woken.is_set():
            self._waiting_since = 0
        return bool(done) and len(waiting) == _BATCH

    async def _read(self, stored: StoredNotification) -> Digestion | None:
        """What one notification says; None: reading it met a bug, and another try may follow."""
        notification = stored.notification
        reader = self._readers.get(notification.provider)
        if reader is None:
            return self._noted(stored, "its provider has no notifications in the configuration")
        read = partial(reader.read, notification.body, notification.facts)
        size = len(notification.body)
        try:
            events = await self._offload.run(read) if size > _IN_THREAD_BYTES else read()
        except Unreadable as error:
            return self._noted(stored, str(error), error.events)
        except Exception as error:
            self._observer.bug("digesting", without_words(error))
            tries = self._stumbles[stored.seq] = self._stumbles.get(stored.seq, 0) + 1
            return self._noted(stored, f"{type(error).__name__} here") if tries >= _BUG_TRIES else None
        if size > _IN_TURNS_BYTES:
            await asyncio.sleep(0)
        return self._digestion(stored, events)

    def _noted(self, stored: StoredNotification, note: str, events: Sequence[Event] = ()) -> Digestion:
        self._stumbles.pop(stored.seq, None)
        if not stored.tries:
            self._observer.notification_unreadable(stored.notification.provider, note)
        return self._digestion(stored, events, note)

    def _digestion(self, stored: StoredNotification, events: Sequence[Event], note: str = "") -> Digestion:
        again_s = AGAIN_S[stored.tries] if stored.tries < len(AGAIN_S) else None
        return Digestion(
            seq=stored.seq,
            events=tuple(events),
            again_us=None if again_s is None else again_s * SECOND,
            note=note,
            unread=bool(note),
        )

    async def _apply_but_the_end(self, digestion: Digestion) -> Digestion:
        """Apply what is too much for one transaction; what is left."""
        events, unknown = digestion.events, False
        while len(events) > _MOST_EVENTS:
            part = replace(digestion, events=events[:_MOST_EVENTS], more_follows=True)
            (results,) = await self._apply([part])
            unknown = unknown or Learnt.UNKNOWN in results
            events = events[_MOST_EVENTS:]
        return replace(digestion, events=events, unknown_before=unknown)

    async def _apply(self, ready: Sequence[Digestion]) -> Sequence[Sequence[Learning]]:
        if not ready:
            return ()
        answers = await self._spool.digest(ready)
        for digestion, results in zip(ready, answers, strict=True):
            for event, result in zip(digestion.events, results, strict=True):
                self._tell(digestion, event, result)
        return answers

    def _tell(self, digestion: Digestion, event: Event, result: Learning) -> None:
        match result:
            case Learnt.APPLIED:
                self._observer.learnt(event, second_copy=None)
            case SecondCopy():
                self._observer.learnt(event, second_copy=result)
            case Learnt.UNKNOWN:
                if digestion.again_us is None:
                    self._observer.event_unknown(event)
                else:
                    self._again_in_s = min(self._again_in_s, digestion.again_us / SECOND)
            case Learnt.REPEATED:
                pass
            case _:
                assert_never(result)
