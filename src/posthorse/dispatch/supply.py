"""Supply: brings due mail from the spool, highest stream first, as much as the ways out have room for.

Promise: bounded work in hand, by number and by bytes. Mail accepted while a slot is free comes already leased
(`claims`); everything else is leased in batches. Knowledge of what is due is a hint: once a second the spool is asked,
so work of other nodes, lapsed leases and restarts are found too.

Left out: what becomes of a leased group (forwarder).
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from posthorse.dispatch.choice import Choice
from posthorse.dispatch.in_hand import InHand
from posthorse.dispatch.ports import Journal
from posthorse.dispatch.settling import Settler
from posthorse.dispatch.spool_clock import SpoolClock
from posthorse.dispatch.way import Way
from posthorse.mail.ids import NodeId
from posthorse.mail.stream import BY_ORDER, RULES, SECOND, Stream
from posthorse.spool.port import LeasedGroup, LeaseRequest, NewMessage, Spool, SpoolUnavailable

LOOK_S = 0.25
"""Longest sleep between two looks at what is due and who has room: standings change with time alone."""
POLL_S = 1.0
SWEEP_LIMIT = 500
NEWEST_AFTER = 30 * SECOND
OLDEST_EVERY = 4
"""While the newest urgent mail goes first, every so many leases still take the oldest."""
LEASE_BYTES = 32 << 20
"""Most bytes of one lease."""
LARGE_LEASE_BYTES = 8 << 20
"""A lease of so many bytes may have been stopped by a large message that did not fit any more."""
NEVER = 1 << 62


class Supply:
    """One per node."""

    def __init__(
        self,
        *,
        node: NodeId,
        spool: Spool,
        choice: Choice,
        settler: Settler,
        hand: InHand,
        journal: Journal,
        clock: SpoolClock,
        take: Callable[[LeasedGroup], None],
    ) -> None:
        """`take` gets every group that was leased."""
        self._node = node
        self._spool = spool
        self._choice = choice
        self._settler = settler
        self._hand = hand
        self._journal = journal
        self._clock = clock
        self._take = take
        self.promised = 0
        """Claims of mail that is being accepted, so that many at once do not all count on the same room."""
        self.promised_bytes = 0
        """Their size."""
        self._due: dict[Stream, int] = dict.fromkeys(Stream, 0)
        self._wake = asyncio.Event()
        self._at_rest = asyncio.Event()
        """Set while the loop does not run."""
        self._at_rest.set()
        self._stopping = False
        self._urgent_leases = 0
        self._urgent_late = False

    def claims(self, stream: Stream) -> bool:
        """Whether mail of this stream, accepted now, should come leased: room, and nobody of its rank waits."""
        if self._stopping or not self._may_start:
            return False
        if self._waits(stream) or not self._hand.has_room(stream, self.promised_bytes):
            return False
        return self._choice.room(stream)[0] > self.promised

    def _waits(self, stream: Stream) -> bool:
        """Mail of this rank or above is known to be due."""
        now = self._clock.now()
        if min(self._due.values()) > now:
            return False
        return any(self._due[ranked] <= now for ranked in BY_ORDER[: RULES[stream].order + 1])

    def promise(self, new: NewMessage) -> None:
        """Keep room for claimed mail while it is being stored."""
        self.promised += 1
        self.promised_bytes += len(new.body)

    def redeem(self, new: NewMessage) -> None:
        """It was stored, and is brought or not, or it was not stored: its room need not be kept any more."""
        self.promised -= 1
        self.promised_bytes -= len(new.body)

    def due(self, stream: Stream, at: int) -> None:
        """Mail of this stream may be leased from `at` on."""
        if at < self._due[stream]:
            self._due[stream] = at
            self._wake.set()

    def landed(self, way: Way) -> None:
        """A slot was freed there: look whether that makes a lease worthwhile."""
        if not self._wake.is_set() and way.room >= way.batch and min(self._due.values()) <= self._clock.now():
            self._wake.set()

    def look(self) -> None:
        """Something changed: look again at what is due and who has room."""
        self._wake.set()

    async def run(self) -> None:
        """Lease until stopped."""
        next_poll_s = 0.0
        self._at_rest.clear()
        try:
            while not self._stopping:
                now_s = self._clock.monotonic()
                try:
                    if now_s >= next_poll_s:
                        next_poll_s = now_s + POLL_S
                        if await self._poll():
                            next_poll_s = now_s
                    await self._lease_all()
                except SpoolUnavailable as error:
                    self._journal.spool_trouble("lease", error)
                    await asyncio.sleep(POLL_S)
                await self._pause()
        finally:
            self._at_rest.set()

    def stop(self) -> None:
        """Lease nothing more."""
        self._stopping = True
        self._wake.set()

    async def rest(self, limit_s: float) -> None:
        """Wait until the loop has ended, at most so long: a lease under way comes back with groups to give back."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._at_rest.wait(), limit_s)

    async def _pause(self) -> None:
        """Sleep until woken, something is due, or it is time to look again."""
        self._wake.clear()
        now = self._clock.now()
        until = min((at for stream, at in self._due.items() if at > now or self._worthwhile(stream)), default=NEVER)
        delay_s = min(LOOK_S, max(0.0, (until - now) / SECOND))
        if delay_s > 0:
            handle = asyncio.get_running_loop().call_later(delay_s, self._wake.set)
            await self._wake.wait()
            handle.cancel()
        else:
            await asyncio.sleep(0)

    async def _poll(self) -> bool:
        """Housekeeping, and whatever became due without our knowing; whether there is more to keep."""
        asked_s = self._clock.monotonic()
        report = await self._spool.sweep(SWEEP_LIMIT)
        self._clock.heard(report.at, asked_s)
        earliest = await self._spool.next_due()
        now = self._clock.now()
        if report.lapsed_unreleased or report.lapsed_in_doubt or (earliest is not None and earliest <= now):
            for stream in Stream:
                self._due[stream] = min(self._due[stream], now)
        return report.more

    async def _lease_all(self) -> None:
        """Lease for each stream in order while there is room."""
        for stream in BY_ORDER:
            now = self._clock.now()
            if self._due[stream] > now or not self._may_start:
                continue
            room, worthwhile = self._choice.room(stream)
            if not worthwhile or not self._hand.has_room(stream):
                continue
            self._due[stream] = NEVER
            most_bytes = min(LEASE_BYTES, self._hand.left(stream))
            groups = await self._lease(stream, room, most_bytes)
            if _is_cut_short(groups, room, most_bytes):
                self._due[stream] = min(self._due[stream], now)
            for group in groups:
                self._take(group)

    async def _lease(self, stream: Stream, room: int, most_bytes: int) -> Sequence[LeasedGroup]:
        newest = False
        if stream is Stream.URGENT and self._urgent_late:
            self._urgent_leases += 1
            newest = self._urgent_leases % OLDEST_EVERY != 0
        request = LeaseRequest(node=self._node, stream=stream, limit=room, newest_first=newest, max_bytes=most_bytes)
        try:
            groups = await self._spool.lease(request)
        except SpoolUnavailable:
            self._due[stream] = 0
            raise
        if stream is Stream.URGENT and not newest:
            oldest = min((group.message.accepted_at for group in groups), default=NEVER)
            self._urgent_late = oldest < self._clock.now() - NEWEST_AFTER
        return groups

    @property
    def _may_start(self) -> bool:
        """Nobody paused sending, and what was settled finds its way into the spool."""
        return not (self._choice.orders.paused or self._settler.full)

    def _worthwhile(self, stream: Stream) -> bool:
        """Mail may be started, and there is room enough to pay for a lease transaction."""
        return self._may_start and self._hand.has_room(stream) and self._choice.room(stream)[1]


def _is_cut_short(groups: Sequence[LeasedGroup], room: int, most_bytes: int) -> bool:
    """More may be due: the lease gave all it was asked for, or its limit of bytes may have stopped it."""
    if sum(len(group.recipients) for group in groups) >= room:
        return True
    few = most_bytes < LEASE_BYTES and len(groups) > 0
    return few or sum(len(group.body) for group in groups) >= LARGE_LEASE_BYTES
