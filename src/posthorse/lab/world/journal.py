"""The journal of a simulated node: everything it tells goes to the trace, and a bug is a violation."""

from collections.abc import Callable

from posthorse.lab.world.referee import Referee
from posthorse.lab.world.trace import Trace
from posthorse.mail.event import Event
from posthorse.mail.ids import AttemptId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Outcome, kind_of
from posthorse.mail.standing import StandingState
from posthorse.spool.inbox_port import SecondCopy
from posthorse.spool.port import Settled


class WorldJournal:
    """Implements the gateway's journal."""

    def __init__(self, node: str, trace: Trace, referee: Referee, states: Callable[[], list[StandingState]]) -> None:
        """`states`: the present standing of every provider at this node."""
        self._node = node
        self._trace = trace
        self._referee = referee
        self._states = states

    def settled(
        self,
        message: Message,
        n: int,
        provider: ProviderName,
        attempt: AttemptId,
        outcome: Outcome,
        result: Settled,
    ) -> None:
        """The database's witness saw it already."""

    def attempted(self, provider: ProviderName, outcome: Outcome, duration_s: float) -> None:
        """An attempt of a group ended."""
        self._trace.note(f"{self._node} attempt at {provider} {kind_of(outcome)} {outcome.reply} {duration_s:.3f} s")

    def parked(self, message: Message, provider: ProviderName, attempt: AttemptId) -> None:
        """No answer in time."""
        self._trace.note(f"{self._node} parked {message.id.hex()} at {provider}")

    def learnt(self, event: Event, *, second_copy: SecondCopy | None) -> None:
        """The database's witness saw it already."""

    def event_unknown(self, event: Event) -> None:
        """An hour long nobody knew what it is about."""
        self._trace.note(f"{self._node} gives up a word of {event.provider}")

    def notification_unreadable(self, provider: ProviderName, where: str) -> None:
        """The providers of a world tell nothing that makes no sense."""
        self._referee.accuse("bug", f"{self._node}: a notification of {provider} could not be read: {where}")

    def webhook_answered(self, endpoint: str, result: str) -> None:
        """An event was taken, not taken, or given up."""
        if result != "taken":
            self._trace.note(f"{self._node} {endpoint} {result}")

    def webhook_rests(self, endpoint: str, why: str) -> None:
        """An endpoint is left alone for a while."""
        self._trace.note(f"{self._node} {endpoint} rests: {why}")

    def webhook_recovered(self, endpoint: str) -> None:
        """It takes events again."""
        self._trace.note(f"{self._node} {endpoint} recovered")

    def webhook_crowded(self, endpoint: str, given_up: int) -> None:
        """No world has so many events."""
        self._referee.accuse("bug", f"{self._node}: {given_up} events for {endpoint} are given up early")

    def webhook_disabled(self, endpoint: str, why: str) -> None:
        """Nothing is sent there until a person enables it."""
        self._trace.note(f"{self._node} {endpoint} disabled: {why}")

    def bug(self, where: str, error: BaseException) -> None:
        """An exception that should not be."""
        self._referee.accuse("bug", f"{self._node}, {where}: {error!r}")

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """The database was in trouble."""
        self._trace.note(f"{self._node} spool trouble in {where}: {error}")

    def not_surveyed(self, provider: ProviderName, why: str) -> None:
        """Not looked at."""

    def order_ignored(self, why: str) -> None:
        """A standing order cannot be followed."""
        self._trace.note(f"{self._node} order ignored: {why}")

    def standing_changed(self, name: ProviderName, state: StandingState, why: str) -> None:
        """A provider tripped or recovered: at least one must stay open (I10)."""
        self._trace.note(f"{self._node} standing {name} {state.value}: {why}")
        if not set(self._states()) - {StandingState.EJECTED, StandingState.ON_TRIAL}:
            self._referee.accuse("I10", f"{self._node} closed the last open provider, {name}: {why}")
