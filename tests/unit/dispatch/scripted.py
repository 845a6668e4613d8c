"""Scripted ways out: fakes of providers that do what a script says and remember everything."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from posthorse.mail.ids import ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Fault, Handover, Outcome, Scope
from posthorse.providers.port import AttemptReport, Capability, Fidelity, HandoverGroup, ReleaseGate

EXACT = Capability(
    fidelity=Fidelity.EXACT, separate_envelope=True, max_recipients=100, max_size_bytes=1 << 20, smtputf8=True
)
Behaviour = Callable[[HandoverGroup, ReleaseGate], Awaitable[Mapping[int, Outcome]]]
DOWN = Fault(scope=Scope.PROVIDER)


def same(group: HandoverGroup, outcome: Outcome) -> dict[int, Outcome]:
    """The same outcome for every recipient."""
    return {n: outcome for n, _ in group.recipients}


def takes(after_s: float = 0.0) -> Behaviour:
    """Takes all mail, `after_s` seconds after the last bytes."""
    return answers(Handover(), after_s=after_s)


def answers(outcome: Outcome, *, after_s: float = 0.0) -> Behaviour:
    """Gives this outcome to all mail, `after_s` seconds after the last bytes."""

    async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        if not await gate([n for n, _ in group.recipients]):
            return {}
        if after_s:
            await asyncio.sleep(after_s)
        return same(group, outcome)

    return behave


def refuses(outcome: Outcome = DOWN, *, after_s: float = 0.0) -> Behaviour:
    """Says no before anything was released."""

    async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        await asyncio.sleep(after_s)
        return same(group, outcome)

    return behave


def splits(outcomes: Mapping[str, Outcome]) -> Behaviour:
    """Refuses the named recipients before the release and takes the others, as SMTP does."""

    async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        refused = {n: outcomes[address] for n, address in group.recipients if address in outcomes}
        wanted = [n for n, _ in group.recipients if n not in refused]
        if wanted and await gate(wanted):
            refused |= dict.fromkeys(wanted, Handover())
        return refused

    return behave


def _never() -> asyncio.Future[Mapping[int, Outcome]]:
    return asyncio.get_running_loop().create_future()


async def hangs(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
    """Never gets as far as the release."""
    return await _never()


async def swallows(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
    """Takes the last bytes and never answers."""
    await gate([n for n, _ in group.recipients])
    return await _never()


async def breaks(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
    """Has a bug."""
    raise ZeroDivisionError("a bug of the way out")


@dataclass
class Seen:
    """One attempt that a scripted provider saw."""

    at_s: float
    message: Message
    numbers: tuple[int, ...]
    released: bool = False
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)


class Scripted:
    """A provider that behaves as told: by `script` first, one entry an attempt, then by `always`."""

    kind = "scripted"

    def __init__(self, name: ProviderName, always: Behaviour | None = None, *, large: bool = False) -> None:
        self.name = name
        self.capability = replace(EXACT, max_size_bytes=40 << 20) if large else EXACT
        self.always = always or takes()
        self.script: list[Behaviour] = []
        self.seen: list[Seen] = []
        self.most_at_once = self.at_once = 0
        self.closed = False

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """As the port says."""
        seen = Seen(asyncio.get_running_loop().time(), group.message, tuple(n for n, _ in group.recipients))
        self.seen.append(seen)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)

        async def watched(numbers: Sequence[int]) -> bool:
            seen.released = await gate(numbers)
            return seen.released

        try:
            behave = self.script.pop(0) if self.script else self.always
            seen.outcomes = await behave(group, watched)
            return AttemptReport(outcomes=seen.outcomes)
        finally:
            self.at_once -= 1

    async def prepare(self, connections: int) -> None:
        """Nothing to prepare."""

    async def close(self) -> None:
        """As the port says."""
        self.closed = True
