"""What the native API reads and writes: one struct per shape; the OpenAPI document is made of them.

Promise: names and units are public. Requests refuse fields they do not know, so that a slip in a name is no silent
default. Times are RFC 3339 in UTC; ids are 32 hexadecimal digits.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from posthorse.accept.control import MAX_KEY_CHARACTERS, MAX_SET_NAME_CHARACTERS, MAX_TAGS
from posthorse.accept.structured import DEFAULT_LIMITS

StreamName = Literal["urgent", "standard", "once", "bulk"]
CarriageName = Literal[
    "queued",
    "leased",
    "released",
    "in_doubt",
    "handed_over",
    "rejected",
    "expired",
    "cancelled",
    "superseded",
    "suppressed",
]
FateName = Literal["unknown", "delivered", "bounced", "complained"]

Mailboxes = Annotated[
    list[str],
    Meta(
        description="Each `local@domain` or `Name <local@domain>`, one to a string; at most as many as the gateway's "
        "setting `[limits] recipients` allows."
    ),
]
Base64 = Annotated[Raw, Meta(description="Base64 (RFC 4648).", extra_json_schema={"type": "string", "format": "byte"})]

MaybeText = Annotated[
    Raw | UnsetType, Meta(description="At most 8 MiB as JSON.", extra_json_schema={"type": ["string", "null"]})
]

MAX_BATCH = 100
MAX_PAGE = 200


def _described(description: str = "", **bounds: int) -> Meta:
    """A field whose bounds (JSON Schema's `max...`) are described here, and held by whoever reads the field."""
    return Meta(description=description or None, extra_json_schema=dict(bounds))


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be asked for beside the message; in the query of a request that is MIME."""

    stream: Annotated[StreamName | None, Meta(description="The kind of mail; null: the gateway's rules decide.")] = None
    deadline: Annotated[
        str | int | None,
        Meta(
            description="Trying stops then: seconds (600), a duration (90s, 10m, 2h, 1d; counted from `not_before`, if "
            "there is one) or a time (RFC 3339). At most 5 days. Null: as the stream has it."
        ),
    ] = None
    not_before: Annotated[
        str | None, Meta(description="Not to be sent before this time (RFC 3339), at most 30 days ahead.")
    ] = None
    supersede_key: Annotated[
        str,
        _described(
            "A newer message with this key withdraws this one where it still waits.", maxLength=MAX_KEY_CHARACTERS
        ),
    ] = ""
    configuration_set: Annotated[
        str, _described("As with SES: a name for `[[classify]]` rules.", maxLength=MAX_SET_NAME_CHARACTERS)
    ] = ""
    tags: Annotated[
        dict[str, str],
        _described(
            "Names and values of 1 to 256 letters, digits, `_`, `-` and `.`; names with `:`, values with `@` as well. "
            "`posthorse:stream` chooses the stream.",
            maxProperties=MAX_TAGS,
        ),
    ] = {}


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further header field."""

    name: Annotated[str, _described(maxLength=DEFAULT_LIMITS.header_name)]
    value: Annotated[str, _described("With the name.", maxLength=DEFAULT_LIMITS.header_value)]


class Attachment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that goes with the message."""

    content: Base64
    file_name: Annotated[str, _described(maxLength=DEFAULT_LIMITS.file_name)] = ""
    content_type: Annotated[
        str, _described("Empty: by the end of the file name.", maxLength=DEFAULT_LIMITS.content_type)
    ] = ""
    disposition: Literal["attachment", "inline"] = "attachment"
    content_id: Annotated[
        str, _described("For an inline image: what `cid:` in the HTML names.", maxLength=DEFAULT_LIMITS.content_id)
    ] = ""
    description: Annotated[str, _described(maxLength=DEFAULT_LIMITS.description)] = ""


class Message(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to send: in fields, or whole in `raw`."""

    from_: Annotated[
        str | None,
        Meta(description="Author, and envelope sender. With `raw`: the envelope sender; null: its From."),
    ] = msgspec.field(name="from", default=None)
    to: Mailboxes = []
    cc: Mailboxes = []
    bcc: Mailboxes = []
    reply_to: Mailboxes = []
    subject: Annotated[str, _described(maxLength=DEFAULT_LIMITS.subject)] = ""
    text: MaybeText = UNSET
    html: MaybeText = UNSET
    headers: Annotated[list[Header], _described(maxItems=DEFAULT_LIMITS.headers)] = []
    attachments: Annotated[list[Attachment], _described(maxItems=DEFAULT_LIMITS.attachments)] = []
    raw: Annotated[
        Raw | UnsetType,
        Meta(
            description="The whole message as MIME (RFC 5322), base64. Then `from`, `to`, `cc` and `bcc` are the "
            "envelope; without recipients those of its To, Cc and Bcc fields count. No other content field may be set.",
            extra_json_schema={"type": "string", "format": "byte"},
        ),
    ] = UNSET
    template: Annotated[
        Raw | UnsetType,
        Meta(description="Refused: there are no templates here.", extra_json_schema={"not": {}}),
    ] = UNSET


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several messages in one request; each is taken or refused for itself."""

    messages: Annotated[list[Raw], Meta(min_length=1, max_length=MAX_BATCH)]


# --- answers ---------------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Anything the API answers."""


class Receipt(Answer, frozen=True, kw_only=True):
    """The gateway is responsible for this message now."""

    id: str
    stream: StreamName
    recipients: Annotated[int, Meta(description="How many; an address named twice counts once.")]
    url: Annotated[str, Meta(description="Where to see what became of it.")]


class Problem(Answer, frozen=True, kw_only=True):
    """Why not (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Meta(description="Stable; what programs should look at.")]
    field: Annotated[str | UnsetType, Meta(description="The field of the request it is about.")] = UNSET


class BatchResult(Answer, frozen=True, kw_only=True):
    """What became of one message of a batch: `receipt` or `problem`."""

    status: int
    receipt: Receipt | UnsetType = UNSET
    replayed: Annotated[bool, Meta(description="It was accepted before, under the same key.")] = False
    problem: Problem | UnsetType = UNSET


class BatchAnswer(Answer, frozen=True, kw_only=True):
    """One result per message, in the order of the request."""

    accepted: int
    refused: int
    results: list[BatchResult]


class Recipient(Answer, frozen=True, kw_only=True):
    """How one recipient stands."""

    n: int
    address: str
    carriage: CarriageName
    fate: FateName
    attempts: Annotated[int, Meta(description="Attempts made at providers that have ended; 0: none has.")]
    provider: Annotated[str, Meta(description="Where its latest attempt went; empty: none yet.")]
    tried: list[str]
    copies_released: int
    copies_allowed: int
    next_at: Annotated[str | None, Meta(description="When it may be tried again; null: not waiting for a time.")]
    on_hold: bool
    withdrawn: Annotated[str, Meta(description="`cancelled`, `superseded` or empty.")]
    now: Annotated[str, Meta(description="How it stands and what happens next, for people.")]


class Step(Answer, frozen=True, kw_only=True):
    """One thing that happened."""

    at: str
    n: Annotated[int | None, Meta(description="Number of the recipient; null: the whole message.")]
    kind: str
    old: CarriageName | None
    new: CarriageName | None
    cause: str
    provider: str
    detail: Annotated[
        dict[str, str | int | float | bool | None],
        Meta(description="Outcome, scope and reply of an attempt; the reason of a decision."),
    ]
    words: Annotated[str, Meta(description="The same for people, with the reason.")]


class Summary(Answer, frozen=True, kw_only=True):
    """One message in a list."""

    id: str
    stream: StreamName
    sender: Annotated[str, Meta(description="Envelope sender; empty: the null sender.")]
    size_bytes: int
    accepted_at: str
    expires_at: str
    configuration_set: str
    tags: dict[str, str]
    carriage: Annotated[dict[str, int], Meta(description="How many recipients stand in which state.")]


class Whole(Answer, frozen=True, kw_only=True):
    """One message with all that happened to it."""

    message: Summary
    supersede_key: str
    recipients: list[Recipient]
    history: list[Step]
    more_history: Annotated[bool, Meta(description="There is more than is shown.")]


class Cancelled(Answer, frozen=True, kw_only=True):
    """What a cancellation did."""

    id: str
    cancelled: Annotated[int, Meta(description="How many recipients ended as cancelled, now or before.")]
    recipients: list[Recipient]


class Page(Answer, frozen=True, kw_only=True):
    """Messages, newest first."""

    messages: list[Summary]
    before: Annotated[
        str | None,
        Meta(description="Ask again with this `before` for older ones, even if none was found; null: that was all."),
    ]
