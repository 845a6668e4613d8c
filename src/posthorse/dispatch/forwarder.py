"""Forwarder: one leased group on its way, until a courier has it, it is given back, or its duty ends.

Promise: a group in hand is attempted, given back or settled, never forgotten; nothing is begun under a lease that
nearly ended.

Left out: what to bring (supply), the attempt (courier), why one way and not another (plan).
"""

from dataclasses import replace

from posthorse.dispatch.choice import Choice
from posthorse.dispatch.courier import Courier
from posthorse.dispatch.in_hand import InHand
from posthorse.dispatch.judge import given_back
from posthorse.dispatch.plan import GiveUp, Group, Try, Wait, make_plan
from posthorse.dispatch.ports import Journal
from posthorse.dispatch.settling import Settler
from posthorse.dispatch.surveys import Surveys
from posthorse.dispatch.way import Way
from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Rejection, Reply, Scope
from posthorse.mail.ports import Clock, Rng
from posthorse.mail.stream import SECOND
from posthorse.spool.port import LeasedGroup, LeasedRecipient, Settlement

LEASE_MARGIN = 15 * SECOND
"""A group that waited so long for a slot that its lease is this close to its end goes back."""


class Forwarder:
    """One per node."""

    def __init__(
        self,
        *,
        choice: Choice,
        courier: Courier,
        settler: Settler,
        hand: InHand,
        journal: Journal,
        clock: Clock,
        rng: Rng,
    ) -> None:
        """`clock`: the spool's, as far as it is known."""
        self._choice = choice
        self._courier = courier
        self._settler = settler
        self._hand = hand
        self._journal = journal
        self._clock = clock
        self._rng = rng
        self._surveys = Surveys(clock, journal, self._surveyed)
        self._changed_at: dict[ProviderName, int] = {}
        """When a standing changed last, microseconds UTC."""
        self._stopping = False

    def take(self, group: LeasedGroup) -> None:
        """Bring a leased group on its way; returns at once. A bug on the way is told, and the lease lapses."""
        try:
            self._bring(group)
        except Exception as error:
            self._journal.bug("plan", error)

    def flush(self, name: ProviderName) -> None:
        """What waits for a slot there is planned anew: its standing changed, or people's orders did."""
        way = self._choice.ways.get(name)
        if way is not None:
            self._changed_at[name] = self._clock.now()
            for group in way.flush():
                self._drop(group)
                self.take(group)

    def landed(self, way: Way, landed: LeasedGroup) -> None:
        """A group gave its slot back: the next one that waits for it, planned anew unless all is well here."""
        self._drop(landed)
        while way.free and way.waiting and not self._stopping:
            group, reason = way.pop()
            now = self._clock.now()
            fresh = group.lease_until - now >= LEASE_MARGIN
            if fresh and self._choice.is_good(way, group):
                self._courier.start(way, group, reason)
                continue
            self._drop(group)
            if fresh:
                self.take(group)
            else:
                self._give_back(group, now, "its lease ran short while it waited for a slot")

    def stop(self) -> None:
        """Begin nothing more; what waits for a slot, and what still comes, is given back."""
        self._stopping = True
        for _, group in self._surveys.stop():
            self._drop(group)
            self.take(group)
        for name in self._choice.ways:
            self.flush(name)

    def _bring(self, group: LeasedGroup) -> None:
        if self._stopping or self._choice.orders.paused:
            self._give_back(group, self._clock.now(), "the gateway stops" if self._stopping else "sending is paused")
            return
        group = self._without_stale(group)
        plan = self._plan(group)
        match plan:
            case Try(provider=name, reason=reason):
                way = self._choice.ways[name]
                if way.surveyor is not None and self._surveys.is_due(way, group):
                    self._surveys.ask(way, group)
                    self._hand.add(group.message.stream, len(group.body))
                else:
                    self._send(way, group, reason)
            case Wait(until=until, tried=tried, reason=reason):
                self._give_back(replace(group, recipients=_with_tried(group, tried)), until, reason)
            case GiveUp(reason=reason):
                self._give_up(group, reason)

    def _without_stale(self, group: LeasedGroup) -> LeasedGroup:
        """The group without what a provider said of it before its standing changed: that was the outage's word. So mail
        that met nobody well is not put off by the schedule for what nobody can digest once somebody is back.
        """
        first = group.recipients[0]
        if not first.due_at or len(first.tried) <= first.copies_released:
            return group
        changed_at = self._changed_at
        kept = tuple(n for n in first.tried if n in first.holders or changed_at.get(n, 0) <= first.due_at)
        return group if kept == first.tried else replace(group, recipients=_with_tried(group, kept))

    def _plan(self, group: LeasedGroup) -> Try | Wait | GiveUp:
        first = group.recipients[0]
        seen = Group(
            message=group.message,
            base=first.leased_from,
            tried=first.tried,
            attempts=first.attempts,
            holders=first.holders,
            due_at=first.due_at,
            others=group.others,
        )
        candidates = self._choice.candidates(group.message, first.tried, self._surveys.found(group))
        return make_plan(seen, candidates, self._clock.now(), self._rng.random())

    def _surveyed(self, way: Way, group: LeasedGroup) -> None:
        """Now it is known whether the way can carry it: planned anew."""
        self._drop(group)
        now = self._clock.now()
        if group.lease_until - now >= LEASE_MARGIN:
            self.take(group)
        else:
            self._give_back(group, now, f"its lease ran short while {way.name} was asked about it")

    def _send(self, way: Way, group: LeasedGroup, reason: str) -> None:
        """To a slot, or to wait for one; cut into as many groups as the provider's limit of recipients asks for."""
        most = way.provider.capability.max_recipients
        whole = len(group.recipients) + group.others
        while len(group.recipients) > most:
            self._send(way, replace(group, recipients=group.recipients[:most], others=whole - most), reason)
            rest = group.recipients[most:]
            group = replace(group, recipients=rest, others=whole - len(rest))
        if way.free:
            self._courier.start(way, group, reason)
        else:
            way.push(group, reason)
        self._hand.add(group.message.stream, len(group.body))

    def _drop(self, group: LeasedGroup) -> None:
        """It has its slot or its place in a queue no longer."""
        self._hand.drop(group.message.stream, len(group.body))

    def _give_back(self, group: LeasedGroup, next_at: int, reason: str) -> None:
        for recipient in group.recipients:
            self._settler.add(group.message, given_back(group.message.id, recipient, next_at, reason))

    def _give_up(self, group: LeasedGroup, reason: str) -> None:
        for recipient in group.recipients:
            end = Settlement(
                message_id=group.message.id,
                n=recipient.n,
                fence=recipient.fence,
                outcome=Rejection(scope=Scope.MESSAGE, reply=Reply(text=reason)),
                final=True,
                tried=recipient.tried,
                reason=reason,
            )
            self._settler.add(group.message, end)


def _with_tried(group: LeasedGroup, tried: tuple[ProviderName, ...]) -> tuple[LeasedRecipient, ...]:
    return tuple(replace(recipient, tried=tried) for recipient in group.recipients)
