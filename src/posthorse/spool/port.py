"""The spool port: what every adapter (memory, SQLite, later PostgreSQL) promises, in batches, one transaction each.

Promise: when a call returns, what it did is durable; when it raises `SpoolUnavailable`, the caller must assume neither
that it happened nor that it did not. The spool's own clock judges leases, deadlines and schedules. No session state:
any node may make any call. What one recipient's row may do is written once, in `posthorse.spool.rules`.

Left out: choosing providers, judging outcomes (dispatch), deciding what to accept (accept).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import AttemptId, MessageId, NodeId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.outcome import Outcome
from posthorse.mail.stream import Stream


class SpoolUnavailable(Exception):
    """The spool cannot promise durability now (disk full, I/O error, failed fsync, no database): try again later."""

    def __init__(self, message: str = "the spool is unavailable", *, disk_full: bool = False) -> None:
        super().__init__(message)
        self.disk_full = disk_full
        """There is no room: whoever asks later may succeed without anybody's help (452 rather than 451)."""


class SpoolMisuse(Exception):
    """The call itself is wrong (a message id stored twice, a mark without recipients): nothing of it was done, and the
    calls that shared its transaction are untouched. Always a bug of the caller.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """What admission asks the spool to store. The spool stamps `accepted_at` and computes `expires_at`."""

    id: MessageId
    tenant: Tenant
    stream: Stream
    sender: str
    recipients: tuple[str, ...]
    """At least one; no address twice (admission removes repetitions)."""
    body: bytes
    """The exact bytes to hand over (control headers removed, ours added)."""
    deadline_us: int
    """Trying stops this long after acceptance."""
    copies_allowed: int
    not_before: int = 0
    """Microseconds UTC; 0: at once."""
    smtputf8: bool = False
    eight_bit: bool = False
    supersede_key: str = ""
    idempotency_key: str = ""
    fingerprint: bytes = b""
    """Digest of what the client sent, to tell a repetition from another message under the same idempotency key."""
    shared_key: str = ""
    """Idempotency key of the request that brought several messages, each under a key of its own: they hold it together.
    Whoever else holds it is in conflict with all of them, and they with whoever comes later.
    """
    attributes: Mapping[str, str] = field(default_factory=dict)
    lease_for: NodeId | None = None
    """Admit already leased to this node, when it has a free slot: saves the lease transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedRecipient:
    """One recipient in a courier's hand, as it was when leased."""

    n: int
    """Number within the message, from 0; key of the row together with the message id."""
    address: str
    fence: int
    """Fencing number of this lease; every later call about it must carry it."""
    leased_from: Carriage
    attempts: int
    """Attempts before this lease."""
    tried: tuple[ProviderName, ...]
    """Providers tried in the current round, holders of copies first; a new round starts when no candidate is left."""
    copies_released: int
    copies_allowed: int
    due_at: int = 0
    """Since when it could be leased, microseconds UTC; 0: it came leased as it was admitted."""

    @property
    def holders(self) -> tuple[ProviderName, ...]:
        """Providers where a copy may be: as many of `tried` as copies are out."""
        return self.tried[: self.copies_released]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedGroup:
    """Recipients of one message leased together, with the same history so far (`leased_from`, `tried`)."""

    message: Message
    body: bytes
    recipients: tuple[LeasedRecipient, ...]
    lease_until: int
    others: int = 0
    """Other recipients of the message whose duty had not ended when this was leased: held, not yet due, in another hand
    or group, in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Stored. `lease`: the group leased to `lease_for`; None: nothing could be (suppressed, held, not yet due)."""

    id: MessageId
    lease: LeasedGroup | None = None
    suppressed: int = 0
    """How many recipients ended as suppressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The same idempotency key and fingerprint was admitted before: this is its receipt; nothing was stored."""

    id: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConflict:
    """The idempotency key was used for another message; nothing was stored."""

    id: MessageId
    """Receipt of the message that holds the key."""


