"""What dispatch needs of other rooms; the daemon hands it in."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from posthorse.mail.ids import AttemptId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Outcome
from posthorse.mail.standing import Standing
from posthorse.spool.port import Settled


class Watch(Protocol):
    """The judgement of providers, and what feeds it."""

    def standing(
        self, name: ProviderName, peers: Sequence[ProviderName], sender_domain: str, *, urgent: bool
    ) -> Standing:
        """The standing of `name` for such a message now, among the candidates `peers`."""
        ...

    def score(self, name: ProviderName) -> float:
        """What it achieved of late, above 0."""
        ...

    def began(self, name: ProviderName) -> float:
        """An attempt starts; answers when, as `ended` asks for it."""
        ...

    def ended(
        self, name: ProviderName, sender_domain: str, outcome: Outcome, duration_s: float | None, *, began_s: float
    ) -> None:
        """The attempt that `began` then ended; `duration_s` from release to answer, None without one."""
        ...

    def stalled(self, name: ProviderName, waiting_ages_s: Iterable[float]) -> bool:
        """Whether these attempts, released and unanswered, just tripped the provider."""
        ...


class Journal(Protocol):
    """Measures and log of what dispatch does; must be cheap and must not raise."""

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
        ...

    def attempted(self, provider: ProviderName, outcome: Outcome, duration_s: float) -> None:
        """An attempt of a group ended; the outcome that tells most of it."""
        ...

    def parked(self, message: Message, provider: ProviderName, attempt: AttemptId) -> None:
        """No answer in time: in doubt, still listening."""
        ...

    def not_surveyed(self, provider: ProviderName, why: str) -> None:
        """A provider could not look into a message now; it is asked again later."""
        ...

    def order_ignored(self, why: str) -> None:
        """A person's standing order cannot be followed, and why; told once."""
        ...

    def bug(self, where: str, error: BaseException) -> None:
        """An exception that should not be: loud and counted."""
        ...

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """The spool could not promise durability; the work is kept and tried again."""
        ...
