"""What the tests of operators' commands share: a spool with mail in it, a scripted node, a desk."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posthorse.control.desk import Desk
from posthorse.control.keys import Locksmith
from posthorse.control.node import Confirming, NotDone, ProviderState
from posthorse.mail.ids import AttemptId, MessageId, NodeId, ProviderName, Tenant
from posthorse.mail.outcome import Handover, Outcome, Reply, Unclear
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import RULES, SECOND, Stream
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import LeasedGroup, LeaseRequest, NewMessage, ReleaseMark, Settlement

RELAY, OTHER = ProviderName("relay"), ProviderName("other")
START = 1_700_000_000 * SECOND


class StillClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / SECOND


@dataclass
class ScriptedNode:
    """A node that remembers what it was told."""

    provider_names: Sequence[ProviderName] = (RELAY, OTHER)
    running: bool = True
    told: list[str] = field(default_factory=list)
    problems: str = ""

    def provider_states(self) -> Mapping[ProviderName, ProviderState]:
        state = ProviderState(
            standing=StandingState.GOOD,
            why="",
            slots=10,
            in_use=3,
            attempts_last_minute=60,
            failures_last_minute=1,
            typical_s=0.25,
        )
        return {RELAY: state}

    async def orders_changed(self) -> None:
        self.told.append("orders")

    def restored(self, name: ProviderName) -> None:
        self.told.append(f"restored {name}")

    async def keys_changed(self) -> None:
        self.told.append("keys")

    async def reload(self) -> tuple[Sequence[str], Sequence[str]]:
        if self.problems:
            raise NotDone(self.problems)
        return ["routes"], ["listen"]

    async def backup(self, path: Path) -> int:
        return len(path.name)


class Scene:
    """A desk on a memory spool."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.spool = MemorySpool(clock=self.clock)
        self.node = ScriptedNode()
        self.confirming = Confirming()
        self.carried_out: list[tuple[str, str, str]] = []
        self.desk = Desk(
            spool=self.spool,
            node=self.node,
            clock=self.clock,
            locksmith=Locksmith(
                random_bytes=lambda count: bytes(range(count)),
                seal=lambda secret, owner: b"sealed:" + owner,
                smtp_password=lambda secret, region: f"password for {region}",
            ),
            carried_out=lambda *what: self.carried_out.append(what),
            confirming=lambda: self.confirming,
        )
        self._numbers = itertools.count(1)

    async def accept(
        self,
        *recipients: str,
        stream: Stream = Stream.STANDARD,
        sender: str = "shop@a.example",
        supersede_key: str = "",
    ) -> str:
        """Store one message; answers its id."""
        message_id = MessageId(next(self._numbers).to_bytes(16, "big"))
        await self.spool.admit(
            [
                NewMessage(
                    id=message_id,
                    tenant=Tenant("main"),
                    stream=stream,
                    sender=sender,
                    recipients=recipients or ("jane@b.example",),
                    body=b"Subject: \xe9\r\n\r\nhello\r\n",
                    deadline_us=3_600 * SECOND,
                    copies_allowed=RULES[stream].copies_allowed,
                    attributes={"credential": "AKIA"},
                    supersede_key=supersede_key,
                )
            ]
        )
        return message_id.hex()

    async def attempt(self, stream: Stream, outcome: Outcome, reason: str = "first choice") -> None:
        """One attempt of what is due of a stream, released and answered."""
        for group in await self.spool.lease(LeaseRequest(node=NodeId("n"), stream=stream, limit=10)):
            await self._attempt(group, outcome, reason)

    async def doubt(self, stream: Stream) -> None:
        """What is due of a stream is released and never answered."""
        await self.attempt(stream, Unclear(reply=Reply(text="connection lost after the dot")))

    async def hand_over(self, stream: Stream) -> None:
        """What is due of a stream is taken by the provider."""
        await self.attempt(stream, Handover(reply=Reply(code=250, enhanced="2.0.0", text="queued")))

    async def _attempt(self, group: LeasedGroup, outcome: Outcome, reason: str) -> None:
        attempt = AttemptId(b"a" * 16)
        marked = tuple((recipient.n, recipient.fence) for recipient in group.recipients)
        mark = ReleaseMark(
            message_id=group.message.id, attempt=attempt, provider=RELAY, recipients=marked, answer_by_us=30 * SECOND
        )
        await self.spool.release([mark])
        await self.spool.settle(
            [
                Settlement(
                    message_id=group.message.id,
                    n=n,
                    fence=fence,
                    outcome=outcome,
                    tried=(RELAY,),
                    provider=RELAY,
                    attempt=attempt,
                    released=True,
                    reason=reason,
                )
                for n, fence in marked
            ]
        )
