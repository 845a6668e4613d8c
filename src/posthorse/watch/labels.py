"""The labels of the metrics: every value that each may have, and what it says.

The reference page docs/metrics.md is written from it. What is a closed set of the mail's own words comes from that set;
what other rooms tell by name stands here in full, and a test compares it with what they tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from posthorse.mail.carriage import Carriage
from posthorse.mail.message import Front
from posthorse.mail.outcome import KINDS
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.spool.kept_port import KeptState
from posthorse.spool.port import Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label, with every value it may have."""

    name: str
    metric: str = ""
    """The metric whose label it is, as in the table of metrics; empty: of every one that has it."""
    meaning: str
    values: Mapping[str, str] = field(default_factory=dict)
    """What each says; empty text: the glossary says it. No values: names that operators choose."""


def _words(closed_set: type[Enum]) -> dict[str, str]:
    return {str(member.value): "" for member in closed_set}


REASON = Label(
    name="reason",
    meaning="Why an offer was not taken.",
    values={
        "connections": "too many connections, overall or from one address",
        "login": "wrong user, password or signature; the log line `login_refused` tells which",
        "login_throttled": "a login that was not looked at, since too many from there were wrong",
        "no_login": "mail was offered without a login",
        "timeout": "a client was silent for too long, or did not come to an end",
        "sender_address": "the envelope sender is no address we take",
        "sender_domain": "the sender's domain does not belong to the customer account",
        "recipient_address": "a recipient is no address we take",
        "recipients": "too many recipients, or none",
        "too_big": "the message is larger than `limits.message_size`",
        "rate": "the credential sends faster than `limits.messages` allows",
        "overload": "shed, since better mail needs the room",
        "disk_low": "the disk of the spool is full, or must keep its last room for what is stored",
        "spool": "the spool could not promise durability",
        "malformed": "header or lines break the format",
        "repeated_field": "a header field that may stand once stands twice",
        "loop": "it has been here before, or passed too many hops",
        "control": "a control header or tag has a value that cannot be meant",
        "key_conflict": "the idempotency key belongs to another message",
        "bug": "something of ours failed in a way nobody foresaw; see `posthorse_bugs_total`",
    },
)
EFFECT = Label(
    name="effect",
    meaning="What a late answer did.",
    values={
        Settled.LATE_APPLIED.value: "settled what was in doubt, or gave a copy back",
        Settled.DUPLICATE.value: "a handover, and another copy is known to be taken, too",
        Settled.RECORDED.value: "too late to matter, or told before: written to history only",
    },
)
WORKER_HOW = Label(
    name="how",
    meaning="What went wrong with a process that takes messages apart.",
    values={
        "start": "it could not be started",
        "ended": "somebody else ended it: an operator, or a machine without memory",
        "late": "it stood still: the machine is overloaded, or somebody stopped it",
        "broke": "it ended of itself, as some message is more than it can do; twice, and that message is no candidate",
    },
)
SPOOL_WHERE = Label(
    name="where",
    metric="spool_trouble",
    meaning="What the spool could not do.",
    values={
        "admit": "store a message: its client was told to try again later",
        "lease": "give out what is due: it waits",
        "body": "read a message that is due, as its place in the database is damaged: it is put off, the rest goes on",
        "release": "mark a release: the attempt was broken off before its last bytes",
        "renew": "prolong the lease of an attempt that takes long: if it lapses, another attempt may begin",
        "settle": "record how an attempt ended: tried again until it can",
        "orders": "read the orders of people: the last ones known stay in force",
        "counts": "count what waits, or store a proof that it can store again",
        "purge": "drop what retention lets go",
        "take_in": "keep a notification: its provider was told to come again",
        "digest": "apply what notifications say: they wait",
        "webhooks": "tell how far a customer's endpoint is, or note it: what was told meanwhile is told again",
    },
)
BUG_WHERE = Label(
    name="where",
    metric="bugs",
    meaning="Where it happened.",
    values={
        "survey at PROVIDER": "looking whether this provider can carry a message: it is left out for it for a while",
        "attempt at PROVIDER": "an attempt at this provider; its mail is tried again",
        "plan": "deciding about a message",
        "renew": "prolonging the lease of an attempt that takes long",
        "settle": "recording how an attempt ended",
        "dispatcher": "the loop that leases and sends; started again",
        "tending attempts": "the loop that looks after attempts; started again",
        "control": "carrying out an operator's command",
        "ses": "answering a request of the SES API: its client was told that something failed here",
        "api": "answering a request of the native API: its client was told that something failed here",
        "web": "answering an HTTP request",
        "hooks": "verifying a notification: its provider was told to come again",
        "digesting": "reading a notification: tried again a few times, then noted",
        "reading notifications": "the loop that reads notifications; started again",
        "webhooks": "telling a customer's endpoint; started again",
        "stopping": "ending the gateway; every other step was taken",
        "loop": "anywhere else",
    },
)
VERDICT = Label(
    name="verdict",
    meaning="What became of a request to a hook.",
    values={
        "taken": "verified and durable",
        "repeated": "verified, and kept before",
        "attended": "a handshake that was dealt with: a subscription confirmed, or ended",
        "no_hook": "no provider of that name tells anything: counted under `unknown`; look at the address given there",
        "busy": "too many at once, overall or from one address: told to come again",
        "too_large": "larger than 1 MiB",
        "cut_off": "it did not come whole within 10 seconds, or came too slowly",
        "spool": "the spool could not promise durability: told to come again",
        "malformed": "no envelope or signature as the provider makes them",
        "no_signature": "the header fields of the signature are missing",
        "signature": "the signature is not that of the provider over these bytes",
        "signature_version": "signed in a way we do not know",
        "stale": "signed too long ago, or in the future: check the clocks",
        "type": "the kind of message in the header field is not that in the signed body",
        "topic": "from an SNS topic that is not in `notifications.topics`",
        "raw_delivery": "SNS is set to raw message delivery, which is not signed: switch that off",
        "certificate_url": "the certificate is not where SNS keeps its own",
        "certificate": "the certificate is expired, weak, or not SNS's",
        "certificate_unavailable": "the certificate cannot be had from SNS now: told to come again",
        "confirmation": "SNS did not take our confirmation of a subscription: told to come again",
        "no_credentials": "without user name and password",
        "credentials": "a wrong user name or password",
        "header": "the header field of `notifications.header` is missing or wrong",
    },
)
EVENT_KIND = Label(
    name="kind",
    metric="events",
    meaning="What happened to the mail.",
    values={
        "taken": "the provider has it and works on it",
        "deferred": "the receiving server put it off",
        "delivered": "the receiving server said yes",
        "soft_bounced": "the receiving server said no, for a reason that may pass",
        "hard_bounced": "the receiving server said no for good; the address is suppressed",
        "dropped": "the provider took it and will not send it",
        "complained": "a person called it spam; the address is suppressed",
        "opened": "it was opened, or a program fetched its images",
        "clicked": "a link in it was followed",
        "unsubscribed": "its reader wants no more of the kind",
    },
)
KEPT_STATE = Label(
    name="state",
    metric="notifications_kept",
    meaning="What became of a notification.",
    values={
        KeptState.WAITING.value: "nobody has read it yet",
        KeptState.UNKNOWN.value: "it tells of mail that its provider was not given, as far as is known",
        KeptState.UNREADABLE.value: "it makes no sense to us, wholly or in part",
    },
)
WEBHOOK_RESULT = Label(
    name="result",
    meaning="What came of telling an endpoint.",
    values={
        "taken": "the endpoint answered 2xx",
        "not_taken": "it did not; it is told again",
        "given_up": "it did not, eight times over 28 hours",
    },
)
WEBHOOK_STATE = Label(
    name="state",
    metric="webhook_state",
    meaning="How a customer's endpoint is.",
    values={
        "open": "it takes events, or has nothing to take",
        "resting": "several facts in a row did not reach it, or it asked to be left alone; it is tried again soon",
        "disabled": "it answered 410, or a person said so",
    },
)

