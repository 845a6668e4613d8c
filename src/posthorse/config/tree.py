"""The one checked tree: everything that can be configured, as frozen values.

The shape of the file is the shape of these types: a section is a table, a tuple of sections an array of tables, a field
a key (see `setting` for those with units). Each field carries what the reference page says about it.

The sections stand in `entrance` (who may come in, and where), `domains`, `limits` and `providers`; the rest is here.

Left out: reading (`reader`), and what makes sense together (`check`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from posthorse.config.domains import DomainSettings
from posthorse.config.entrance import AccessKeySettings, ClassifySettings, ListenerSettings, TrustedSourceSettings
from posthorse.config.feedback import FeedbackSettings
from posthorse.config.limits import LimitSettings, RetentionSettings
from posthorse.config.providers import ProviderSettings
from posthorse.config.setting import Address, Seconds, Setting, SpoolUrl
from posthorse.config.webhooks import WebhookSettings
from posthorse.dispatch.route import Strategy
from posthorse.mail.ids import ProviderName, Tenant
from posthorse.mail.stream import RULES, Stream, StreamRule

DEFAULT_SPOOL = SpoolUrl(file=Path("posthorse.db"))
"""Relative to the folder of the configuration file, as every path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """This gateway process."""

    name: Annotated[
        str,
        Setting(
            "Name of this gateway in its greeting, in Received headers and as owner of leases; empty: the host's name.",
            'name = "mail.example.com"',
            "Receivers see it; it should resolve to this machine.",
            restart=True,
        ),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings:
    """Where everything we owe is kept."""

    url: Annotated[
        SpoolUrl,
        Setting(
            "The spool: `sqlite:` and a path, relative to this file.",
            'url = "sqlite:/var/lib/posthorse/posthorse.db"',
            "Whoever can read the file can read the mail. It belongs on a local disk that keeps what fsync promised.",
            restart=True,
        ),
    ] = DEFAULT_SPOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """Which providers carry which mail; the first route that fits counts. What fits none goes to all providers in the
    order of the file.
    """

    stream: Annotated[Stream | None, Setting("Only this stream; not set: every one.", 'stream = "urgent"')] = None
    tenant: Annotated[
        Tenant | None, Setting("Only mail of this customer account; not set: of every one.", 'tenant = "shop"')
    ] = None
    sender_domain: Annotated[
        str,
        Setting("Only mail from this envelope sender domain; empty: from every one.", 'sender_domain = "example.com"'),
    ] = ""
    providers: Annotated[
        tuple[ProviderName, ...],
        Setting(
            "Names of providers, best first.",
            'providers = ["ses-virginia", "relay"]',
            "With a single name this mail waits while that provider is down.",
        ),
    ]
    strategy: Annotated[
        Strategy,
        Setting(
            "`priority`: the first that is open; `weighted`: spread by the weights; `adaptive`: by weight and "
            "by what each achieved of late.",
            'strategy = "weighted"',
        ),
    ] = Strategy.PRIORITY


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """What one customer needs otherwise than the stream's own rule."""

    deadline_s: Annotated[
        Seconds | None,
        Setting(
            "Trying stops this long after acceptance.",
            'deadline = "15m"',
            "What is late is dropped and reported as expired.",
        ),
    ] = None
    elsewhere_after_s: Annotated[
        Seconds | None,
        Setting(
            "In doubt: this long after the release another provider is tried. Only for `urgent` and `standard`.",
            'elsewhere_after = "30s"',
            "Shorter: less delay when a provider hangs, and more mail that arrives twice.",
            restart=True,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """How mail leaves, as far as a provider does not say otherwise."""

    slots: Annotated[
        int,
        Meta(ge=1, le=10_000),
        Setting(
            "Attempts at once per provider.",
            "slots = 50",
            "Throughput is about slots divided by the provider's latency; many providers limit connections.",
            restart=True,
        ),
    ] = 100
    connect_timeout_s: Annotated[
        Seconds,
        Meta(gt=0),
        Setting(
            "Longest wait for a connection.",
            'connect_timeout = "5s"',
            "How long a provider that does not answer delays the mail it was chosen for.",
            restart=True,
        ),
    ] = 3.0
    answer_timeout_s: Annotated[
        Seconds,
        Meta(gt=0),
        Setting(
            "Longest wait for an answer before the release; after it the stream's rule counts.",
            'answer_timeout = "20s"',
            restart=True,
        ),
    ] = 10.0
    eject_for_s: Annotated[
        Seconds,
        Meta(gt=0),
        Setting(
            "How long an ejected provider is left alone before it is tried with a few messages.",
            'eject_for = "10s"',
            "Each further time in a row it is longer by as much, up to ten times. Shorter: mail meets a provider that "
            "is still down more often; longer: the others carry its mail for longer.",
            restart=True,
        ),
    ] = 30.0
    ramp_over_s: Annotated[
        Seconds,
        Meta(gt=0),
        Setting(
            "How long a provider that passed its trial takes a part of its mail only: 10, 25, then 50 %, in thirds.",
            'ramp_over = "5m"',
            "A provider that has just come back is seldom ready for everything at once.",
            restart=True,
        ),
    ] = 60.0
    parked: Annotated[
        int,
        Meta(ge=0),
        Setting(
            "Most attempts that nobody waits for any more, yet whose late answer is still listened for.",
            "parked = 200",
            "Each keeps a connection; a late answer settles what would stay in doubt.",
            restart=True,
        ),
    ] = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The log: JSON lines without addresses, subjects or bodies."""

    file: Annotated[
        Path | None,
        Setting(
            "A path relative to this file; not set: standard error.", 'file = "/var/log/posthorse.log"', restart=True
        ),
    ] = None
    mail: Annotated[
        bool,
        Setting(
            "Whether each mail event is written (accepted, released, handed over, ...); warnings always are.",
            "mail = false",
            "The history in the spool has them in any case.",
            restart=True,
        ),
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked."""

    node: NodeSettings = field(default_factory=NodeSettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    listen: tuple[ListenerSettings, ...] = (
        ListenerSettings(http=Address(host="127.0.0.1", port=8025)),
        ListenerSettings(smtp=Address(host="127.0.0.1", port=2525)),
    )
    access_keys: tuple[AccessKeySettings, ...] = ()
    trusted_sources: tuple[TrustedSourceSettings, ...] = ()
    classify: tuple[ClassifySettings, ...] = ()
    domains: tuple[DomainSettings, ...] = ()
    providers: tuple[ProviderSettings, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()
    streams: Mapping[Stream, StreamSettings] = field(default_factory=dict)
    limits: LimitSettings = field(default_factory=LimitSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    dispatch: DispatchSettings = field(default_factory=DispatchSettings)
    feedback: FeedbackSettings = field(default_factory=FeedbackSettings)
    log: LogSettings = field(default_factory=LogSettings)

    def rules(self) -> Mapping[Stream, StreamRule]:
        """The rule of every stream, with what this configuration says otherwise."""
        return {stream: _adapted(rule, self.streams.get(stream)) for stream, rule in RULES.items()}


def _adapted(rule: StreamRule, settings: StreamSettings | None) -> StreamRule:
    if settings is None:
        return rule
    return replace(
        rule,
        deadline_s=rule.deadline_s if settings.deadline_s is None else settings.deadline_s,
        elsewhere_after_s=settings.elsewhere_after_s or rule.elsewhere_after_s,
    )
