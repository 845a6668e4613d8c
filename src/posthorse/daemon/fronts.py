"""The fronts of a node: everything that takes mail or notifications, put together, renewed and closed as one.

Promise: all ask one admission; who may send, how much is being received and how many guesses were wrong is counted once
for all of them. What the configuration says reaches every front in one place, at the start as at each change; so do
keys.

Left out: what they do (`posthorse.accept`, `posthorse.feedback`), which listener serves what (`listeners`).
"""

import asyncio
from collections.abc import Sequence

from posthorse.accept.admission import Admission, Store
from posthorse.accept.credentials import Credential, CredentialStore
from posthorse.accept.load import Load
from posthorse.accept.smtp.server import SmtpServer
from posthorse.config.tree import Config
from posthorse.control.keys import REGIONS
from posthorse.daemon.api_entrance import ApiEntrance
from posthorse.daemon.doorkeeper import Doorkeeper
from posthorse.daemon.hooks import Hooks
from posthorse.daemon.housekeeper import Housekeeper
from posthorse.daemon.outlets import Edge
from posthorse.daemon.ses_entrance import SesEntrance
from posthorse.daemon.wiring import classifier_of, policy_of, smtp_limits_of, trusted_of
from posthorse.mail.ports import Clock, Ids
from posthorse.spool.sqlite.spool import SqliteSpool
from posthorse.watch.journal import Journal
from posthorse.web.router import Mount


class Fronts:
    """SMTP, the two APIs and the hooks."""

    def __init__(
        self,
        config: Config,
        *,
        edge: Edge,
        store: Store,
        spool: SqliteSpool,
        housekeeper: Housekeeper,
        clock: Clock,
        ids: Ids,
        journal: Journal,
        credentials: Sequence[Credential],
    ) -> None:
        """`edge`: its clock shows the time of the world, `clock` never goes back. `store`: where admitted mail goes."""
        self._housekeeper = housekeeper
        self._offload = edge.offload
        admission = Admission(
            store=store, clock=clock, ids=ids, hostname=edge.hostname, observer=journal, load=self._load
        )
        logins = self._logins(credentials)
        self.smtp = SmtpServer(
            admission=admission,
            credentials=logins,
            clock=clock,
            hostname=edge.hostname,
            observer=Doorkeeper(journal),
        )
        self._ses = SesEntrance(
            config,
            admission=admission,
            world_clock=edge.clock,
            clock=clock,
            ids=ids,
            journal=journal,
            credentials=credentials,
        )
        self._api = ApiEntrance(
            admission=admission,
            reception=self._ses.reception,
            throttle=self.smtp.throttle,
            spool=spool,
            clock=clock,
            journal=journal,
            credentials=logins,
        )
        self.hooks = Hooks(config, spool.inbox, edge, journal)
        self.mounts: Sequence[Mount] = (*self._ses.mounts, self.hooks.mount, *self._api.mounts)
        """For the router of each listener."""
        self.renew(config)

    def renew(self, config: Config) -> None:
        """Take over a changed configuration. Raises OSError, and changes nothing, if a file that it names is gone."""
        self.hooks.renew(config)
        admission, trusted = self.smtp.admission, trusted_of(config)
        admission.policy = policy_of(config)
        admission.classifier = classifier_of(config)
        admission.limit_rate(config.limits.messages_per_s)
        self.smtp.trusted = trusted
        self.smtp.limits = smtp_limits_of(config)
        self._ses.renew(config)
        self._api.renew(trusted)

    def let_in(self, credentials: Sequence[Credential]) -> None:
        """Keys were made, revoked or changed."""
        logins = self._logins(credentials)
        self.smtp.credentials = logins
        self._ses.let_in(credentials)
        self._api.let_in(logins)

    async def close(self, grace_s: float) -> None:
        """Take no more mail; what is being received ends, for at most `grace_s`."""
        await asyncio.gather(self.smtp.close(grace_s), self._ses.reception.close(grace_s))

    def _logins(self, credentials: Sequence[Credential]) -> CredentialStore:
        return CredentialStore(credentials, regions=REGIONS, offload=self._offload)

    def _load(self) -> Load:
        http = self._ses.reception
        return Load(
            queued=self._housekeeper.queued,
            receiving_bytes=self.smtp.receiving_bytes + http.held_bytes,
            pending_commits=self.smtp.pending_commits + http.pending,
            free_space_bytes=self._housekeeper.free_space_bytes,
        )