LABELS: tuple[Label, ...] = (
    Label(
        name="provider",
        meaning="A name in `[[providers]]`; `unknown` of a notification whose address ends in a name that is none; "
        "empty: no provider was asked.",
    ),
    Label(name="stream", meaning="The kind of mail.", values=_words(Stream)),
    Label(
        name="front",
        meaning="The door a message came through.",
        values=_words(Front),
    ),
    Label(name="outcome", meaning="How an attempt ended.", values=dict.fromkeys(KINDS.values(), "")),
    Label(name="carriage", meaning="Our duty towards a recipient.", values=_words(Carriage)),
    Label(name="standing", meaning="What we think of a provider now.", values=_words(StandingState)),
    REASON,
    EFFECT,
    SPOOL_WHERE,
    WORKER_HOW,
    BUG_WHERE,
    VERDICT,
    EVENT_KIND,
    Label(name="endpoint", meaning="A name in `[[webhooks]]`."),
    WEBHOOK_RESULT,
    WEBHOOK_STATE,
    KEPT_STATE,
)
"""Every label, in the order of the page."""


def labels_section() -> str:
    """The part of the reference page about labels, in Markdown."""
    return "\n".join([_INTRODUCTION, *map(_part, LABELS)])


def _part(label: Label) -> str:
    ending = "" if label.name == "state" else "_total"
    of = f" of `posthorse_{label.metric}{ending}`" if label.metric else ""
    head = f"**`{label.name}`**{of}: {label.meaning}"
    if not any(label.values.values()):
        listed = ", ".join(f"`{value}`" for value in label.values)
        return f"{head} {listed}.\n" if listed else f"{head}\n"
    rows = (f"| `{value}` | {says} |" for value, says in label.values.items())
    return "\n".join([head, "", "| value | says |", "|---|---|", *rows, ""])


_INTRODUCTION = """\
## Label values

Values come from closed sets and from names in the configuration: no address ever stands in one. The words of mail are
explained in the [glossary](glossary.md).
"""
