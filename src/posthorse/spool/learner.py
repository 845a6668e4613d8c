"""Applying what providers tell, once for every adapter: events become facts, fates and suppressions in one transaction.

Promise: an event is applied once, by its key; one about mail that its provider was never given moves nothing and
suppresses nobody. Each safeguard is one method, so that the seeded world can take it away and prove that its checks
notice.

Left out: what an event does to a row (`posthorse.spool.learning`), storage (adapters), what a notification says
(`posthorse.providers`).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import chain

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import raise_fate
from posthorse.mail.event import FATES, SUPPRESSING, Event
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.spool import story
from posthorse.spool.desk_port import Suppression
from posthorse.spool.entry import Entry, EntryKey
from posthorse.spool.inbox_book import InboxBook
from posthorse.spool.inbox_port import AT_NEXT_START, UNKNOWN_MAIL, Digestion, Learning, Learnt, SecondCopy
from posthorse.spool.learning import Given, Lesson, given_to, is_plain, learn
from posthorse.spool.port import HistoryRow
from posthorse.spool.proof import Trail, proves_second
from posthorse.spool.recording import moved
from posthorse.spool.rules import Change
from posthorse.spool.story import ABOUT_MESSAGE, Telling

PERSON = "operator:"
"""How the source of an entry of the suppression list begins that a person made."""

_RANK = {reason: rank for rank, reason in enumerate(SUPPRESSING.values())}


class Learner:
    """Does the book-keeping of events."""

    # --- safeguards: each is one method -----------------------------------------------------------------------------

    def given(self, provider: ProviderName, trails: Iterable[Trail]) -> Given | None:
        """What a provider was given of a recipient's mail; None: nothing, so its word counts for nothing."""
        return given_to(provider, trails)

    def is_known(self, key: bytes, known: Container[bytes]) -> bool:
        """Whether an event was applied before."""
        return key in known

    # --- digest -----------------------------------------------------------------------------------------------------

    def digest(self, inbox: InboxBook, batch: Sequence[Digestion]) -> list[list[Learning]]:
        """Apply every event in the order given; a notification with an unknown one may be read again."""
        hearing = _Hearing(self, inbox, list(chain.from_iterable(digestion.events for digestion in batch)))
        answers = []
        for digestion in batch:
            hearing.source = digestion.seq
            learnt = [hearing.hear(event) for event in digestion.events]
            answers.append(learnt)
            if not digestion.more_follows:
                inbox.digested(digestion.seq, _again_at(digestion, learnt, inbox.book.now), _note(digestion, learnt))
        hearing.end()
        return answers


