"""The commands: each request with what carries it out, in two lists: those that look, and those that change something.

Left out: who may ask, and what is told of it afterwards (`desk`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from posthorse.control import keys, notifications, queue, replies, requests, suppressions, traffic, webhooks
from posthorse.control.keys import Locksmith
from posthorse.control.node import Confirming, Node
from posthorse.control.orders import Orders
from posthorse.mail.ports import Clock
from posthorse.spool.desk_port import SpoolDesk, Unconfirmed
from posthorse.spool.kept_port import SpoolKept
from posthorse.spool.outbox_port import SpoolOutbox
from posthorse.spool.recorded_port import SpoolRecorded

Q = TypeVar("Q", bound=requests.Request[Any])


class DeskSpool(SpoolDesk, Protocol):
    """A spool with the sides that commands ask."""

    @property
    def outbox(self) -> SpoolOutbox:
        """What customers are told."""
        ...

    @property
    def kept(self) -> SpoolKept:
        """What providers told."""
        ...

    @property
    def recorded(self) -> SpoolRecorded:
        """The traffic that was recorded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What commands work on."""

    spool: DeskSpool
    node: Node
    clock: Clock
    locksmith: Locksmith
    confirming: Callable[[], Confirming]
    """As configured now."""

    @property
    def orders(self) -> Orders:
        """The standing orders."""
        return Orders(self.spool, self.node, self.clock)

    def unconfirmed(self) -> Unconfirmed:
        """What counts as not confirmed now."""
        return self.confirming().unconfirmed(self.clock.now())


Look = Callable[[Reach, Any], Awaitable[replies.Reply]]
Change = Callable[[Reach, Any, str], Awaitable[replies.Reply]]
"""Who asks stands in the history for it."""


def _look(kind: type[Q], carry_out: Callable[[Reach, Q], Awaitable[replies.Reply]]) -> tuple[type, Look]:
    return kind, carry_out


def _change(kind: type[Q], carry_out: Callable[[Reach, Q, str], Awaitable[replies.Reply]]) -> tuple[type, Change]:
    return kind, carry_out


async def _overview(at: Reach, _: requests.Overview) -> replies.Overview:
    return await at.orders.overview(at.unconfirmed(), await at.spool.kept.count())


async def _holds(at: Reach, _: requests.Holds) -> replies.Holds:
    return replies.Holds(holds=await queue.holds(at.spool))


async def _backup(at: Reach, request: requests.Backup, _: str) -> replies.BackedUp:
    path = Path(request.path)
    return replies.BackedUp(path=str(path), size_bytes=await at.node.backup(path))


async def _reload(at: Reach, _: requests.Reload, __: str) -> replies.Reloaded:
    applied, needs_restart = await at.node.reload()
    return replies.Reloaded(applied=list(applied), needs_restart=list(needs_restart))


LOOKING: Mapping[type, Look] = dict(
    (
        _look(requests.Overview, _overview),
        _look(requests.QueueList, lambda at, request: queue.listed(at.spool, request, at.unconfirmed())),
        _look(requests.QueueShow, lambda at, request: queue.shown(at.spool, request, at.unconfirmed())),
        _look(requests.Holds, _holds),
        _look(requests.Explain, lambda at, request: queue.explained(at.spool, request, at.unconfirmed())),
        _look(requests.Providers, lambda at, _: at.orders.providers()),
        _look(requests.Keys, lambda at, _: keys.listed(at.spool)),
        _look(requests.Suppressions, lambda at, request: suppressions.listed(at.spool, request)),
        _look(requests.Webhooks, lambda at, _: webhooks.listed(at.spool.outbox, at.clock)),
        _look(requests.Notifications, lambda at, request: notifications.listed(at.spool.kept, request)),
        _look(requests.NotificationShow, lambda at, request: notifications.shown(at.spool.kept, request)),
        _look(requests.RecordedTraffic, lambda at, request: traffic.recorded(at.spool.recorded, request)),
    )
)

CHANGING: Mapping[type, Change] = dict(
    (
        _change(requests.QueueDecide, lambda at, request, by: queue.decided(at.spool, request, by)),
        _change(requests.QueueHold, lambda at, request, by: queue.held(at.spool, request, by)),
        _change(requests.QueueUnhold, lambda at, request, _: queue.unheld(at.spool, request)),
        _change(requests.Eject, lambda at, request, by: at.orders.eject(request, by)),
        _change(requests.Restore, lambda at, request, _: at.orders.restore(request)),
        _change(requests.Failover, lambda at, request, by: at.orders.failover(request, by)),
        _change(requests.FailoverEnd, lambda at, _, __: at.orders.failover_end()),
        _change(requests.StopSending, lambda at, request, by: at.orders.stop(request, by)),
        _change(requests.StartSending, lambda at, _, __: at.orders.start()),
        _change(
            requests.KeyCreate, lambda at, request, _: keys.created(at.spool, at.node, at.clock, at.locksmith, request)
        ),
        _change(requests.KeyRevoke, lambda at, request, _: keys.revoked(at.spool, at.node, at.clock, request)),
        _change(requests.Suppress, lambda at, request, by: suppressions.added(at.spool, at.clock, request, by)),
        _change(requests.Unsuppress, lambda at, request, _: suppressions.removed(at.spool, request)),
        _change(requests.WebhookReplay, lambda at, request, _: webhooks.replayed(at.spool.outbox, request)),
        _change(requests.WebhookEnable, lambda at, request, _: webhooks.enabled(at.spool.outbox, request)),
        _change(requests.WebhookDisable, lambda at, request, by: webhooks.disabled(at.spool.outbox, request, by)),
        _change(requests.WebhookForget, lambda at, request, _: webhooks.forgotten(at.spool.outbox, request)),
        _change(requests.Backup, _backup),
        _change(requests.Reload, _reload),
    )
)