AdmitResult = Admitted | Repeated | KeyConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """Ask for due work of one stream."""

    node: NodeId
    stream: Stream
    limit: int
    """Messages are added until there are this many recipients. None is cut: whoever else of it is due comes along, so
    the last one may go beyond."""
    newest_first: bool = False
    """Order by acceptance, newest first, instead of by due time."""
    max_bytes: int = 32 << 20
    """Stop adding messages when their bodies together exceed this (at least one is always given)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseMark:
    """The compare-and-set before the last bytes: all recipients of the attempt or none."""

    message_id: MessageId
    attempt: AttemptId
    provider: ProviderName
    recipients: tuple[tuple[int, int], ...]
    """(n, fence) of each."""
    answer_by_us: int
    """The lease is extended to this many microseconds from now; then, without a settlement, the row is in doubt."""


class Refusal(Enum):
    """Why a release is refused for a recipient."""

    STALE = "stale"
    """Fence does not match, or it is no longer leased: somebody else moved it."""
    BUDGET = "budget"
    """The duplicate budget is spent."""
    SUPPRESSED = "suppressed"
    WITHDRAWN = "withdrawn"
    """Cancelled or superseded."""
    EXPIRED = "expired"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The mark is durable: the last bytes may go."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRefused:
    """Nothing may be sent. The refused rows have been moved on; the others are still leased."""

    reasons: Mapping[int, Refusal]
    """By recipient number; recipients not named are still leased to the caller."""


ReleaseVerdict = Released | ReleaseRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """An attempt that has not come to its release goes on: its leases shall last as long again, from now."""

    message_id: MessageId
    recipients: tuple[tuple[int, int], ...]
    """(n, fence) of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """The leases that were still the caller's are extended; nothing else about them changed."""

    until: int
    stale: tuple[int, ...] = ()
    """Numbers of recipients that are no longer leased under that fence; they were left as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How an attempt ended for one recipient, or that its lease is given back."""

    message_id: MessageId
    n: int
    fence: int
    outcome: Outcome | None
    """None: the lease is given back unused (no candidate now)."""
    final: bool = False
    """A rejection that no other candidate would answer otherwise: duty ends as rejected."""
    next_at: int | None = None
    """When it may be leased again, if it comes to rest queued or in doubt with budget; None: not by itself."""
    tried: tuple[ProviderName, ...] = ()
    """Providers tried in the current round, after this attempt."""
    provider: ProviderName = ProviderName("")
    attempt: AttemptId = AttemptId(b"")
    released: bool = False
    """The caller holds a release mark for this fence."""
    started_at: int = 0
    reason: str = ""
    """The plan's reason, kept in history for `explain`."""


class Settled(Enum):
    """What became of a settlement."""

    APPLIED = "applied"
    LATE_APPLIED = "late_applied"
    """It answered an older attempt and settled what was in doubt, or gave a copy back."""
    DUPLICATE = "duplicate"
    """A late handover that proves a second copy."""
    SECOND_COPY = "second_copy"
    """A handover that was waited for, and moved the row; it proves a second copy."""
    AFTER_EVENT = "after_event"
    """It was waited for, but an event had settled the attempt before: written to history only."""
    RECORDED = "recorded"
    """Too late to matter, or a repetition: written to history only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What one housekeeping pass moved."""

    lapsed_unreleased: int = 0
    lapsed_in_doubt: int = 0
    expired: int = 0
    more: bool = False
    """The limit was reached; sweep again soon."""
    at: int = 0
    """The spool's clock at this pass, microseconds UTC: from it a node learns how far its own is off. 0: not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One appended fact. A state can be recomputed from the rows of its recipient."""

    seq: int
    at: int
    tenant: Tenant
    message_id: MessageId
    n: int
    """-1: about the message."""
    kind: str
    """`accepted`, `moved`, `renewed`, `late_answer`, `after_event`, `duplicate`, `decided`, `event`, `fate` or `tried`.
    """
    old: Carriage | None
    new: Carriage | None
    cause: Cause | None
    fence: int = 0
    provider: ProviderName = ProviderName("")
    attempt: AttemptId = AttemptId(b"")
    detail: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Outcome kind, scope, code, text; reason of the plan; who decided; what was told, fate before and after."""


class Spool(Protocol):
    """The hot calls: each batch is one transaction; concurrent calls may share one (group commit).

    An embedded spool (one owning process, SQLite) lapses unreleased leases of its dead predecessor when it opens;
    released ones stay until their lease runs out, since their answer may still be learnt from the other side.
    """

    async def admit(self, batch: Sequence[NewMessage]) -> Sequence[AdmitResult]:
        """Store messages; a receipt may be given once this returns."""
        ...

    async def lease(self, request: LeaseRequest) -> Sequence[LeasedGroup]:
        """Claim due recipients (queued, or in doubt with budget), highest claim first; of a message all who are due."""
        ...

    async def renew(self, batch: Sequence[Renewal]) -> Sequence[Renewed]:
        """Extend leases that have no release mark yet, each recipient for itself; who lost its lease gets none back."""
        ...

    async def release(self, batch: Sequence[ReleaseMark]) -> Sequence[ReleaseVerdict]:
        """Commit release marks; each mark is all or nothing, independent of the others in the batch."""
        ...

    async def settle(self, batch: Sequence[Settlement]) -> Sequence[Settled]:
        """Record ends of attempts; fencing decides which still move the row."""
        ...

    async def sweep(self, limit: int) -> SweepReport:
        """Lapse leases that ran out and expire what is late, at most `limit` rows of each."""
        ...

    async def events_since(self, seq: int, limit: int) -> Sequence[HistoryRow]:
        """History after `seq`, oldest first."""
        ...

    async def next_due(self) -> int | None:
        """When the earliest waiting recipient may be leased, microseconds UTC; None: nothing waits."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the storage."""
        ...
