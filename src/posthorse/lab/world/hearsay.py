"""The referee's books of what providers told: which words count, what they prove, whom they suppress.

It shares no rule with the gateway: whether a provider's word counts is looked up in the release marks the referee saw
granted, and the fate it proves in a table of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from posthorse.lab.world.proofs import Key, Proofs
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import ProviderName
from posthorse.spool.inbox_port import Digestion, Learning, Learnt, SecondCopy

_PROVES: Mapping[EventKind, int] = {
    EventKind.TAKEN: 0,
    EventKind.DEFERRED: 0,
    EventKind.DELIVERED: 1,
    EventKind.OPENED: 1,
    EventKind.SOFT_BOUNCED: 2,
    EventKind.HARD_BOUNCED: 2,
    EventKind.DROPPED: 2,
    EventKind.COMPLAINED: 3,
}
FATES = ("unknown", "delivered", "bounced", "complained")
"""By what proves them."""

_SUPPRESS = frozenset({EventKind.HARD_BOUNCED, EventKind.COMPLAINED})


class Given(Protocol):
    """A release mark, as far as it matters here."""

    provider: ProviderName
    is_refused: bool
    is_taken: bool


class Receiver(Protocol):
    """What the referee knows of one recipient."""

    address: str

    @property
    def marks(self) -> Mapping[int, Given]:
        """Its release marks by fence."""
        ...


@dataclass(slots=True)
class Hearsay:
    """What was told, heard and believed."""

    find: Callable[[Event], tuple[Key, Receiver] | None]
    """Whom an event is about; None: nobody whose mail is stored."""
    accuse: Callable[[str, str], None]
    suppress: Callable[[str], None]
    """An address must not be mailed from now on."""
    proofs: Proofs
    forged: set[tuple[ProviderName, str]] = field(default_factory=set)
    """Events about mail that had not reached their provider, by provider and key."""
    lies: set[Key] = field(default_factory=set)
    """Recipients of whom such an event was believed, since their mail was released to that provider meanwhile."""
    owed: dict[tuple[ProviderName, str], Event] = field(default_factory=dict)
    """Events that a node keeps, that count, and that were not heard yet, by provider and key."""
    heard: dict[tuple[ProviderName, str], Learning] = field(default_factory=dict)
    proven: dict[Key, int] = field(default_factory=dict)
    """The highest fate that was told of each recipient by somebody whose word counts."""
    listed: set[str] = field(default_factory=set)
    """Addresses, in lower case, that a word which counts put on the list."""

    def kept(self, provider: ProviderName, events: Sequence[Event]) -> None:
        """A node said that it keeps these."""
        for event in events:
            if (provider, event.key) not in self.heard and self._counts(event):
                self.owed[provider, event.key] = event

    def learnt(self, batch: Sequence[Digestion], results: Sequence[Sequence[Learning]]) -> None:
        """The database committed what became of events."""
        for digestion, answers in zip(batch, results, strict=True):
            for event, answer in zip(digestion.events, answers, strict=True):
                self._judge(event, answer)

    def _judge(self, event: Event, answer: Learning) -> None:
        name = (event.provider, event.key)
        about = event.message_id.hex() if event.message_id else event.provider_message_id
        what = f"{event.kind.value} of {event.provider} about {about}"
        if answer is Learnt.UNKNOWN:
            if self._counts(event):
                self.accuse("I11", f"{what} was not believed, although it was given a copy")
            return
        self.owed.pop(name, None)
        if answer is Learnt.REPEATED:
            if name not in self.heard:
                self.accuse("I11", f"{what} is said to be known, and was never heard")
            return
        if name in self.heard:
            self.accuse("I11", f"{what} was applied twice")
        self.heard[name] = answer
        if not self._counts(event):
            self.accuse("I11", f"{what} was believed, although it never had a copy")
            return
        self._believe(event, is_second=isinstance(answer, SecondCopy))

    def _believe(self, event: Event, *, is_second: bool) -> None:
        found = self.find(event)
        assert found is not None
        key, receiver = found
        if (event.provider, event.key) in self.forged:
            self.lies.add(key)
        self.proofs.told(key, event.provider, is_second=is_second)
        self.proven[key] = max(self.proven.get(key, 0), _PROVES[event.kind])
        mine = [mark for mark in receiver.marks.values() if mark.provider == event.provider]
        if not any(mark.is_taken for mark in mine):
            next((mark for mark in mine if not mark.is_refused), mine[0]).is_taken = True
        if event.kind in _SUPPRESS:
            self.listed.add(receiver.address.lower())
            self.suppress(receiver.address)

    def _counts(self, event: Event) -> bool:
        """Whether this provider was given a copy of that recipient's mail."""
        found = self.find(event)
        return found is not None and any(mark.provider == event.provider for mark in found[1].marks.values())
