"""Short words for what is learnt back: events, and notifications that bring them."""

from dataclasses import dataclass, field
from typing import Any

from posthorse.mail.carriage import Fate
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Handover
from posthorse.spool.desk_port import Suppression
from posthorse.spool.inbox_port import Digestion, Learning, Learnt, Notification, SecondCopy
from posthorse.spool.port import HistoryRow, LeasedGroup
from tests.contract.spool_kit import RELAY, World

OTHER = ProviderName("other")
DUPLICATE = "a second copy"
"""What `tell` says of an event that proves one."""


@dataclass(slots=True)
class Feedback:
    """What providers tell, in one world."""

    world: World
    made: int = field(default=0)

    def event(self, message_id: MessageId | None, kind: EventKind = EventKind.DELIVERED, **fields: Any) -> Event:
        """A new event of the relay about the usual recipient; fields override."""
        self.made += 1
        usual: dict[str, Any] = {
            "provider": RELAY,
            "key": f"event-{self.made}",
            "kind": kind,
            "at": self.world.clock.now(),
            "recipient": "ann@example.com",
            "message_id": message_id,
        }
        return Event(**{**usual, **fields})

    def notification(self, number: int, **fields: Any) -> Notification:
        """A notification told apart by a number."""
        usual: dict[str, Any] = {"provider": RELAY, "key": number.to_bytes(16, "big"), "body": b"{}" * number}
        return Notification(**{**usual, **fields})

    async def tell(self, *events: Event, **fields: Any) -> list[Learnt | str]:
        """Digest one notification with these events; it need not be in the spool."""
        digestion = Digestion(seq=0, events=events, **fields)
        (learnt,) = await self.world.spool.inbox.digest([digestion])
        return [_told(each) for each in learnt]

    async def learn(self, message_id: MessageId, kind: EventKind = EventKind.DELIVERED, **fields: Any) -> Learnt | str:
        """Digest one new event."""
        (learnt,) = await self.tell(self.event(message_id, kind, **fields))
        return learnt

    async def handed_over(self, *recipients: str, provider: ProviderName = RELAY, name: str = "") -> LeasedGroup:
        """A message whose every recipient was handed over; `name`: the provider's id for it."""
        group = await self.world.admit_leased(*recipients)
        await self.world.release(group, provider=provider)
        for recipient in group.recipients:
            await self.world.settle(
                group,
                Handover(provider_message_id=name),
                n=recipient.n,
                provider=provider,
                tried=(provider,),
            )
        return group

    async def two_copies(self) -> tuple[LeasedGroup, LeasedGroup]:
        """One copy in doubt at the relay, another released to the other provider: both attempts."""
        world = self.world
        first = await world.in_doubt(next_at=world.clock.now())
        (second,) = await world.lease()
        await world.release(second, provider=OTHER)
        return first, second

    async def fate(self, message_id: MessageId, n: int = 0) -> Fate:
        """The fate of one recipient."""
        return (await self.world.view(message_id, n)).fate

    async def kinds(self, message_id: MessageId, n: int = 0) -> list[str]:
        """The kinds of facts about one recipient that are no mere moves."""
        return [fact.kind for fact in await self.world.told(message_id, n) if fact.kind not in ("moved", "accepted")]

    async def facts(self, message_id: MessageId, kind: str) -> list[HistoryRow]:
        """The facts of one kind about a message."""
        return [fact for fact in await self.world.spool.history(message_id) if fact.kind == kind]

    async def listed(self) -> list[Suppression]:
        """The suppression list."""
        return list(await self.world.spool.suppressions(None, "", 100))


def _told(learnt: Learning) -> Learnt | str:
    return DUPLICATE if isinstance(learnt, SecondCopy) else learnt
