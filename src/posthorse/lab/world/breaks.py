"""Breaks: each takes one real safeguard out of the gateway, so that a run can prove that its checks would notice.

A break changes one rule of the spool's clerk, of the standings, or the moment at which the database answers; everything
else stays as it is. A run with a break must find a violation; one that does not shows that the world looks away.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import cast

from posthorse.gateway import Gateway
from posthorse.mail.ids import ProviderName
from posthorse.mail.standing import Standing, StandingState
from posthorse.spool.book import Book
from posthorse.spool.clerk import Clerk
from posthorse.spool.learner import Learner
from posthorse.spool.learning import Given
from posthorse.spool.outbox_port import Progress, SpoolOutbox
from posthorse.spool.port import AdmitResult, NewMessage, Refusal, Settled, Settlement
from posthorse.spool.proof import Trail
from posthorse.spool.rules import Change, Row


class Break(Enum):
    """The safeguard that is taken out."""

    NONE = "none"
    COMMIT = "commit"
    """A receipt is given before the message is durable."""
    FENCING = "fencing"
    """Whoever once held a lease still counts as its holder."""
    RELEASE = "release"
    """The last bytes go before the release mark is durable."""
    BUDGET = "budget"
    """Copies are counted against no limit."""
    SUPPRESSION = "suppression"
    """The list is not looked at again when mail is released."""
    LAST_OPEN = "last-open"
    """The last open provider may be closed, too."""
    KNOWN_MESSAGE = "known-message"
    """Whatever a provider tells of is believed, whether it was ever given that mail or not."""
    UNTAKEN = "untaken"
    """What an endpoint did not take is not noted, so that it is not told again."""
    PROBE = "probe"
    """An ejected provider gets no probe before its pause is over, whoever else is open."""


EAGER: dict[Break, str] = {Break.COMMIT: "admit", Break.RELEASE: "release"}
"""Calls that a break answers before they are committed."""


class UnfencedClerk(Clerk):
    """Takes every caller for the holder of the present lease."""

    def refusal(self, row: Row, fence: int, now: int, *, suppressed: bool) -> Refusal | None:
        """As if the fence matched."""
        return super().refusal(row, row.fence, now, suppressed=suppressed)

    def settled(self, row: Row, settlement: Settlement, now: int) -> tuple[Change, Settled]:
        """As if the answer were to the present attempt."""
        return super().settled(row, replace(settlement, fence=row.fence), now)


class UnboundedClerk(Clerk):
    """Lets any number of copies out."""

    def admit(self, book: Book, batch: Sequence[NewMessage]) -> list[AdmitResult]:
        """As if every stream allowed a thousand copies."""
        return super().admit(book, [replace(new, copies_allowed=1_000) for new in batch])


class UnlistedClerk(Clerk):
    """Looks at the suppression list at accept and at lease only."""

    def refusal(self, row: Row, fence: int, now: int, *, suppressed: bool) -> Refusal | None:
        """As if no address were on a list."""
        return super().refusal(row, fence, now, suppressed=False)


class CredulousLearner(Learner):
    """Believes everybody about every message there is."""

    def given(self, provider: ProviderName, trails: Iterable[Trail]) -> Given | None:
        """As if every provider had been given every message."""
        return super().given(provider, trails) or Given(provider=provider)


class ForgetfulOutbox:
    """Notes nothing of what was not taken; everything else as it is."""

    def __init__(self, outbox: SpoolOutbox) -> None:
        self._outbox = outbox

    async def record(self, progress: Progress) -> None:
        """As if everything had been taken."""
        await self._outbox.record(replace(progress, noted=()))

    def __getattr__(self, name: str) -> object:
        return getattr(self._outbox, name)


def outbox_for(break_: Break, outbox: SpoolOutbox) -> SpoolOutbox:
    """The outbox of the simulated database."""
    return cast("SpoolOutbox", ForgetfulOutbox(outbox)) if break_ is Break.UNTAKEN else outbox


def learner_for(break_: Break) -> Learner:
    """The learner of the simulated database."""
    return CredulousLearner() if break_ is Break.KNOWN_MESSAGE else Learner()


def clerk_for(break_: Break) -> Clerk:
    """The clerk of the simulated database."""
    match break_:
        case Break.FENCING:
            return UnfencedClerk()
        case Break.BUDGET:
            return UnboundedClerk()
        case Break.SUPPRESSION:
            return UnlistedClerk()
        case _:
            return Clerk()


def alter(break_: Break, gateway: Gateway) -> None:
    """Take the safeguard out of a node, if it is one of the node's."""
    if break_ is Break.LAST_OPEN:
        setattr(gateway.watcher.standings, "_last_open", lambda name, now_s: False)  # noqa: B010 - a rule taken out
    if break_ is Break.PROBE:
        trickle = getattr(gateway.watcher.standings, "_trickle")  # noqa: B009 - as below
        setattr(gateway.watcher.standings, "_trickle", partial(_no_probe, trickle))  # noqa: B010 - a rule taken out


def _no_probe(trickle: Callable[..., Standing], *arguments: object) -> Standing:
    """The standing of one that looks bad, as if its pause had to be waited for."""
    standing = trickle(*arguments)
    return replace(standing, share=0.0) if standing.state is StandingState.EJECTED else standing
