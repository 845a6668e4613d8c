"""What may be asked for, and how long what is finished is kept."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from posthorse.config.setting import Bytes, PerSecond, Seconds, Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What one client, and all together, may ask for. Beyond it the answer is a temporary refusal."""

    message_size_bytes: Annotated[
        Bytes,
        Meta(ge=1024),
        Setting(
            "Largest message; never more than the provider that takes most.",
            'message_size = "25MiB"',
            "Larger ones get 552.",
        ),
    ] = 40 << 20
    recipients: Annotated[
        int,
        Meta(ge=1, le=50_000),
        Setting("Most recipients of one message.", "recipients = 100", "Further ones get 452."),
    ] = 1_000
    connections: Annotated[
        int, Meta(ge=1), Setting("Most SMTP connections at once.", "connections = 500", "Further ones get 421.")
    ] = 2_000
    connections_per_peer: Annotated[
        int,
        Meta(ge=1),
        Setting(
            "Most connections at once from one address, by SMTP and at each HTTP listener.",
            "connections_per_peer = 50",
            "Further ones get 421 or 503. Set it higher for a listener behind a proxy: everybody comes from there.",
        ),
    ] = 500
    idle_timeout_s: Annotated[
        Seconds,
        Meta(gt=0),
        Setting(
            "A connection that says nothing for this long is closed.",
            'idle_timeout = "1m"',
            "RFC 5321 asks for five minutes; clients that keep connections open notice a shorter one.",
        ),
    ] = 300.0
    messages_per_s: Annotated[
        PerSecond | None,
        Setting(
            "Most messages of one credential, with bursts of ten seconds' worth; not set: no limit.",
            'messages = "50/s"',
            "Beyond it 454; urgent mail is counted, never refused for it.",
        ),
    ] = None
    memory_bytes: Annotated[
        Bytes,
        Meta(ge=1 << 20),
        Setting(
            "Most bytes of messages that are being received at once.",
            'memory = "128MiB"',
            "Beyond half of it bulk is refused, beyond it once and standard, beyond twice as much urgent mail.",
        ),
    ] = 256 << 20
    queued: Annotated[
        int,
        Meta(ge=1),
        Setting(
            "Most recipients waiting in the spool.",
            "queued = 200_000",
            "Beyond half of it bulk is refused, beyond it all but urgent mail.",
        ),
    ] = 2_000_000
    free_space_bytes: Annotated[
        Bytes,
        Setting(
            "Free space the spool's disk must keep.",
            'free_space = "2GiB"',
            "Below it new mail gets 452, so that what is stored can still be worked off.",
        ),
    ] = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long what is finished is kept. What is in doubt is kept until somebody or something settles it."""

    bodies_s: Annotated[
        Seconds,
        Setting(
            "Bodies, counted from the end of duty; and what providers told, as it came, once it was read.",
            'bodies = "1h"',
            "A body that is gone cannot be sent again.",
        ),
    ] = 86_400.0
    history_s: Annotated[
        Seconds,
        Setting(
            "Recipients and their history, counted from the end of duty.",
            'history = "90d"',
            "What `explain` can still tell, and what the spool's file grows by.",
        ),
    ] = 30 * 86_400.0
