"""The way in of a simulated node: the real SMTP server and the real admission, letting in the world's own network.

Left out: AUTH, which needs TLS when it does not come from the node itself.
"""

import asyncio
from collections.abc import Callable

from posthorse.accept.admission import Admission
from posthorse.accept.credentials import CredentialStore
from posthorse.accept.refusal import Accepted, Refused
from posthorse.accept.smtp.server import SmtpServer
from posthorse.accept.trusted import TrustedSource, TrustedSources
from posthorse.gateway import Gateway
from posthorse.lab.world.ports import WorldClock, WorldIds, WorldOffload
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.message import Caller
from posthorse.spool.port import NewMessage

Front = Callable[[str, Gateway, WorldClock, WorldIds], Callable[[], asyncio.Protocol]]
"""Makes the way in of one process on the named node: the protocol factory of its listener."""


class Unobserved:
    """Nobody watches what is accepted: the referee sees the commits."""

    def accepted(self, new: NewMessage, accepted: Accepted, because: str) -> None:
        """A receipt is being given."""

    def refused(self, refused: Refused, caller: Caller | None) -> None:
        """Responsibility was not taken."""

    def connections(self, open_now: int) -> None:
        """The number of connections changed."""

    def turned_away(self, peer: str) -> None:
        """A connection was refused for want of a place."""

    def login_refused(self, peer: str, *, throttled: bool) -> None:
        """A wrong login."""

    def answered(self, duration_s: float) -> None:
        """A message was answered."""

    def timed_out(self, peer: str) -> None:
        """A silent client was given up."""


def open_front(node: str, gateway: Gateway, clock: WorldClock, ids: WorldIds) -> Callable[[], asyncio.Protocol]:
    """The real way in."""
    hostname = f"{node}.example"
    observer = Unobserved()
    admission = Admission(store=gateway.store, clock=clock, ids=ids, hostname=hostname, observer=observer)
    server = SmtpServer(
        admission=admission,
        credentials=CredentialStore((), offload=WorldOffload()),
        clock=clock,
        hostname=hostname,
        observer=observer,
        trusted=TrustedSources([TrustedSource(cidr="10.0.0.0/24", tenant=MAIN_TENANT)]),
    )
    return server.door()
