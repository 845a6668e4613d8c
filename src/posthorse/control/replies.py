"""What commands answer: one struct per reply, printed as a table or, with `--json`, as it is.

Names and units are public: programs read them. Times are RFC 3339 in UTC; ids hexadecimal.
"""

import msgspec


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Anything a command answers."""


class Done(Reply, frozen=True, kw_only=True):
    """It is so now."""

    message: str


class Moved(Reply, frozen=True, kw_only=True, omit_defaults=True):
    """How many recipients a decision moved."""

    recipients: int
    standing: list[str] = []
    """Where it moved nothing of one message: how its recipients stand, in words, the first few of them."""


class Recipient(Reply, frozen=True, kw_only=True):
    """One recipient of one message."""

    id: str
    n: int
    stream: str
    state: str
    fate: str
    sender: str
    address: str
    size_bytes: int
    accepted_at: str
    expires_at: str
    next_at: str | None
    """When it may be tried again; null: not waiting for a time."""
    attempts: int
    copies_released: int
    copies_allowed: int
    provider: str
    """Where its latest attempt went; empty: none yet."""
    hold: int | None
    withdrawn: str
    """`cancelled`, `superseded` or empty."""
    ended_at: str | None
    """When our duty ended; null: it has not."""
    not_confirmed: bool
    """Handed over, and its provider, which tells what becomes of mail, has not told in time."""


class Recipients(Reply, frozen=True, kw_only=True):
    """Some recipients."""

    recipients: list[Recipient]
    more: bool
    """There are more than were asked for."""


class MessageShown(Reply, frozen=True, kw_only=True):
    """One message."""

    id: str
    tenant: str
    attributes: dict[str, str]
    recipients: list[Recipient]
    body: str | None = None
    """The stored bytes as Latin-1 text, which keeps each of them; null: not asked for, or dropped by retention."""


class Step(Reply, frozen=True, kw_only=True):
    """One thing that happened."""

    at: str
    n: int | None
    """Number of the recipient; null: the whole message."""
    words: str
    notification: int | None = None
    """Number of the notification that told of it; null: none did, or it is not kept."""


class Explained(Reply, frozen=True, kw_only=True):
    """The history of one message, and how it stands."""

    id: str
    stream: str
    recipients: list[Recipient]
    steps: list[Step]
    now: list[str]
    """One sentence per recipient: how it stands and what happens next."""


class HoldSet(Reply, frozen=True, kw_only=True):
    """A hold in force."""

    id: int
    which: str
    """In words."""
    reason: str
    by: str
    created_at: str


class Holds(Reply, frozen=True, kw_only=True):
    """All holds in force."""

    holds: list[HoldSet]


class Order(Reply, frozen=True, kw_only=True):
    """A standing order of a person."""

    key: str
    value: str
    by: str
    at: str
    until: str | None


class Waiting(Reply, frozen=True, kw_only=True):
    """How many recipients of a stream are in a state."""

    stream: str
    state: str
    recipients: int


class Oldest(Reply, frozen=True, kw_only=True):
    """How long the oldest due recipient of a stream has waited."""

    stream: str
    waiting_s: float


class Provider(Reply, frozen=True, kw_only=True):
    """One provider."""

    name: str
    standing: str
    """`unknown`: no gateway runs."""
    why: str
    slots: int
    in_use: int
    attempts_last_minute: int
    failures_last_minute: int
    typical_s: float
    ejected_by: str
    """Who ejected it; empty: nobody."""
    ejected_until: str | None


class Providers(Reply, frozen=True, kw_only=True):
    """Every provider."""

    providers: list[Provider]
    failover_to: str
    """Tried first by order of a person; empty: none."""


class Overview(Reply, frozen=True, kw_only=True):
    """The gateway in one look."""

    running: bool
    paused: bool
    waiting: list[Waiting]
    oldest: list[Oldest]
    orders: list[Order]
    holds: list[HoldSet]
    not_confirmed: dict[str, int]
    """By provider: recipients that it took, and of which it has not told in time."""
    notifications: dict[str, int]
    """By state: notifications that nobody has read, that tell of unknown mail, or that could not be read."""


class KeyMade(Reply, frozen=True, kw_only=True):
    """A new access key. The secret is nowhere else to be read."""

    id: str
    secret: str
    tenant: str
    smtp_password: dict[str, str]
    """By region, as SES derives it; Posthorse takes that of any region."""


class Key(Reply, frozen=True, kw_only=True):
    """An access key without its secret."""

    id: str
    tenant: str
    note: str
    created_at: str
    revoked_at: str | None


class Keys(Reply, frozen=True, kw_only=True):
    """All access keys of the spool; those of the configuration file are not among them."""

    keys: list[Key]


class Suppressed(Reply, frozen=True, kw_only=True):
    """An address that is not mailed."""

    tenant: str
    address: str
    reason: str
    source: str
    """Who put it there: `operator:NAME`, or `provider:NAME` by an event."""
    created_at: str
    until: str | None
    message_id: str | None
    """The message of which that event told; null: no event did."""


class Suppressions(Reply, frozen=True, kw_only=True):
    """Some suppressed addresses."""

    suppressions: list[Suppressed]
    more: bool


class Webhook(Reply, frozen=True, kw_only=True):
    """A customer's endpoint."""

    name: str
    tenant: str
    disabled_at: str | None
    """Since when nothing is sent there; null: it is told."""
    disabled_why: str
    behind_s: float
    """How long the first fact that it has not been told of has waited; a few seconds mean nothing."""
    waiting: int
    """Facts it did not take, and is told of again."""
    given_up: int
    """Facts it did not take in 28 hours."""
    next_at: str | None
    last_why: str
    """Why it did not take the latest of these."""
    replaying: int
    """Facts of the history that are still to be told again."""


