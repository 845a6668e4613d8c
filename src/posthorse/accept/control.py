"""Controls: what the client tells us about its message, by header or as a parameter of an API, checked value by value.

Promise: a value that cannot be meant is refused with what is expected; none is ignored. All of them are removed.

    X-Posthorse-Stream: urgent | standard | once | bulk
    X-Posthorse-Deadline: seconds (600), a duration (90s, 10m, 2h, 1d) or a time (2030-01-31T12:00:00Z, RFC 3339)
    X-Posthorse-Supersede: key        a newer message with this key withdraws this one where it still waits
    X-Posthorse-Idempotency-Key: key  the same message offered again gets the first receipt and is sent once
    X-SES-CONFIGURATION-SET: name
    X-SES-MESSAGE-TAGS: name=value, name2=value2

A deadline may be shorter or longer than the stream's own, up to `MAX_DEADLINE_S`: how long a code is valid, only its
sender knows. A front that takes parameters makes its own `Controls` of them; each one given there counts, and the
header that says the same does not, nor are the two merged.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from posthorse.accept import headers
from posthorse.accept.refusal import Refused, bad_control
from posthorse.mail.stream import SECOND, Stream

MAX_DEADLINE_S = 5 * 86_400
MAX_KEY_CHARACTERS = 256
MAX_SET_NAME_CHARACTERS = 64
MAX_TAGS = 50

_FOLD = re.compile(rb"\r\n[ \t]+")
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_KEY = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_SET_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_SET_NAME_CHARACTERS}}}")
_TAG_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,256}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.@-]{1,256}")

_OWN_TAGS = "posthorse:"
STREAM_TAG = "posthorse:stream"
"""An SES tag with this name chooses the stream, for clients that can set tags only."""


@dataclass(slots=True, kw_only=True)
class Controls:
    """What the client asked for; empty: nothing."""

    stream: Stream | None = None
    deadline_us: int | None = None
    """Microseconds from now."""
    not_before: int = 0
    """Not to be sent before this moment, microseconds UTC; 0: at once. Parameter only."""
    supersede_key: str = ""
    idempotency_key: str = ""
    fingerprint: bytes = b""
    """Digest of the request, for the idempotency key; empty: admission takes that of the message. Parameter only."""
    shared_key: str = ""
    """Key of the whole request, which brought other messages too; held with them. Parameter only."""
    configuration_set: str = ""
    template: str = ""
    """Name of the template it was made from. Parameter only."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def over(self, headers: "Controls") -> "Controls":
        """These parameters, and for what they leave open what the headers say."""
        if self is NO_CONTROLS:
            return headers
        if headers is NO_CONTROLS:
            return self
        return Controls(
            stream=self.stream or headers.stream,
            deadline_us=headers.deadline_us if self.deadline_us is None else self.deadline_us,
            not_before=self.not_before,
            supersede_key=self.supersede_key or headers.supersede_key,
            idempotency_key=self.idempotency_key or headers.idempotency_key,
            fingerprint=self.fingerprint if self.idempotency_key else b"",
            shared_key=self.shared_key,
            configuration_set=self.configuration_set or headers.configuration_set,
            template=self.template,
            tags=self.tags or headers.tags,
        )


NO_CONTROLS = Controls()


def read_controls(raw: Mapping[bytes, bytes], now: int) -> Controls | Refused:
    """Read the raw values (by lower-case name) at `now`, microseconds UTC."""
    if not raw:
        return NO_CONTROLS
    controls = Controls()
    for name, value in raw.items():
        try:
            _READERS[name](controls, _text(value), now)
        except ValueError as error:
            return bad_control(f"{_SPELLING[name]} {error}.")
    return controls


def _text(value: bytes) -> str:
    unfolded = _FOLD.sub(b" ", value).strip()
    if not unfolded.isascii():
        raise ValueError("must be plain ASCII")
    return unfolded.decode("ascii")


def _stream(controls: Controls, text: str, _now: int) -> None:
    controls.stream = parse_stream(text)


def parse_stream(text: str) -> Stream:
    """The stream named so, in any case. Raises ValueError."""
    try:
        return Stream(text.lower())
    except ValueError:
        raise ValueError("must be urgent, standard, once or bulk") from None


def _deadline(controls: Controls, text: str, now: int) -> None:
    controls.deadline_us = parse_deadline(text, now)


class NotAhead(ValueError):
    """A deadline that has passed before anything was tried."""


