"""The doorkeeper: what the SMTP server tells beside mail, as measures and log lines."""

from posthorse.mail.message import Front
from posthorse.watch.journal import Journal


class Doorkeeper:
    """Implements `posthorse.accept.smtp.server.SmtpObserver` on the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.open_now = 0

    def connections(self, open_now: int) -> None:
        """The number of connections changed."""
        self.open_now = open_now

    def turned_away(self, peer: str) -> None:
        """A connection was refused for want of a place."""
        self._journal.measures.refused("connections")

    def login_refused(self, peer: str, *, throttled: bool) -> None:
        """A wrong login, or one not checked because too many were wrong."""
        self._journal.measures.refused("login_throttled" if throttled else "login")
        self._journal.log.login_refused("smtp", "", peer)

    def answered(self, duration_s: float) -> None:
        """A message was answered, so long after its last byte."""
        self._journal.measures.answered(Front.SMTP.value, duration_s)

    def timed_out(self, peer: str) -> None:
        """A silent or endless client was given up."""
        self._journal.measures.refused("timeout")
