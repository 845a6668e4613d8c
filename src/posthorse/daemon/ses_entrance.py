"""The SES front in the daemon: made from the configuration, renewed with it; its measures and log lines."""

from collections.abc import Iterable, Sequence

from posthorse.accept.admission import Admission
from posthorse.accept.credentials import Credential
from posthorse.accept.reception import Reception, ReceptionLimits
from posthorse.accept.ses.account import Account, Offered
from posthorse.accept.ses.front import SesFront
from posthorse.accept.ses.gate import Gate
from posthorse.accept.ses.keys import SigningKeys
from posthorse.accept.ses.v1 import V1
from posthorse.accept.ses.v2 import V2
from posthorse.accept.trusted import TrustedSources
from posthorse.config.tree import Config
from posthorse.daemon.wiring import trusted_of
from posthorse.mail.message import Front
from posthorse.mail.ports import Clock, Ids
from posthorse.watch.journal import Journal
from posthorse.web.role import Role
from posthorse.web.router import Mount

_WILD = frozenset("*?")


class SesTeller:
    """Implements `posthorse.accept.ses.front.SesObserver` on the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def answered(self, duration_s: float) -> None:
        """A message was answered, so long after its last byte."""
        self._journal.measures.answered(Front.SES.value, duration_s)

    def login_refused(self, peer: str, reason: str, access_key_id: str) -> None:
        """A caller was not let in, for a reason of one word; the key it named, if any."""
        self._journal.measures.refused("login")
        self._journal.log.login_refused(Front.SES.value, access_key_id, peer, reason)

    def timed_out(self, peer: str) -> None:
        """The body of a request did not come in time."""
        self._journal.measures.refused("timeout")

    def bug(self, error: Exception) -> None:
        """Something of ours failed."""
        self._journal.bug("ses", error)


class SesEntrance:
    """The SES front of a node."""

    def __init__(
        self,
        config: Config,
        *,
        admission: Admission,
        world_clock: Clock,
        clock: Clock,
        ids: Ids,
        journal: Journal,
        credentials: Iterable[Credential],
    ) -> None:
        """`world_clock`: whose time signatures show."""
        self.reception = Reception(clock)
        self._account = Account(admission=admission, clock=clock)
        self._gate = Gate(keys=SigningKeys(credentials), trusted=TrustedSources(), clock=world_clock)
        front = SesFront(
            admission=admission,
            gate=self._gate,
            reception=self.reception,
            versions={"": V1(self._account), "v1": V2(self._account), "v2": V2(self._account)},
            account=self._account,
            clock=clock,
            ids=ids,
            observer=SesTeller(journal),
        )
        self.mounts: Sequence[Mount] = [
            Mount(role=Role.API, path=path, app=front, methods=()) for path in ("/", "/v1/email/", "/v2/email/")
        ]
        self.renew(config)

    def renew(self, config: Config) -> None:
        """Take over a changed configuration."""
        self._gate.trusted = trusted_of(config)
        self.reception.limits = ReceptionLimits.within(config.limits.memory_bytes)
        named = {rule.match.configuration_set for rule in config.classify if rule.match.configuration_set}
        self._account.offered = Offered(
            messages_per_s=config.limits.messages_per_s,
            configuration_sets=tuple(sorted(name for name in named if not _WILD & set(name))),
        )

    def let_in(self, credentials: Iterable[Credential]) -> None:
        """Keys were made, revoked or changed."""
        self._gate.keys = SigningKeys(credentials)