class Webhooks(Reply, frozen=True, kw_only=True):
    """Every endpoint that was ever told."""

    webhooks: list[Webhook]


class Replayed(Reply, frozen=True, kw_only=True):
    """What is told again."""

    name: str
    facts: int
    """Facts of the history that are looked at again; those that nobody is told are among them."""


class Notification(Reply, frozen=True, kw_only=True):
    """What a provider told, as it was kept."""

    number: int
    provider: str
    state: str
    """`waiting`, `read`, `unknown` (it tells of mail that we do not know) or `unreadable`."""
    received_at: str
    tries: int
    """How often it was read."""
    next_at: str | None
    """When it is read again; null: never by itself, or at the next start."""
    note: str
    """Why it could not be read, or is not known; empty: it was read."""
    size_bytes: int


class Notifications(Reply, frozen=True, kw_only=True):
    """Some notifications."""

    notifications: list[Notification]
    more: bool


class NotificationShown(Reply, frozen=True, kw_only=True):
    """One notification."""

    notification: Notification
    facts: dict[str, str]
    """What beside the body is needed to read it."""
    body: str
    """The bytes as they came, as Latin-1 text, which keeps each of them."""


class RecordedMail(Reply, frozen=True, kw_only=True):
    """One accepted message, as rules look at it."""

    id: str
    tenant: str
    stream: str
    declared: str
    """The stream that the client named; empty: it did not."""
    credential: str
    configuration_set: str
    template: str
    tags: dict[str, str]
    sender: str
    recipients: int
    accepted_at: str
    subject: str | None
    """Decoded; null: its body is gone."""
    marks: list[str]
    """Which of `list-unsubscribe`, `list-id`, `precedence` it bears."""


class RecordedTraffic(Reply, frozen=True, kw_only=True):
    """One page of recorded messages, newest first."""

    messages: list[RecordedMail]
    before: str
    """Where the next page begins; empty: there is none."""


class BackedUp(Reply, frozen=True, kw_only=True):
    """A copy of the spool."""

    path: str
    size_bytes: int


class Reloaded(Reply, frozen=True, kw_only=True):
    """What a changed file brought."""

    applied: list[str]
    needs_restart: list[str]
