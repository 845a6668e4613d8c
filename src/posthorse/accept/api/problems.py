"""Problems: every way in which the native API says no, with a code that does not change (RFC 9457).

Promise: the table of refusals is total; a client that may succeed later is told when (`Retry-After`), every other
answer will be the same next time. No text repeats what the client sent, save names of fields.
"""

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final

import msgspec

from posthorse.accept.api.wire import Problem
from posthorse.accept.refusal import RefusalKind, Refused

CONTENT_TYPE = "application/problem+json"


class Code(Enum):
    """What is wrong: (HTTP status, seconds after which to try again or 0, what it means)."""

    UNAUTHENTICATED = (401, 0, "The request brings no credentials, or wrong ones.")
    LOGIN_THROTTLED = (429, 30, "Too many wrong credentials came from this address.")
    TLS_REQUIRED = (403, 0, "Credentials are only taken over TLS, or from this machine.")
    FROM_A_BROWSER = (403, 0, "A trusted source is let in without credentials, but not a web page shown there.")
    NOT_FOUND = (404, 0, "There is nothing at this path, or no such message of this tenant.")
    METHOD_NOT_ALLOWED = (405, 0, "This path does not take that method.")
    UNSUPPORTED_MEDIA_TYPE = (415, 0, "The body is neither JSON nor a message, or it is compressed.")
    MALFORMED_REQUEST = (400, 0, "The body is no JSON, or a parameter cannot be read.")
    INVALID_FIELD = (422, 0, "A field has a value that cannot be meant.")
    TEMPLATES_NOT_OFFERED = (422, 0, "There are no templates here; send text and html.")
    IDEMPOTENCY_KEY_INVALID = (400, 0, "Idempotency-Key is 1 to 256 printable ASCII characters.")
    IDEMPOTENCY_KEY_IN_FLIGHT = (409, 1, "A request with this key is being worked on.")
    REQUEST_TIMEOUT = (408, 0, "The body did not come in time.")
    CONNECTIONS = (503, 5, "Too many connections.")
    SENDER_ADDRESS = (422, 0, "The sender is no address that is taken.")
    SENDER_DOMAIN = (403, 0, "The sender's domain does not belong to the tenant.")
    RECIPIENT_ADDRESS = (422, 0, "A recipient is no address that is taken.")
    RECIPIENTS = (422, 0, "There are too many recipients, or none.")
    TOO_BIG = (413, 0, "The message is larger than any that is taken.")
    RATE = (429, 1, "This credential sends faster than it may.")
    OVERLOAD = (503, 10, "Shed, because better mail needs the room.")
    DISK_LOW = (503, 60, "The disk must keep its last free space for what is stored.")
    SPOOL = (503, 5, "Mail cannot be stored now. Whether it was is not known: repeat it with an Idempotency-Key.")
    MALFORMED_MESSAGE = (422, 0, "The header block or the lines of the message break the format.")
    REPEATED_FIELD = (422, 0, "A header field that may stand once stands twice.")
    LOOP = (422, 0, "The message has been here before, or passed too many hops.")
    CONTROL = (422, 0, "A control header of the message has a value that cannot be meant.")
    IDEMPOTENCY_KEY_REUSED = (422, 0, "The key belongs to another request.")
    BUG = (500, 5, "Something went wrong here; it has been logged.")

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.value[0]

    @property
    def retry_after_s(self) -> int:
        """Seconds; 0: it will be the same next time."""
        return self.value[1]

    @property
    def meaning(self) -> str:
        """For people."""
        return self.value[2]

    @property
    def word(self) -> str:
        """As it stands in `code`."""
        return self.name.lower()


OF_REFUSAL: Final[dict[RefusalKind, Code]] = {
    RefusalKind.CONNECTIONS: Code.CONNECTIONS,
    RefusalKind.NO_LOGIN: Code.UNAUTHENTICATED,
    RefusalKind.SENDER_ADDRESS: Code.SENDER_ADDRESS,
    RefusalKind.SENDER_DOMAIN: Code.SENDER_DOMAIN,
    RefusalKind.RECIPIENT_ADDRESS: Code.RECIPIENT_ADDRESS,
    RefusalKind.RECIPIENTS: Code.RECIPIENTS,
    RefusalKind.TOO_BIG: Code.TOO_BIG,
    RefusalKind.RATE: Code.RATE,
    RefusalKind.OVERLOAD: Code.OVERLOAD,
    RefusalKind.DISK_LOW: Code.DISK_LOW,
    RefusalKind.SPOOL: Code.SPOOL,
    RefusalKind.MALFORMED: Code.MALFORMED_MESSAGE,
    RefusalKind.REPEATED_FIELD: Code.REPEATED_FIELD,
    RefusalKind.LOOP: Code.LOOP,
    RefusalKind.CONTROL: Code.CONTROL,
    RefusalKind.KEY_CONFLICT: Code.IDEMPOTENCY_KEY_REUSED,
    RefusalKind.BUG: Code.BUG,
}
"""What each refusal of admission is here."""


@dataclass(slots=True)
class ApiError(Exception):
    """The request ends with this problem."""

    code: Code
    detail: str = ""
    """Empty: what the code means."""
    field: str = ""
    """The field of the request; empty: none in particular."""
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def problem(self) -> Problem:
        """As it stands in the body."""
        return Problem(
            type=f"/api/docs#{self.code.word}",
            title=HTTPStatus(self.code.status).phrase,
            status=self.code.status,
            detail=self.detail or self.code.meaning,
            code=self.code.word,
            field=self.field or msgspec.UNSET,
        )

    def more_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What stands in the header of the answer."""
        later = self.code.retry_after_s
        return (*self.headers, (b"retry-after", str(later).encode("ascii"))) if later else self.headers


def of_refusal(refused: Refused) -> ApiError:
    """What admission said, as a problem."""
    code = OF_REFUSAL[refused.kind]
    meaning_alone = code in (Code.RATE, Code.OVERLOAD, Code.DISK_LOW, Code.SPOOL, Code.BUG, Code.IDEMPOTENCY_KEY_REUSED)
    return ApiError(code, "" if meaning_alone else refused.reason)


def invalid(field: str, why: str) -> ApiError:
    """A field that cannot be meant as it is."""
    return ApiError(Code.INVALID_FIELD, f"{field}: {why}", field=field)
