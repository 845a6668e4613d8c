"""The outbox of the running gateway: customers' endpoints as configured, on real connections that are guarded.

Left out: what an endpoint is told, and when (`posthorse.feedback`).
"""

from posthorse.adapters.chance import SystemRng
from posthorse.adapters.clock import SystemClock
from posthorse.adapters.guarded_dialer import SystemResolver, guarded_dialer
from posthorse.config.tree import Config
from posthorse.config.webhooks import WebhookSettings
from posthorse.feedback.outbox import Outbox
from posthorse.feedback.webhook_call import MOST_ANSWER_BYTES, Endpoint
from posthorse.feedback.webhook_messenger import LANES, EndpointStanding, OutboxPorts
from posthorse.feedback.webhook_signature import read_secret
from posthorse.feedback.webhook_url import read_url
from posthorse.mail.ports import Clock
from posthorse.providers.http import PooledHttpExchange
from posthorse.spool.outbox_port import SpoolOutbox
from posthorse.watch import metrics
from posthorse.watch.journal import Journal
from posthorse.watch.measures import Readings, one_of


def endpoint_of(settings: WebhookSettings) -> Endpoint:
    """An endpoint as configured and checked."""
    ca_file = str(settings.ca_file) if settings.ca_file else ""
    return Endpoint(
        tenant=settings.tenant,
        name=settings.name,
        url=settings.url,
        place=read_url(settings.url, allow_private=settings.allow_private, ca_file=ca_file),
        secrets=tuple(read_secret(each.reveal()) for each in (settings.secret, *settings.old_secrets)),
        events=frozenset(settings.events),
        allow_private=settings.allow_private,
    )


class GuardedExchanges:
    """Connections to endpoints: those that may be private, and those that may not, apart."""

    def __init__(self) -> None:
        self._resolver = SystemResolver()
        self._public, self._private = self._exchange(allow_private=False), self._exchange(allow_private=True)

    def of(self, endpoint: Endpoint) -> PooledHttpExchange:
        """What may call this endpoint."""
        return self._private if endpoint.allow_private else self._public

    async def close(self) -> None:
        """Close what is idle, and look nothing up any more."""
        await self._public.close()
        await self._private.close()
        self._resolver.close()

    def _exchange(self, *, allow_private: bool) -> PooledHttpExchange:
        dialer = guarded_dialer(self._resolver, allow_private=allow_private)
        return PooledHttpExchange(dialer=dialer, max_idle=LANES, most_body_bytes=MOST_ANSWER_BYTES)


class Webhooks:
    """The outbox with its connections and gauges."""

    def __init__(self, spool: SpoolOutbox, clock: Clock, journal: Journal) -> None:
        self._exchanges = GuardedExchanges()
        self._outbox = Outbox(
            OutboxPorts(
                spool=spool,
                exchange_for=self._exchanges.of,
                clock=clock,
                world_clock=SystemClock(),
                rng=SystemRng(),
                journal=journal,
            )
        )
        journal.measures.ask(metrics.WEBHOOK_LAG, self._outbox.lag_readings)
        journal.measures.ask(metrics.WEBHOOK_WAITING, self._outbox.waiting_readings)
        journal.measures.ask(metrics.WEBHOOK_STANDING, self._standing_readings)

    async def follow(self, config: Config) -> None:
        """Tell the endpoints of this configuration from now on, and no others."""
        await self._outbox.follow(endpoint_of(settings) for settings in config.webhooks)

    async def stop(self) -> None:
        """End in order; what could not be recorded is told again at the next start."""
        await self._outbox.stop()
        await self._exchanges.close()

    def _standing_readings(self) -> Readings:
        names = [standing.value for standing in EndpointStanding]
        found = self._outbox.standings()
        return {key: value for name, now in found.items() for key, value in one_of(now.value, names, name).items()}