class _Hearing:
    """All events of one transaction, with what the storage knows of their mail read in a few questions."""

    def __init__(self, learner: Learner, inbox: InboxBook, events: Sequence[Event]) -> None:
        self._learner = learner
        self._inbox = inbox
        self._now = inbox.book.now
        self._known = set(inbox.known({key_of(event) for event in events}))
        self._new: list[bytes] = []
        self.source = 0
        """Number of the notification that is heard; 0: it is not kept."""
        self._messages = _messages(inbox, events)
        ids = set(self._messages.values())
        self._directory = {key: _Directory(rows) for key, rows in inbox.addresses(ids).items()} if ids else {}
        places = [(event, place) for event in events if (place := self._place(event))]
        self._entries = dict(inbox.book.entries({place for _, place in places if place[1] != ABOUT_MESSAGE}))
        needed = {place[0] for event, place in places if self._needs(event, place)}
        self._trails = {key: list(trails) for key, trails in inbox.book.trails(needed).items()} if needed else {}
        """With what this transaction adds to them."""

    def hear(self, event: Event) -> Learning:
        """Apply one event."""
        key = key_of(event)
        if self._learner.is_known(key, self._known):
            return Learnt.REPEATED
        place = self._place(event)
        if place is None:
            return Learnt.UNKNOWN
        learnt = self._about_message(event, place[0]) if place[1] == ABOUT_MESSAGE else self._about(event, place)
        if learnt is not Learnt.UNKNOWN:
            self._known.add(key)
            self._new.append(key)
        return learnt

    def end(self) -> None:
        """Note which events were applied."""
        if self._new:
            self._inbox.know(self._new)

    # --- one recipient ----------------------------------------------------------------------------------------------

    def _about(self, event: Event, place: EntryKey) -> Learning:
        entry = self._entries.get(place)
        if entry is None:
            return Learnt.UNKNOWN
        trails = self._trails.setdefault(place, [])
        word = Trail(kind="event", new=None, cause=None, fence=entry.row.fence, provider=event.provider)
        is_second = False
        if is_plain(entry.row, event.provider):
            lesson = Lesson(change=Change(row=entry.row))
        else:
            given = self._learner.given(event.provider, trails)
            if given is None:
                return Learnt.UNKNOWN
            lesson = learn(entry.row, given)
            is_second = proves_second(trails, word)
        trails.append(word)
        self._entries[place] = self._record(entry, event, lesson, is_second=is_second)
        if event.kind in SUPPRESSING:
            self._suppress(entry, event)
        return SecondCopy(message=entry.message, n=entry.n) if is_second else Learnt.APPLIED

    def _record(self, entry: Entry, event: Event, lesson: Lesson, *, is_second: bool) -> Entry:
        change, fate = lesson.change, raise_fate(entry.fate, FATES[event.kind])
        after = entry if fate is entry.fate else replace(entry, fate=fate)
        detail = story.event_detail(event, self.source)
        if change.moves or change.row != entry.row:
            after = moved(after, change, self._now)
            telling = Telling(at=self._now, kind="event", fence=lesson.fence, provider=event.provider, detail=detail)
            facts = story.tell(entry.message, entry.n, entry.row, change, telling)
        else:
            facts = [self._fact(entry, event, "event", detail)]
        if after is not entry:
            self._inbox.book.put(after)
        if is_second:
            facts.append(self._fact(entry, event, "duplicate", {"event": event.kind.value}))
        if fate is not entry.fate:
            facts.append(self._fact(entry, event, "fate", story.fate_detail(entry.fate, fate, event)))
        self._inbox.book.append(facts)
        return after

    def _fact(self, entry: Entry, event: Event, kind: str, detail: story.Detail, n: int | None = None) -> HistoryRow:
        return HistoryRow(
            seq=0,
            at=self._now,
            tenant=entry.message.tenant,
            message_id=entry.message.id,
            n=entry.n if n is None else n,
            kind=kind,
            old=None,
            new=None,
            cause=None,
            fence=entry.row.fence,
            provider=event.provider,
            detail=detail,
        )

    def _suppress(self, entry: Entry, event: Event) -> None:
        address = entry.list_key
        present = self._inbox.listed([address]).get(address)
        new = Suppression(
            tenant=address[0],
            address=address[1],
            reason=SUPPRESSING[event.kind],
            source=f"provider:{event.provider}",
            created_at=self._now,
            event_key=event.key,
            message_id=entry.message.id,
        )
        if present is None or outweighs(new, present, self._now):
            self._inbox.suppress(new)

    # --- the whole message ------------------------------------------------------------------------------------------

    def _about_message(self, event: Event, message_id: MessageId) -> Learnt:
        """The provider does not say whom it means, and there are several: told of the message, nobody's fate."""
        trails = (trail for (owner, _), some in self._trails.items() if owner == message_id for trail in some)
        first = (message_id, self._directory[message_id].first)
        entry = self._inbox.book.entries([first]).get(first)
        if entry is None or self._learner.given(event.provider, trails) is None:
            return Learnt.UNKNOWN
        detail = story.event_detail(event, self.source)
        self._inbox.book.append([self._fact(entry, event, "event", detail, ABOUT_MESSAGE)])
        return Learnt.APPLIED

    # --- whom it is about -------------------------------------------------------------------------------------------

    def _place(self, event: Event) -> EntryKey | None:
        """Whom an event is about; None: nobody that is known."""
        message_id = self._messages.get(_name(event))
        directory = self._directory.get(message_id) if message_id else None
        if message_id is None or directory is None:
            return None
        n = directory.find(event.recipient)
        return None if n is None else (message_id, n)

    def _needs(self, event: Event, place: EntryKey) -> bool:
        """Whether history must be asked who was given a copy."""
        entry = self._entries.get(place)
        return entry is None or not is_plain(entry.row, event.provider)


class _Directory:
    """Finds the recipients of one message by their addresses."""

    def __init__(self, recipients: Sequence[tuple[int, str]]) -> None:
        self.first = recipients[0][0]
        self._is_single = len(recipients) == 1
        self._exactly = {address: n for n, address in recipients}
        self._roughly = {address_key(address): n for n, address in reversed(recipients)}

    def find(self, address: str) -> int | None:
        """Number of a recipient; `ABOUT_MESSAGE`: none is named, and there are several; None: no such one."""
        if not address:
            return self.first if self._is_single else ABOUT_MESSAGE
        exact = self._exactly.get(address)
        return self._roughly.get(address_key(address)) if exact is None else exact


def _note(digestion: Digestion, learnt: Sequence[Learning]) -> str:
    """What a person is told of a notification that was read; empty: nothing was wrong with it."""
    is_unknown = digestion.unknown_before or Learnt.UNKNOWN in learnt
    return digestion.note or (UNKNOWN_MAIL if is_unknown else "")


def _again_at(digestion: Digestion, learnt: Sequence[Learning], now: int) -> int | None:
    """When a notification is to be read once more; None: never."""
    if digestion.again_us is not None and (digestion.unknown_before or Learnt.UNKNOWN in learnt):
        return now + digestion.again_us
    return AT_NEXT_START if digestion.unread else None


def outweighs(new: Suppression, present: Suppression, now: int) -> bool:
    """Whether an entry that an event made replaces the one that is there.

    It does where that one ran out or will, save that a person's word, and what is as weighty, stays.
    """
    if present.expires_at is not None:
        return True
    if present.source.startswith(PERSON):
        return False
    return _RANK.get(new.reason, -1) > _RANK.get(present.reason, -1)


def key_of(event: Event) -> bytes:
    """16 bytes that tell a repetition of an event of any provider."""
    text = f"{event.provider}\0{event.key}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _name(event: Event) -> object:
    """What an event calls its message."""
    return event.message_id or (event.provider, event.provider_message_id)


def _messages(inbox: InboxBook, events: Sequence[Event]) -> Mapping[object, MessageId]:
    """The messages by what events call them; unknown ones may be missing."""
    found: dict[object, MessageId] = {event.message_id: event.message_id for event in events if event.message_id}
    asked = {
        (event.provider, event.provider_message_id)
        for event in events
        if not event.message_id and event.provider_message_id
    }
    if asked:
        found.update((name, message_id) for name, message_id in inbox.named(asked).items())
    return found
