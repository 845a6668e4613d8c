"""Everything an operator can ask of a gateway: one struct per command, with the type of its reply.

They are what travels: a tagged union in JSON, one object per line. Ids are hexadecimal; times microseconds UTC.
"""

from typing import Generic, TypeVar

import msgspec

from posthorse.control import replies
from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Decision
from posthorse.spool.kept_port import KeptState

R = TypeVar("R")

MOST_ROWS = 10_000


class Request(msgspec.Struct, Generic[R], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command whose reply is an `R`."""


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which recipients; what is empty does not restrict."""

    tenant: str = ""
    id: str = ""
    n: int | None = None
    state: Carriage | None = None
    fate: Fate | None = None
    stream: Stream | None = None
    sender_domain: str = ""
    recipient_domain: str = ""
    before: str = ""
    """Only messages older than this id."""


class Overview(Request[replies.Overview], frozen=True, kw_only=True, tag="overview"):
    """How much waits where, standing orders, providers."""


class QueueList(Request[replies.Recipients], frozen=True, kw_only=True, tag="queue.list"):
    """Recipients, newest message first."""

    which: Which = Which()
    limit: int = 100
    not_confirmed: bool = False
    """Only what was handed over, and of which its provider should have told and has not."""


class QueueShow(Request[replies.MessageShown], frozen=True, kw_only=True, tag="queue.show"):
    """One message with all its recipients."""

    id: str
    body: bool = False
    """With its stored bytes."""


class QueueDecide(Request[replies.Moved], frozen=True, kw_only=True, tag="queue.decide"):
    """A person's decision about recipients."""

    which: Which
    decision: Decision
    limit: int = 1_000_000


class QueueHold(Request[replies.HoldSet], frozen=True, kw_only=True, tag="queue.hold"):
    """Pause matching mail, waiting now or accepted later."""

    which: Which
    reason: str


class QueueUnhold(Request[replies.Moved], frozen=True, kw_only=True, tag="queue.unhold"):
    """Lift a hold."""

    hold: int


class Holds(Request[replies.Holds], frozen=True, kw_only=True, tag="queue.holds"):
    """Holds in force."""


class Explain(Request[replies.Explained], frozen=True, kw_only=True, tag="explain"):
    """The whole history of a message in plain words."""

    id: str


class Providers(Request[replies.Providers], frozen=True, kw_only=True, tag="providers.list"):
    """Standings, slots and orders about every provider."""


class Eject(Request[replies.Done], frozen=True, kw_only=True, tag="providers.eject"):
    """Send nothing through a provider."""

    provider: str
    reason: str
    for_s: float | None = None
    """Not set: until restored."""


class Restore(Request[replies.Done], frozen=True, kw_only=True, tag="providers.restore"):
    """Let a provider have mail again, and forget what was held against it."""

    provider: str


class Failover(Request[replies.Done], frozen=True, kw_only=True, tag="failover"):
    """Try one provider first, for a while."""

    to: str
    for_s: float
    streams: tuple[Stream, ...] = ()
    """Empty: all."""


class FailoverEnd(Request[replies.Done], frozen=True, kw_only=True, tag="failover.end"):
    """Back to the routes as configured."""


class StopSending(Request[replies.Done], frozen=True, kw_only=True, tag="stop-sending"):
    """Release nothing more; mail is still accepted."""

    reason: str
    for_s: float | None = None


class StartSending(Request[replies.Done], frozen=True, kw_only=True, tag="start-sending"):
    """Send again."""


class KeyCreate(Request[replies.KeyMade], frozen=True, kw_only=True, tag="keys.create"):
    """Make an access key; its secret is told this once."""

    tenant: str
    note: str = ""


class Keys(Request[replies.Keys], frozen=True, kw_only=True, tag="keys.list"):
    """Every access key of the spool, revoked ones too."""


class KeyRevoke(Request[replies.Done], frozen=True, kw_only=True, tag="keys.revoke"):
    """Let nobody in with this key any more."""

    id: str


class Suppress(Request[replies.Done], frozen=True, kw_only=True, tag="suppression.add"):
    """Never mail this address, or not until then."""

    tenant: str
    address: str
    reason: str
    for_s: float | None = None


class Suppressions(Request[replies.Suppressions], frozen=True, kw_only=True, tag="suppression.list"):
    """Suppressed addresses, in their order."""

    tenant: str = ""
    after: str = ""
    """Only addresses after this one."""
    limit: int = 1_000


class Unsuppress(Request[replies.Done], frozen=True, kw_only=True, tag="suppression.remove"):
    """Mail this address again."""

    tenant: str
    address: str
    reason: str


class Webhooks(Request[replies.Webhooks], frozen=True, kw_only=True, tag="webhooks.list"):
    """How customers' endpoints stand."""


class WebhookReplay(Request[replies.Replayed], frozen=True, kw_only=True, tag="webhooks.replay"):
    """Tell an endpoint again: since a time, or about one message."""

    name: str
    tenant: str = ""
    since: int | None = None
    id: str = ""


class WebhookEnable(Request[replies.Done], frozen=True, kw_only=True, tag="webhooks.enable"):
    """Send to an endpoint again, from where it stopped."""

    name: str
    tenant: str = ""


class WebhookDisable(Request[replies.Done], frozen=True, kw_only=True, tag="webhooks.disable"):
    """Send nothing to an endpoint until it is enabled."""

    name: str
    reason: str
    tenant: str = ""


class WebhookForget(Request[replies.Done], frozen=True, kw_only=True, tag="webhooks.forget"):
    """Drop all that is kept of an endpoint."""

    name: str
    tenant: str = ""


class Notifications(Request[replies.Notifications], frozen=True, kw_only=True, tag="notifications.list"):
    """What providers told, as it was kept, newest first."""

    state: KeptState | None = None
    provider: str = ""
    before: int | None = None
    """Only those with a smaller number."""
    limit: int = 100


class NotificationShow(Request[replies.NotificationShown], frozen=True, kw_only=True, tag="notifications.show"):
    """One notification as it came."""

    number: int


class RecordedTraffic(Request[replies.RecordedTraffic], frozen=True, kw_only=True, tag="classify.recorded"):
    """What the rules look at, of messages that were accepted, newest first."""

    before: str = ""
    """Only messages older than this id."""
    limit: int = 500


class Backup(Request[replies.BackedUp], frozen=True, kw_only=True, tag="backup"):
    """A copy of the spool as it is now, made while mail goes on."""

    path: str


class Reload(Request[replies.Reloaded], frozen=True, kw_only=True, tag="reload"):
    """Read the configuration again."""


AnyRequest = (
    Overview
    | QueueList
    | QueueShow
    | QueueDecide
    | QueueHold
    | QueueUnhold
    | Holds
    | Explain
    | Providers
    | Eject
    | Restore
    | Failover
    | FailoverEnd
    | StopSending
    | StartSending
    | KeyCreate
    | Keys
    | KeyRevoke
    | Suppress
    | Suppressions
    | Unsuppress
    | Webhooks
    | WebhookReplay
    | WebhookEnable
    | WebhookDisable
    | WebhookForget
    | Notifications
    | NotificationShow
    | RecordedTraffic
    | Backup
    | Reload
)
"""Every command."""
