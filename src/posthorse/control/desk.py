"""The desk: one place where every operator's command is carried out, whoever asks and wherever it came from."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, assert_never

from posthorse.control import keys, notifications, queue, replies, requests, suppressions, traffic, webhooks
from posthorse.control.keys import Locksmith
from posthorse.control.node import Confirming, Node, NotDone
from posthorse.control.orders import Orders
from posthorse.mail.ports import Clock
from posthorse.spool.desk_port import SpoolDesk, Unconfirmed
from posthorse.spool.kept_port import SpoolKept
from posthorse.spool.outbox_port import SpoolOutbox
from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.recorded_port import SpoolRecorded

_LOOKING = (
    requests.Overview,
    requests.QueueList,
    requests.QueueShow,
    requests.Holds,
    requests.Explain,
    requests.Providers,
    requests.Keys,
    requests.Suppressions,
    requests.Webhooks,
    requests.Notifications,
    requests.NotificationShow,
    requests.RecordedTraffic,
)


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


class Desk:
    """Carries out commands on one spool."""

    def __init__(
        self,
        *,
        spool: DeskSpool,
        node: Node,
        clock: Clock,
        locksmith: Locksmith,
        carried_out: Callable[[str, str, str], None] = lambda command, by, reason: None,
        confirming: Callable[[], Confirming] = Confirming,
    ) -> None:
        """`carried_out`: told of every command that changed something (name, who, why), for the log; `confirming`: as
        configured now.
        """
        self._spool = spool
        self._node = node
        self._clock = clock
        self._locksmith = locksmith
        self._carried_out = carried_out
        self._confirming = confirming
        self._orders = Orders(spool, node, clock)

    async def handle(self, request: requests.AnyRequest, by: str) -> replies.Reply:
        """The reply to a command of `by`, who stands in the history for it. Raises `NotDone`."""
        try:
            reply = await self._handle(request, by)
        except SpoolUnavailable as error:
            raise NotDone(f"the spool cannot do it now: {error}; it may have been done, or not") from error
        if not isinstance(request, _LOOKING):
            command = str(type(request).__struct_config__.tag)
            self._carried_out(command, by, getattr(request, "reason", ""))
        return reply

    def _unconfirmed(self) -> Unconfirmed:
        return self._confirming().unconfirmed(self._clock.now())

    async def _handle(self, request: requests.AnyRequest, by: str) -> replies.Reply:
        spool, node, clock, orders = self._spool, self._node, self._clock, self._orders
        match request:
            case requests.Overview():
                return await orders.overview(self._unconfirmed(), await spool.kept.count())
            case requests.QueueList():
                return await queue.listed(spool, request, self._unconfirmed())
            case requests.QueueShow():
                return await queue.shown(spool, request, self._unconfirmed())
            case requests.QueueDecide():
                return await queue.decided(spool, request, by)
            case requests.QueueHold():
                return await queue.held(spool, request, by)
            case requests.QueueUnhold():
                return await queue.unheld(spool, request)
            case requests.Holds():
                return replies.Holds(holds=await queue.holds(spool))
            case requests.Explain():
                return await queue.explained(spool, request, self._unconfirmed())
            case requests.Providers():
                return await orders.providers()
            case requests.Eject():
                return await orders.eject(request, by)
            case requests.Restore():
                return await orders.restore(request)
            case requests.Failover():
                return await orders.failover(request, by)
            case requests.FailoverEnd():
                return await orders.failover_end()
            case requests.StopSending():
                return await orders.stop(request, by)
            case requests.StartSending():
                return await orders.start()
            case requests.KeyCreate():
                return await keys.created(spool, node, clock, self._locksmith, request)
            case requests.Keys():
                return await keys.listed(spool)
            case requests.KeyRevoke():
                return await keys.revoked(spool, node, clock, request)
            case requests.Suppress():
                return await suppressions.added(spool, clock, request, by)
            case requests.Suppressions():
                return await suppressions.listed(spool, request)
            case requests.Unsuppress():
                return await suppressions.removed(spool, request)
            case requests.Webhooks():
                return await webhooks.listed(spool.outbox, clock)
            case requests.WebhookReplay():
                return await webhooks.replayed(spool.outbox, request)
            case requests.WebhookEnable():
                return await webhooks.enabled(spool.outbox, request)
            case requests.WebhookDisable():
                return await webhooks.disabled(spool.outbox, request, by)
            case requests.WebhookForget():
                return await webhooks.forgotten(spool.outbox, request)
            case requests.Notifications():
                return await notifications.listed(spool.kept, request)
            case requests.NotificationShow():
                return await notifications.shown(spool.kept, request)
            case requests.RecordedTraffic():
                return await traffic.recorded(spool.recorded, request)
            case requests.Backup():
                path = Path(request.path)
                return replies.BackedUp(path=str(path), size_bytes=await node.backup(path))
            case requests.Reload():
                applied, needs_restart = await node.reload()
                return replies.Reloaded(applied=list(applied), needs_restart=list(needs_restart))
            case _:
                assert_never(request)
