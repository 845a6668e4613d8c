"""The desk: one place where every operator's command is carried out, whoever asks and wherever it came from."""

from collections.abc import Callable

from posthorse.control import replies, requests
from posthorse.control.commands import CHANGING, LOOKING, DeskSpool, Reach
from posthorse.control.keys import Locksmith
from posthorse.control.node import Confirming, Node, NotDone
from posthorse.mail.ports import Clock
from posthorse.spool.port import SpoolUnavailable


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
        self._reach = Reach(spool=spool, node=node, clock=clock, locksmith=locksmith, confirming=confirming)
        self._carried_out = carried_out

    async def handle(self, request: requests.AnyRequest, by: str) -> replies.Reply:
        """The reply to a command of `by`, who stands in the history for it. Raises `NotDone`."""
        kind = type(request)
        try:
            if look := LOOKING.get(kind):
                return await look(self._reach, request)
            reply = await CHANGING[kind](self._reach, request, by)
        except SpoolUnavailable as error:
            raise NotDone(f"the spool cannot do it now: {error}; it may have been done, or not") from error
        self._carried_out(str(kind.__struct_config__.tag), by, getattr(request, "reason", ""))
        return reply
