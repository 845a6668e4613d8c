"""The referee: watches every commit and every arrival, and keeps books of its own to judge them by.

It shares no rule with the gateway: fences, leases, copies, withdrawals and suppressions are counted here once more
from what the database did, so that a rule taken out of the gateway is missed at the first wrong step. What can only be
judged once all is at rest is in `posthorse.lab.world.verdict`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from posthorse.lab.world.hearsay import Hearsay
from posthorse.lab.world.proofs import Proofs
from posthorse.lab.world.trace import Trace
from posthorse.mail.event import Event
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Handover, Unclear
from posthorse.mail.stream import RULES, Stream
from posthorse.spool.inbox_port import Digestion, Learning, Learnt
from posthorse.spool.port import (
    AdmitResult,
    Admitted,
    KeyConflict,
    LeasedGroup,
    LeasedRecipient,
    NewMessage,
    Released,
    ReleaseMark,
    ReleaseVerdict,
    Renewal,
    Renewed,
    Repeated,
    Settled,
    Settlement,
)

Key = tuple[MessageId, int]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold."""

    invariant: str
    """As in the design: `I4`."""
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


@dataclass(slots=True)
class Mark:
    """One release mark the database granted."""

    provider: ProviderName
    at: int
    is_refused: bool = False
    """A certain no came back: no copy is out by it."""
    is_taken: bool = False
    """A handover was answered."""


@dataclass(slots=True)
class Lease:
    """A lease that was granted and not seen to end."""

    node: str
    fence: int
    until: int


@dataclass(slots=True)
class Account:
    """What the referee knows of one recipient."""

    stream: Stream
    address: str
    accepted_at: int
    expires_at: int
    allowed: int
    fence: int = 0
    lease: Lease | None = None
    holders: set[str] = field(default_factory=set)
    """Nodes that ever leased it."""
    marks: dict[int, Mark] = field(default_factory=dict)
    withdrawn: str = ""
    """Superseded or cancelled, once the database committed that."""
    arrivals: list[str] = field(default_factory=list)
    """Providers at whose mailbox it arrived, in order."""

    @property
    def copies(self) -> int:
        """Copies that may be out."""
        return sum(not mark.is_refused for mark in self.marks.values())


