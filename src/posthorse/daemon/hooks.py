"""Notifications in, put together: the readers that the configuration asks for, the inbox, and the loop behind it.

Promise: what a changed configuration says counts from the next request on; a reader whose settings did not change goes
on with what it knows.

Left out: on which listener they come in (`fronts`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from posthorse.adapters.certificate_file import CertificateFile, certificate_file_of
from posthorse.config.hooks import Notifications, notifications_of
from posthorse.config.notifications import (
    PostmarkNotificationSettings,
    SendGridNotificationSettings,
    SesNotificationSettings,
)
from posthorse.config.tree import Config
from posthorse.daemon.outlets import Edge
from posthorse.feedback.digesting import Digesting
from posthorse.feedback.inbox import PREFIX, Inbox
from posthorse.mail.ids import ProviderName
from posthorse.providers.notices import NotificationReader
from posthorse.providers.postmark_notices import PostmarkNotices
from posthorse.providers.sendgrid_notices import SendGridNotices
from posthorse.providers.ses_notices import SesNotices
from posthorse.spool.inbox_port import SpoolInbox
from posthorse.watch import metrics
from posthorse.watch.journal import Journal
from posthorse.web.role import Role
from posthorse.web.router import Mount


class Hooks:
    """Everything about notifications in one running node."""

    def __init__(self, config: Config, spool: SpoolInbox, edge: Edge, journal: Journal) -> None:
        """`edge`: what verifying stands on; its clock tells the time of the world."""
        self._edge = edge
        self._memory = CertificateFile(certificate_file_of(config.spool.url.file), edge.offload)
        self._told: Mapping[ProviderName, Notifications] = {}
        self._readers: dict[ProviderName, NotificationReader] = {}
        readers = self._readers  # one for both, so that they hear of a change together
        self.digesting = Digesting(
            spool=spool, readers=readers, clock=edge.clock, offload=edge.offload, observer=journal
        )
        inbox = Inbox(spool=spool, readers=readers, clock=edge.clock, observer=journal, arrived=self.digesting.wake)
        self.mount = Mount(role=Role.HOOKS, path=PREFIX, app=inbox, methods=())
        self.renew(config)
        journal.measures.ask(metrics.NOTIFICATION_LAG, lambda: {(): self.digesting.lag_s()})

    async def run(self) -> None:
        """Read what was kept until cancelled: also when no provider tells any more, for what is left from before."""
        await self.digesting.run()

    def renew(self, config: Config) -> None:
        """Take over a changed configuration. Raises OSError for a certificate that cannot be read; the old set stays
        then.
        """
        told = {each.name: found for each in config.providers if (found := notifications_of(each)) is not None}
        readers = {name: self._kept(name, found) or self._reader(name, found) for name, found in told.items()}
        self._told = told
        if readers != self._readers:
            self._readers.clear()
            self._readers.update(readers)
            self.digesting.readers_changed()

    def _kept(self, name: ProviderName, settings: Notifications) -> NotificationReader | None:
        """The reader that is there, if it would be made the same; a certificate in a file may have been replaced."""
        if self._told.get(name) != settings or getattr(settings, "certificate", None) is not None:
            return None
        return self._readers[name]

    def _reader(self, name: ProviderName, settings: Notifications) -> NotificationReader:
        match settings:
            case SesNotificationSettings(topics=topics, certificate=certificate, sns_endpoint=endpoint):
                return SesNotices(
                    provider=name,
                    topics=topics,
                    exchange=self._edge.exchange,
                    sns_endpoint=endpoint,
                    certificate=_content(certificate),
                    memory=self._memory,
                )
            case SendGridNotificationSettings(public_key=key):
                return SendGridNotices(provider=name, public_key=key)
            case PostmarkNotificationSettings() as proof:
                return PostmarkNotices(
                    provider=name,
                    username=proof.username,
                    password=proof.password.reveal(),
                    header=proof.header,
                    header_value=proof.header_value.reveal() if proof.header_value else "",
                )
            case _:
                assert_never(settings)


def _content(file: Path | None) -> bytes:
    return file.read_bytes() if file else b""