def parse_deadline(text: str, now: int) -> int:
    """Microseconds from `now` until trying stops. Raises `NotAhead`, and ValueError for what is none."""
    duration = _DURATION.fullmatch(text)
    if duration:
        left_us = int(duration[1]) * _UNIT_S[duration[2]] * SECOND
    elif _TIME.fullmatch(text):
        left_us = parse_time(text) - now
    else:
        raise ValueError("must be seconds, a duration such as 10m or 2h, or a time such as 2030-01-31T12:00:00Z")
    if left_us <= 0:
        raise NotAhead("is not in the future")
    if left_us > MAX_DEADLINE_S * SECOND:
        raise ValueError("must be at most 5 days ahead")
    return left_us


def parse_time(text: str) -> int:
    """A time of RFC 3339 section 5.6 in microseconds UTC. Raises ValueError."""
    if not _TIME.fullmatch(text):
        raise ValueError("must be a time such as 2030-01-31T12:00:00Z")
    since = datetime.fromisoformat(text.upper()) - datetime.fromtimestamp(0, UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def _supersede(controls: Controls, text: str, _now: int) -> None:
    controls.supersede_key = parse_key(text)


def _idempotency(controls: Controls, text: str, _now: int) -> None:
    controls.idempotency_key = parse_key(text)


def parse_key(text: str) -> str:
    """A supersede or idempotency key. Raises ValueError."""
    if not _KEY.fullmatch(text) or len(text) > MAX_KEY_CHARACTERS:
        raise ValueError(f"must be 1 to {MAX_KEY_CHARACTERS} printable ASCII characters")
    return text


def _configuration_set(controls: Controls, text: str, _now: int) -> None:
    controls.configuration_set = parse_configuration_set(text)


def parse_configuration_set(text: str) -> str:
    """The name of a configuration set. Raises ValueError."""
    if not _SET_NAME.fullmatch(text):
        raise ValueError(f"must be 1 to {MAX_SET_NAME_CHARACTERS} letters, digits, - or _")
    return text


def _tags(controls: Controls, text: str, _now: int) -> None:
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(mark for _, mark, _ in pairs):
        raise ValueError("must be name=value pairs, separated by commas")
    controls.tags = parse_tags((name.strip(), value.strip()) for name, _, value in pairs)


class BadTag(ValueError):
    """One tag of several is none; as text it goes with the name of the list. Where it is `number`, counted from 0."""

    def __init__(self, number: int, name: str, part: str, why: str) -> None:
        self.number, self.name, self.part, self.why = number, name, part, why
        which = f'"{name}"' if part == "value" else f"number {number + 1}"
        super().__init__(f"has the tag {which}, whose {part} {why}")


def parse_tags(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Message tags; of two with one name the last counts. Raises `BadTag`, and ValueError for too many."""
    tags: dict[str, str] = {}
    for number, (name, value) in enumerate(pairs):
        if not _TAG_NAME.fullmatch(name):
            raise BadTag(number, name, "name", "must be 1 to 256 letters, digits, and _ - . :")
        if not _TAG_VALUE.fullmatch(value):
            raise BadTag(number, name, "value", "must be 1 to 256 letters, digits, and _ - . @")
        if name.lower().startswith(_OWN_TAGS):
            _check_own(number, name, value)
        if number >= MAX_TAGS:
            raise ValueError(f"must hold at most {MAX_TAGS} tags")
        tags[name] = value
    return tags


def _check_own(number: int, name: str, value: str) -> None:
    """A slip in a tag that is meant for us must not send the mail in another way than was meant."""
    if name != STREAM_TAG:
        raise BadTag(number, name, "name", f'must not begin with "{_OWN_TAGS}", save "{STREAM_TAG}"')
    try:
        parse_stream(value)
    except ValueError as error:
        raise BadTag(number, name, "value", str(error)) from None


_READERS = {
    headers.STREAM: _stream,
    headers.DEADLINE: _deadline,
    headers.SUPERSEDE: _supersede,
    headers.IDEMPOTENCY_KEY: _idempotency,
    headers.CONFIGURATION_SET: _configuration_set,
    headers.MESSAGE_TAGS: _tags,
}

_SPELLING = {
    headers.STREAM: "X-Posthorse-Stream",
    headers.DEADLINE: "X-Posthorse-Deadline",
    headers.SUPERSEDE: "X-Posthorse-Supersede",
    headers.IDEMPOTENCY_KEY: "X-Posthorse-Idempotency-Key",
    headers.CONFIGURATION_SET: "X-SES-CONFIGURATION-SET",
    headers.MESSAGE_TAGS: "X-SES-MESSAGE-TAGS",
}
