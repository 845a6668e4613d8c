"""The referee's books of what providers told: whose word counts, and what it accuses."""

from dataclasses import dataclass, field

from posthorse.lab.world.hearsay import Given, Hearsay
from posthorse.lab.world.proofs import Key, Proofs
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.spool.inbox_port import Digestion, Learnt

ID = MessageId(b"m" * 16)
HERE, THERE = ProviderName("here"), ProviderName("there")


@dataclass
class Mark:
    """A release mark."""

    provider: ProviderName
    is_refused: bool = False
    is_taken: bool = False


@dataclass
class Receiver:
    """A recipient."""

    address: str = "Ann@example.com"
    marks: dict[int, Given] = field(default_factory=dict)


class Court:
    """Books about one recipient, whose mail was released to one provider."""

    def __init__(self) -> None:
        self.mark = Mark(HERE)
        self.receiver = Receiver(marks={1: self.mark})
        self.accused: list[str] = []
        self.suppressed: list[str] = []
        self.hearsay = Hearsay(
            find=self._find,
            accuse=lambda invariant, what: self.accused.append(invariant),
            suppress=self.suppressed.append,
            proofs=Proofs(accuse=lambda invariant, what: self.accused.append(invariant)),
        )

    def _find(self, event: Event) -> tuple[Key, Receiver] | None:
        return ((ID, 0), self.receiver) if event.message_id == ID else None

    def event(self, kind: EventKind, provider: ProviderName = HERE, key: str = "1") -> Event:
        """An event about the recipient."""
        return Event(provider=provider, key=key, kind=kind, at=0, recipient="ann@example.com", message_id=ID)

    def learn(self, event: Event, answer: Learnt) -> None:
        """The database says what became of it."""
        self.hearsay.learnt([Digestion(seq=1, events=(event,))], [[answer]])


def test_a_word_that_counts_is_believed_once() -> None:
    """It proves a fate, marks the copy as taken, may suppress, and its repetition is known."""
    court = Court()
    bounce = court.event(EventKind.HARD_BOUNCED)
    court.hearsay.kept(HERE, [bounce])
    assert list(court.hearsay.owed) == [(HERE, "1")]
    court.learn(bounce, Learnt.APPLIED)
    court.learn(bounce, Learnt.REPEATED)
    court.hearsay.kept(HERE, [bounce])
    assert (court.accused, court.suppressed, court.mark.is_taken) == ([], ["Ann@example.com"], True)
    assert (court.hearsay.owed, court.hearsay.proven, court.hearsay.listed) == ({}, {(ID, 0): 2}, {"ann@example.com"})


def test_a_strangers_word_must_not_be_believed() -> None:
    """Nobody owes it a hearing; believed, it is a violation."""
    court = Court()
    forged = court.event(EventKind.COMPLAINED, THERE)
    court.hearsay.kept(THERE, [forged])
    court.learn(forged, Learnt.UNKNOWN)
    assert (court.accused, court.hearsay.owed, court.suppressed) == ([], {}, [])
    court.learn(forged, Learnt.APPLIED)
    assert court.accused == ["I11"]
    assert (court.suppressed, court.hearsay.proven) == ([], {})


def test_a_word_that_counts_must_not_be_passed_over_or_applied_twice() -> None:
    """Unknown although a copy was released there, known although never heard, applied once more."""
    court = Court()
    told = court.event(EventKind.DELIVERED)
    court.learn(told, Learnt.UNKNOWN)
    court.learn(told, Learnt.REPEATED)
    court.learn(told, Learnt.APPLIED)
    court.learn(told, Learnt.APPLIED)
    assert court.accused == ["I11"] * 3


def test_a_lie_about_mail_that_was_released_there_is_noted() -> None:
    """It is believed, as it must be; so the verdict does not ask for the mail itself."""
    court = Court()
    lie = court.event(EventKind.DELIVERED)
    court.hearsay.forged.add((HERE, "1"))
    court.learn(lie, Learnt.APPLIED)
    assert (court.accused, court.hearsay.lies) == ([], {(ID, 0)})