class Referee:
    """Judges while the world runs (`Witness` of the database)."""

    def __init__(self, now: Callable[[], int], trace: Trace) -> None:
        """`now`: the database's clock, microseconds UTC."""
        self._now = now
        self._trace = trace
        self.accounts: dict[Key, Account] = {}
        self.numbers: dict[str, dict[str, int]] = {}
        """Recipient number by message id (hexadecimal) and address."""
        self._keyed: dict[str, list[MessageId]] = {}
        self._of_message: dict[MessageId, list[Key]] = {}
        self._named: dict[tuple[ProviderName, str], MessageId] = {}
        """Messages by the ids that providers gave with their handovers."""
        self.suppressed: set[str] = set()
        self.proofs = Proofs(accuse=self.accuse)
        self.hearsay = Hearsay(find=self.whom, accuse=self.accuse, suppress=self.suppressed.add, proofs=self.proofs)
        self.violations: list[Violation] = []
        self.alarm = asyncio.Event()
        """Set by the first violation."""

    def accuse(self, invariant: str, what: str) -> None:
        """Record a violation."""
        self.violations.append(Violation(invariant, what))
        self._trace.note(f"VIOLATION {invariant}: {what}")
        self.alarm.set()

    # --- the database's witness -------------------------------------------------------------------------------------

    def admitted(self, node: str, batch: Sequence[NewMessage], results: Sequence[AdmitResult]) -> None:
        """Messages were stored."""
        for new, result in zip(batch, results, strict=True):
            match result:
                case Admitted():
                    self._open_accounts(new)
                    self._trace.note(f"{node} admit {new.id.hex()} {new.stream.value}")
                    if result.lease is not None:
                        self.leased(node, [result.lease])
                case Repeated(id=known) | KeyConflict(id=known):
                    if known not in self._of_message:
                        self.accuse("I1", f"a repetition was given the receipt {known.hex()}, which is not stored")

    def leased(self, node: str, groups: Sequence[LeasedGroup]) -> None:
        """Recipients were claimed."""
        for group in groups:
            for recipient in group.recipients:
                self._lease(node, group, recipient)

    def renewed(self, node: str, batch: Sequence[Renewal], results: Sequence[Renewed]) -> None:
        """Leases were extended, or refused as no longer held."""
        for renewal, result in zip(batch, results, strict=True):
            for n, fence in renewal.recipients:
                if n not in result.stale:
                    self._renew(
                        node,
                        f"{renewal.message_id.hex()}/{n}",
                        fence,
                        result.until,
                        self.accounts[renewal.message_id, n],
                    )

    def released(self, node: str, batch: Sequence[ReleaseMark], verdicts: Sequence[ReleaseVerdict]) -> None:
        """Release marks were granted or refused."""
        for mark, verdict in zip(batch, verdicts, strict=True):
            for n, fence in mark.recipients:
                account = self.accounts[mark.message_id, n]
                if isinstance(verdict, Released):
                    self._release(node, mark, n, fence, account)
                elif n in verdict.reasons and account.lease is not None and account.lease.fence == fence:
                    account.lease = None
            granted = "granted" if isinstance(verdict, Released) else f"refused {dict(verdict.reasons)}"
            self._trace.note(f"{node} release {mark.message_id.hex()} {mark.recipients} at {mark.provider} {granted}")

    def settled(self, node: str, batch: Sequence[Settlement], results: Sequence[Settled]) -> None:
        """Ends of attempts were recorded."""
        for settlement, result in zip(batch, results, strict=True):
            account = self.accounts[settlement.message_id, settlement.n]
            if isinstance(settlement.outcome, Handover) and settlement.outcome.provider_message_id:
                self._named[settlement.provider, settlement.outcome.provider_message_id] = settlement.message_id
            self._settle(settlement, result, account)
            self._trace.note(
                f"{node} settle {settlement.message_id.hex()}/{settlement.n} fence {settlement.fence} "
                f"{type(settlement.outcome).__name__} {result.value} next {settlement.next_at}"
            )

    def learnt(self, node: str, batch: Sequence[Digestion], results: Sequence[Sequence[Learning]]) -> None:
        """Events were applied, or not."""
        for digestion, answers in zip(batch, results, strict=True):
            for event, answer in zip(digestion.events, answers, strict=True):
                answered = answer.value if isinstance(answer, Learnt) else "second_copy"
                about = event.message_id.hex() if event.message_id else event.provider_message_id
                self._trace.note(f"{node} learn {event.provider} {event.kind.value} {about} {answered}")
        self.hearsay.learnt(batch, results)

    def whom(self, event: Event) -> tuple[Key, Account] | None:
        """The recipient that an event is about; None: nobody whose mail is stored, or is known by that name."""
        named = self._named.get((event.provider, event.provider_message_id))
        for key in self._of_message.get(event.message_id or named or MessageId(b""), ()):
            if self.accounts[key].address.lower() == event.recipient.lower():
                return key, self.accounts[key]
        return None

    # --- the mailboxes ----------------------------------------------------------------------------------------------

    def arrived(self, provider: str, message: str, recipients: Sequence[str]) -> None:
        """A provider has the whole of a message, whatever it will answer."""
        numbers = self.numbers.get(message)
        if numbers is None:
            self.accuse("I1", f"{provider} was given a message nobody stored: {message}")
            return
        for address in recipients:
            account = self.accounts[MessageId(bytes.fromhex(message)), numbers[address]]
            account.arrivals.append(provider)
            marks = sum(mark.provider == provider for mark in account.marks.values())
            if account.arrivals.count(provider) > marks:
                self.accuse(
                    "I3", f"{provider} has {message}/{numbers[address]} more often than release marks allow ({marks})"
                )
            if len(account.arrivals) > account.allowed:
                invariant = "I6" if account.stream in (Stream.ONCE, Stream.BULK) else "I3"
                self.accuse(
                    invariant, f"{message}/{numbers[address]} ({account.stream.value}) arrived {account.arrivals}"
                )

    # --- what is asked of it ----------------------------------------------------------------------------------------

    def holds_lease(self, node: str) -> bool:
        """Whether this node has mail in hand."""
        now = self._now()
        leases = (account.lease for account in self.accounts.values())
        return any(lease is not None and lease.node == node and lease.until > now for lease in leases)

    def is_overtaken(self, node: str) -> bool:
        """Whether another node has mail in hand that this one once had."""
        return any(
            account.lease is not None and account.lease.node != node and node in account.holders
            for account in self.accounts.values()
        )

    # --- what people do ---------------------------------------------------------------------------------------------

    def withdrew(self, message: MessageId, how: str) -> None:
        """The database committed that nothing more of this message may be released."""
        for key in self._of_message.get(message, ()):
            self.accounts[key].withdrawn = how

    # --- details ----------------------------------------------------------------------------------------------------

    def _open_accounts(self, new: NewMessage) -> None:
        keys = [(new.id, n) for n in range(len(new.recipients))]
        self._of_message[new.id] = keys
        self.numbers[new.id.hex()] = {address: n for n, address in enumerate(new.recipients)}
        for n, address in enumerate(new.recipients):
            self.accounts[new.id, n] = Account(
                stream=new.stream,
                address=address,
                accepted_at=self._now(),
                expires_at=self._now() + new.deadline_us,
                allowed=RULES[new.stream].copies_allowed,
            )
        if new.supersede_key:
            for older in self._keyed.get(new.supersede_key, ()):
                self.withdrew(older, "superseded")
            self._keyed.setdefault(new.supersede_key, []).append(new.id)

    def _lease(self, node: str, group: LeasedGroup, recipient: LeasedRecipient) -> None:
        name = f"{group.message.id.hex()}/{recipient.n}"
        account = self.accounts[group.message.id, recipient.n]
        held = account.lease
        if recipient.fence <= account.fence:
            self.accuse("I4", f"{name}: fence {recipient.fence} after {account.fence}")
        if held is not None and held.until > self._now():
            self.accuse("I4", f"{name}: leased to {node} while {held.node} holds a live lease")
        account.fence = recipient.fence
        account.holders.add(node)
        account.lease = Lease(node, recipient.fence, group.lease_until)
        self._trace.note(f"{node} lease {name} fence {recipient.fence} from {recipient.leased_from.value}")

    def _renew(self, node: str, name: str, fence: int, until: int, account: Account) -> None:
        lease = account.lease
        if lease is None or lease.fence != fence or lease.node != node:
            self.accuse("I4", f"{name}: {node} renewed with fence {fence}, but the lease is {lease}")
        account.lease = Lease(node, fence, until)

    def _release(self, node: str, mark: ReleaseMark, n: int, fence: int, account: Account) -> None:
        name, now, lease = f"{mark.message_id.hex()}/{n}", self._now(), account.lease
        if lease is None or lease.fence != fence or lease.node != node or fence in account.marks:
            self.accuse("I4", f"{name}: {node} released with fence {fence}, but the lease is {lease}")
        if account.address in self.suppressed:
            self.accuse("I7", f"{name}: released to a suppressed address")
        if account.withdrawn:
            self.accuse("I3", f"{name}: released although {account.withdrawn}")
        if account.expires_at <= now:
            self.accuse("I3", f"{name}: released after its deadline")
        if any(one.is_taken for one in account.marks.values()):
            self.accuse("I3", f"{name}: released after a handover")
        if account.copies >= account.allowed:
            invariant = "I6" if account.stream in (Stream.ONCE, Stream.BULK) else "I3"
            self.accuse(invariant, f"{name} ({account.stream.value}): a copy too many, {account.copies + 1} out")
        account.marks[fence] = Mark(provider=mark.provider, at=now)
        if lease is not None:
            lease.until = now + mark.answer_by_us

    def _settle(self, settlement: Settlement, result: Settled, account: Account) -> None:
        name, lease = f"{settlement.message_id.hex()}/{settlement.n}", account.lease
        if result in (Settled.APPLIED, Settled.SECOND_COPY):
            if lease is None or lease.fence != settlement.fence:
                self.accuse("I4", f"{name}: the answer to fence {settlement.fence} moved it, but the lease is {lease}")
            account.lease = None
        if isinstance(settlement.outcome, Handover):
            is_second = result in (Settled.DUPLICATE, Settled.SECOND_COPY)
            key = (settlement.message_id, settlement.n)
            self.proofs.answered(key, settlement.provider, settlement.fence, is_second=is_second)
        mark = account.marks.get(settlement.fence)
        if mark is None or result in (Settled.RECORDED, Settled.AFTER_EVENT):
            return
        match settlement.outcome:
            case Handover():
                mark.is_taken = True
                if lease is not None and result is Settled.LATE_APPLIED and lease.fence not in account.marks:
                    account.lease = None
            case Unclear() | None:
                pass
            case _:
                mark.is_refused = True
