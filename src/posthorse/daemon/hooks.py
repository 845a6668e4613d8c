"""Notifications in, put together: the readers that the configuration asks for, the inbox, and the loop behind it.

Left out: on which listener they come in (`fronts`).
"""

from collections.abc import Mapping
from pathlib import Path

from posthorse.adapters.certificate_file import CertificateFile, certificate_file_of
from posthorse.config.hooks import notifications_of
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
        readers = readers_of(config, edge)
        self.digesting = Digesting(
            spool=spool, readers=readers, clock=edge.clock, offload=edge.offload, observer=journal
        )
        inbox = Inbox(spool=spool, readers=readers, clock=edge.clock, observer=journal, arrived=self.digesting.wake)
        self.mount = Mount(role=Role.HOOKS, path=PREFIX, app=inbox, methods=())
        journal.measures.ask(metrics.NOTIFICATION_LAG, lambda: {(): self.digesting.lag_s()})

    async def run(self) -> None:
        """Read what was kept until cancelled: also when no provider tells any more, for what is left from before."""
        await self.digesting.run()


def readers_of(config: Config, edge: Edge) -> Mapping[ProviderName, NotificationReader]:
    """The reader of each provider that tells what became of mail."""
    readers: dict[ProviderName, NotificationReader] = {}
    memory = CertificateFile(certificate_file_of(config.spool.url.file), edge.offload)
    for provider in config.providers:
        name = provider.name
        match notifications_of(provider):
            case SesNotificationSettings(topics=topics, certificate=certificate, sns_endpoint=endpoint):
                readers[name] = SesNotices(
                    provider=name,
                    topics=topics,
                    exchange=edge.exchange,
                    sns_endpoint=endpoint,
                    certificate=_content(certificate),
                    memory=memory,
                )
            case SendGridNotificationSettings(public_key=key):
                readers[name] = SendGridNotices(provider=name, public_key=key)
            case PostmarkNotificationSettings() as proof:
                readers[name] = PostmarkNotices(
                    provider=name,
                    username=proof.username,
                    password=proof.password.reveal(),
                    header=proof.header,
                    header_value=proof.header_value.reveal() if proof.header_value else "",
                )
            case None:
                pass
    return readers


def _content(file: Path | None) -> bytes:
    return file.read_bytes() if file else b""
