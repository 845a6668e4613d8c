"""How the running daemon shows itself: gauges for whoever scrapes, and whether mail should come here."""

from collections.abc import Sequence

from posthorse.accept.smtp.server import SmtpServer
from posthorse.daemon.housekeeper import Housekeeper
from posthorse.gateway import Gateway
from posthorse.mail.ports import Clock
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import SECOND
from posthorse.watch import metrics
from posthorse.watch.journal import oldest_readings, recipients_readings, standing_readings
from posthorse.watch.measures import Measures
from posthorse.web.health import Check, Readiness


def export_gauges(measures: Measures, gateway: Gateway, housekeeper: Housekeeper, clock: Clock) -> None:
    """What is asked for when somebody scrapes."""
    started_s = clock.now() / SECOND
    ways = gateway.dispatcher.ways
    measures.ask(metrics.RECIPIENTS, lambda: recipients_readings(housekeeper.counts))
    measures.ask(metrics.OLDEST, lambda: oldest_readings(housekeeper.counts, clock.now()))
    measures.ask(metrics.SLOTS, lambda: {(name,): float(way.busy) for name, way in ways.items()})
    measures.ask(metrics.UP_SINCE, lambda: {(): started_s})
    measures.ask(
        metrics.STANDING,
        lambda: standing_readings({name: shown.state for name, shown in gateway.watcher.picture().items()}),
    )


def readiness_of(gateway: Gateway, housekeeper: Housekeeper, smtp: SmtpServer) -> Readiness:
    """Whether mail should come here."""

    def look() -> Sequence[Check]:
        states = [picture.state for picture in gateway.watcher.picture().values()]
        refusing = smtp.admission.overloaded()
        usable = any(state is not StandingState.EJECTED for state in states)
        return (
            Check(name="spool", ok=housekeeper.well, detail=housekeeper.trouble),
            Check(name="acceptance", ok=not refusing, detail=refusing.text if refusing else ""),
            Check(name="providers", ok=usable, detail="" if usable else "every provider is ejected"),
        )

    return look
