"""How the running daemon shows itself: gauges for whoever scrapes, and whether mail should come here."""

from collections.abc import Callable, Sequence

from posthorse.accept.smtp.server import SmtpServer
from posthorse.control.wording import written_time
from posthorse.daemon.housekeeper import Housekeeper
from posthorse.gateway import Gateway
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND
from posthorse.watch import metrics
from posthorse.watch.journal import oldest_readings, recipients_readings, standing_readings
from posthorse.watch.measures import Measures
from posthorse.web.health import Check, Readiness

MOST_PROBLEMS = 3
"""Of a refused file; the log has all."""
STUCK_AFTER_S = 60.0
"""A provider that has been bad for less may be back before anybody could do anything about it."""


def export_gauges(measures: Measures, gateway: Gateway, housekeeper: Housekeeper, clock: Clock) -> None:
    """What is asked for when somebody scrapes."""
    started_s = clock.now() / SECOND
    ways = gateway.dispatcher.ways
    measures.ask(metrics.RECIPIENTS, lambda: recipients_readings(housekeeper.counts))
    measures.ask(metrics.OLDEST, lambda: oldest_readings(housekeeper.counts, clock.now()))
    measures.ask(
        metrics.NOT_CONFIRMED, lambda: {(name,): float(count) for name, count in housekeeper.not_confirmed.items()}
    )
    measures.ask(
        metrics.NOTIFICATIONS_KEPT,
        lambda: {(state.value,): float(count) for state, count in housekeeper.notifications.items()},
    )
    measures.ask(metrics.SLOTS, lambda: {(name,): float(way.busy) for name, way in ways.items()})
    measures.ask(metrics.UP_SINCE, lambda: {(): started_s})
    measures.ask(
        metrics.STANDING,
        lambda: standing_readings({name: shown.state for name, shown in gateway.watcher.picture().items()}),
    )


class FileInEffect:
    """What became of the configuration file when it was last read."""

    def __init__(self) -> None:
        self.refused = ""
        """Why it cannot be used, and since when another one is in effect; empty: it can."""
        self.waiting: Sequence[str] = ()
        """Settings that take effect at the next start."""

    def took(self, needs_restart: Sequence[str]) -> None:
        """It is in effect, save for these settings."""
        self.refused, self.waiting = "", needs_restart

    def refuse(self, problems: Sequence[str], now: int) -> None:
        """It cannot be used: the old set stays."""
        more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        why = "; ".join(problems[:MOST_PROBLEMS]) + more
        self.refused = f"refused at {written_time(now)}, the set before it stays in effect: {why}"


def readiness_of(
    gateway: Gateway, housekeeper: Housekeeper, smtp: SmtpServer, file: FileInEffect, worker_trouble: Callable[[], str]
) -> Readiness:
    """Whether mail should come here. Providers that are down, a file that is refused and processes that cannot take
    messages apart are no reason to keep mail away: it is taken, and waits; so those checks are told and not required.
    """

    def look() -> Sequence[Check]:
        refusing = smtp.admission.overloaded()
        stuck = stuck_because(gateway)
        waiting = f"at the next start: {', '.join(file.waiting)}" if file.waiting else ""
        return (
            Check(name="spool", ok=housekeeper.well, detail=housekeeper.trouble),
            Check(name="acceptance", ok=not refusing, detail=refusing.text if refusing else ""),
            Check(name="providers", ok=not stuck, required=False, detail=stuck),
            Check(name="workers", ok=not worker_trouble(), required=False, detail=worker_trouble()),
            Check(name="configuration", ok=not file.refused, required=False, detail=file.refused or waiting),
        )

    return look


def stuck_because(gateway: Gateway) -> str:
    """Why no mail leaves, and has not for some time; empty: some does, or would."""
    orders = gateway.orders
    if orders.paused:
        return "sending is stopped by order"
    pictures = {name: one for name, one in gateway.watcher.picture().items() if name not in orders.ejected}
    if not pictures:
        return "every provider is ejected by order"
    if any(one.bad_for_s < STUCK_AFTER_S for one in pictures.values()):
        return ""
    told = (f"{name} for {one.bad_for_s:.0f} s ({one.why})" for name, one in pictures.items())
    return f"no provider takes mail: {', '.join(told)}"
