"""The native API in the daemon: made from the configuration, renewed with it; its measures and log lines."""

from collections.abc import Sequence

from posthorse.accept.admission import Admission
from posthorse.accept.api.app import PREFIX, Api
from posthorse.accept.api.caller import Callers
from posthorse.accept.api.looking import Looking
from posthorse.accept.api.pages import docs, nowhere, openapi
from posthorse.accept.credentials import CredentialStore
from posthorse.accept.login_throttle import LoginThrottle
from posthorse.accept.reception import Reception
from posthorse.accept.trusted import TrustedSources
from posthorse.control.explain import standing_since, words
from posthorse.mail.message import Front
from posthorse.mail.ports import Clock
from posthorse.spool.desk_port import SpoolDesk
from posthorse.watch.journal import Journal
from posthorse.web.role import Role
from posthorse.web.router import Mount


class ApiTeller:
    """Implements `posthorse.accept.api.app.ApiObserver` on the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def answered(self, duration_s: float) -> None:
        """A message was answered, so long after its request was read."""
        self._journal.measures.answered(Front.API.value, duration_s)

    def login_refused(self, peer: str, throttled: bool) -> None:
        """Wrong credentials, or some not even checked because too many were wrong."""
        self._journal.measures.refused("login_throttled" if throttled else "login")
        self._journal.log.login_refused(Front.API.value, "", peer)

    def timed_out(self, peer: str) -> None:
        """The body of a request did not come in time."""
        self._journal.measures.refused("timeout")

    def bug(self, error: Exception) -> None:
        """Something of ours failed."""
        self._journal.bug("api", error)


class ApiEntrance:
    """The native API of a node."""

    def __init__(
        self,
        *,
        admission: Admission,
        reception: Reception,
        throttle: LoginThrottle,
        spool: SpoolDesk,
        clock: Clock,
        journal: Journal,
        credentials: CredentialStore,
    ) -> None:
        """`reception`, `throttle`: shared with the other fronts, so that room and guesses are counted once."""
        teller = ApiTeller(journal)
        self._callers = Callers(
            credentials=credentials, trusted=TrustedSources(), throttle=throttle, refused=teller.login_refused
        )
        front = Api(
            admission=admission,
            callers=self._callers,
            reception=reception,
            looking=Looking(spool, words, standing_since),
            clock=clock,
            observer=teller,
        )
        self.mounts: Sequence[Mount] = [
            Mount(role=Role.API, path=PREFIX, app=front, methods=()),
            Mount(role=Role.API, path="/api/docs", app=docs),
            Mount(role=Role.API, path="/api/openapi.json", app=openapi),
            Mount(role=Role.API, path="/api/", app=nowhere, methods=()),
            Mount(role=Role.API, path="/api", app=nowhere, methods=()),
        ]

    def renew(self, trusted: TrustedSources) -> None:
        """The configuration was read again."""
        self._callers.trusted = trusted

    def let_in(self, credentials: CredentialStore) -> None:
        """Keys were made, revoked or changed."""
        self._callers.credentials = credentials
