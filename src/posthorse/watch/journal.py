"""Journal: measures and log together, as the stages speak to them.

Promise: cheap, and never raises into the path of mail. The daemon hands it to accept, dispatch and the gateway.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from posthorse.mail.event import Event
from posthorse.mail.ids import AttemptId, MessageId, ProviderName
from posthorse.mail.message import Caller, Front, Message
from posthorse.mail.outcome import Outcome, kind_of
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import QueueCounts
from posthorse.spool.inbox_port import SecondCopy
from posthorse.spool.port import NewMessage, Settled
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures, Readings, one_of

_LATE = frozenset({Settled.LATE_APPLIED, Settled.DUPLICATE, Settled.RECORDED})
_SECOND = frozenset({Settled.DUPLICATE, Settled.SECOND_COPY})


class Receipt(Protocol):
    """What accept says of a message it took."""

    @property
    def id(self) -> MessageId:
        """The id the client got."""
        ...

    @property
    def stream(self) -> Stream:
        """What kind of mail it is."""
        ...

    @property
    def repeated(self) -> bool:
        """It was taken before under the same idempotency key."""
        ...


class Refusal(Protocol):
    """What accept says of an offer it did not take."""

    @property
    def kind(self) -> Enum:
        """Why not; a closed set."""
        ...

    @property
    def code(self) -> int:
        """As a reply of SMTP: 4xx, try later; 5xx, not like this."""
        ...


class Journal:
    """One per process."""

    def __init__(self, measures: Measures, log: MailLog) -> None:
        self.measures = measures
        self.log = log
        log.on_lost(measures.log_lost)

    def accepted(self, new: NewMessage, accepted: Receipt, because: str) -> None:
        """A receipt is being given; `because`: what decided the stream."""
        front, credential = new.attributes.get("front", Front.SMTP.value), new.attributes.get("credential", "")
        if accepted.repeated:
            self.measures.repeated(front)
            self.log.repeated(accepted.id, front, credential)
        else:
            self.measures.accepted(new.stream, front)
            self.log.accepted(new, front, credential, because)

    def refused(self, refused: Refusal, caller: Caller | None) -> None:
        """Responsibility was not taken; without a caller nobody had logged in."""
        reason = str(refused.kind.value)
        self.measures.refused(reason)
        self.log.refused(reason, refused.code, caller.credential if caller else "", caller.peer if caller else "")

    def settled(
        self,
        message: Message,
        n: int,
        provider: ProviderName,
        attempt: AttemptId,
        outcome: Outcome,
        result: Settled,
    ) -> None:
        """The end of an attempt is durable for one recipient."""
        self.measures.settled(provider, kind_of(outcome))
        if result in _LATE:
            self.measures.late_answer(provider, result.value)
        if result in _SECOND:
            self._second_copy(message, n, provider)
        self.log.ended(message, n, provider, attempt, outcome, result.value)

    def attempted(self, provider: ProviderName, outcome: Outcome, duration_s: float) -> None:
        """An attempt of a group ended; the outcome that tells most of it."""
        self.measures.attempted(provider, kind_of(outcome), duration_s)

    def parked(self, message: Message, provider: ProviderName, attempt: AttemptId) -> None:
        """No answer in time: in doubt, still listening."""
        self.measures.parked(provider)
        self.log.parked(message, provider, attempt)

    def notification_taken(self, provider: ProviderName, duration_s: float, *, repeated: bool) -> None:
        """A notification is durable, so long after it was read whole."""
        self.measures.notified(provider, "repeated" if repeated else "taken")
        self.measures.notification_kept(provider, duration_s)

    def notification_attended(self, provider: ProviderName, what: str) -> None:
        """A handshake was dealt with."""
        self.measures.notified(provider, "attended")
        self.log.notification_attended(provider, what)

    def notification_refused(self, provider: ProviderName, why: str, peer: str) -> None:
        """A request to a hook was not taken; `why` from a closed set."""
        self.measures.notified(provider, why)
        self.log.notification_refused(provider, why, peer)

    def notification_unreadable(self, provider: ProviderName, where: str) -> None:
        """A genuine notification makes no sense, or a part of it."""
        self.measures.notification_unreadable(provider)
        self.log.notification_unreadable(provider, where)

    def learnt(self, event: Event, *, second_copy: SecondCopy | None) -> None:
        """An event was applied; `second_copy`: what it proves to be out twice."""
        self.measures.learnt(event.provider, event.kind.value)
        self.log.learnt(event)
        if second_copy is not None:
            self._second_copy(second_copy.message, second_copy.n, event.provider)

    def _second_copy(self, message: Message, n: int, provider: ProviderName) -> None:
        """Proven by an answer or an event: one metric and one line for both."""
        self.measures.duplicate(message.stream)
        self.log.duplicate(message, n, provider)

    def event_unknown(self, event: Event) -> None:
        """An event is about mail that its provider was not given, as far as was known for an hour."""
        self.measures.event_unknown(event.provider)
        self.log.event_unknown(event)

    def webhook_answered(self, endpoint: str, result: str) -> None:
        """A customer's endpoint was told of an event: `taken`, `not_taken` or `given_up`."""
        self.measures.webhook_answered(endpoint, result)

    def webhook_rests(self, endpoint: str, why: str) -> None:
        """An endpoint is left alone for a while."""
        self.log.webhook_rests(endpoint, why)

    def webhook_recovered(self, endpoint: str) -> None:
        """It takes events again."""
        self.log.webhook_recovered(endpoint)

    def webhook_crowded(self, endpoint: str, given_up: int) -> None:
        """It refused so many events, while it took others, that the ones tried most were given up early."""
        for _ in range(given_up):
            self.measures.webhook_answered(endpoint, "given_up")
        self.log.webhook_crowded(endpoint, given_up)

    def webhook_disabled(self, endpoint: str, why: str) -> None:
        """Nothing is sent there until a person enables it."""
        self.log.webhook_disabled(endpoint, why)

    def standing_changed(self, name: ProviderName, state: StandingState, why: str) -> None:
        """A provider tripped or recovered."""
        self.log.standing_changed(name, state, why)

    def not_surveyed(self, provider: ProviderName, why: str) -> None:
        """A provider could not look into a message now; it is asked again later."""
        self.log.not_surveyed(provider, why)

    def worker_failed(self, how: str, why: str) -> None:
        """A process that takes messages apart failed; `how` from a closed set."""
        self.measures.worker_failed(how)
        self.log.worker_failed(how, why)

    def order_ignored(self, why: str) -> None:
        """A person's standing order cannot be followed, and why."""
        self.log.order_ignored(why)

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """The spool could not promise durability; the work is kept and tried again."""
        self.measures.spool_trouble(where)
        self.log.spool_trouble(where, error)

    def bug(self, where: str, error: BaseException) -> None:
        """An exception that should not be: loud and counted."""
        self.measures.bug(where)
        self.log.bug(where, error)


def recipients_readings(counts: QueueCounts) -> Readings:
    """The gauge `recipients` from the spool's counts."""
    return {(stream.value, carriage.value): count for (stream, carriage), count in counts.by_carriage.items()}


def oldest_readings(counts: QueueCounts, now: int) -> Readings:
    """The gauge `oldest_waiting_seconds` at `now`, microseconds UTC."""
    return {(stream.value,): max(0, now - since) / 1e6 for stream, since in counts.oldest_waiting.items()}


def standing_readings(states: Mapping[ProviderName, StandingState]) -> Readings:
    """The gauge `standing` from the present state of every provider."""
    names = [state.value for state in StandingState]
    return {key: value for name, now in states.items() for key, value in one_of(now.value, names, name).items()}
