"""Notifications of SES: SNS brings them, event publishing (or an identity's feedback) says them."""

from collections.abc import Collection, Mapping, Sequence

from posthorse.mail.event import Event
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import HttpExchange
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming
from posthorse.providers.ses_events import ses_events
from posthorse.providers.sns import SnsDoor
from posthorse.providers.sns_certificate import CertificateMemory
from posthorse.providers.sns_envelope import read_envelope


class SesNotices:
    """Implements `posthorse.providers.notices.NotificationReader`."""

    def __init__(
        self,
        *,
        provider: ProviderName,
        topics: Collection[str],
        exchange: HttpExchange,
        sns_endpoint: str = "",
        certificate: bytes = b"",
        memory: CertificateMemory | None = None,
    ) -> None:
        """See `SnsDoor`. Raises ValueError for a certificate or an address that cannot be used."""
        self.provider = provider
        self._door = SnsDoor(
            topics=topics, exchange=exchange, endpoint=sns_endpoint, certificate=certificate, memory=memory
        )

    def turned_away(self, headers: Mapping[str, str], now: int) -> Forged | None:
        """Whether it does not even say that it comes from one of the topics; see the port."""
        del now
        return self._door.turned_away(headers)

    async def verify(self, incoming: Incoming) -> Genuine | Attended | Forged:
        """Whether this comes from one of the topics; see the port."""
        return await self._door.look(incoming)

    def read(self, body: bytes, facts: Mapping[str, str]) -> Sequence[Event]:
        """The events in a genuine body. Raises `Unreadable`."""
        return ses_events(self.provider, read_envelope(body).message)
