"""Errors of the SES API: one closed list, with the code and HTTP status each version of the API has for it.

Promise: the table is total over the list and over every kind of refusal, so nothing reaches a client without a shape
that its library knows. What a client should repeat has a code that libraries repeat; everything else has none.

Left out: the wire shapes (`answers`). Source: the service models of SES 2010-12-01 and SESv2 2019-09-27, and
"Common Errors" of the SES API reference.
"""

from enum import Enum, unique
from typing import assert_never

from posthorse.accept.reception import NotReceived, Why
from posthorse.accept.refusal import RefusalKind, Refused


@unique
class Kind(Enum):
    """What is wrong, in both versions: (v1 status, v1 code, v2 status, v2 type)."""

    MESSAGE_REJECTED = (400, "MessageRejected", 400, "MessageRejected")
    """The mail is not taken: above all, an identity that is not ours."""
    INVALID = (400, "InvalidParameterValue", 400, "BadRequestException")
    """A value that cannot be meant."""
    MISSING = (400, "ValidationError", 400, "BadRequestException")
    """Something required is not there."""
    UNREADABLE = (400, "MalformedInput", 400, "SerializationException")
    """The body is not what it says it is."""
    NOT_FOUND = (400, "InvalidParameterValue", 404, "NotFoundException")
    """What is named does not exist here."""
    NOT_OFFERED = (400, "InvalidAction", 400, "BadRequestException")
    """An operation of the API that this gateway does not have."""
    UNKNOWN_OPERATION = (400, "InvalidAction", 404, "UnknownOperationException")
    """No operation of the API."""
    THROTTLED = (400, "Throttling", 429, "TooManyRequestsException")
    """Later; libraries repeat it with growing pauses."""
    INTERNAL = (500, "InternalFailure", 500, "InternalServiceErrorException")
    """Our own trouble; libraries repeat it."""
    UNSIGNED = (403, "MissingAuthenticationToken", 403, "MissingAuthenticationTokenException")
    NOT_KNOWN = (403, "InvalidClientTokenId", 403, "UnrecognizedClientException")
    """Unknown key, wrong signature, temporary credentials: all look alike."""
    NOT_OF_NOW = (403, "SignatureDoesNotMatch", 403, "InvalidSignatureException")
    """Made at another time, for another day, region or service, or over another body."""
    INCOMPLETE = (400, "IncompleteSignature", 400, "IncompleteSignatureException")
    """The signature cannot be read, or does not cover what it must."""
    TOO_LARGE = (413, "RequestEntityTooLarge", 413, "RequestEntityTooLargeException")
    """The request is larger than any that is taken."""
    TOO_SLOW = (408, "RequestTimeout", 408, "RequestTimeoutException")
    """The body did not come in time."""

    def v1(self) -> tuple[int, str]:
        """HTTP status and Code."""
        return self.value[0], self.value[1]

    def v2(self) -> tuple[int, str]:
        """HTTP status and error type."""
        return self.value[2], self.value[3]


class SesError(Exception):
    """The request ends with an error; `text` is for the client and repeats nothing that could harm it."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.is_counted = False
        """Admission refused the mail, and has told its observer."""


class NotLetIn(SesError):
    """The caller stays outside. What is for the log and not for the caller stands beside it."""

    def __init__(self, kind: Kind, text: str, reason: str, access_key_id: str) -> None:
        """`reason`: one word. `access_key_id`: the one that the request names, harmless to write; empty: none."""
        super().__init__(kind, text)
        self.reason = reason
        self.access_key_id = access_key_id


INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - what SES says, no secret
THROTTLED_TEXT = "Maximum sending rate exceeded."
INTERNAL_TEXT = "Cannot store mail now, try again later."

_KINDS: dict[RefusalKind, Kind] = {
    RefusalKind.CONNECTIONS: Kind.THROTTLED,
    RefusalKind.NO_LOGIN: Kind.UNSIGNED,
    # nodemailer's `verify` takes nothing but a rejected message as proof that all is well
    RefusalKind.SENDER_ADDRESS: Kind.MESSAGE_REJECTED,
    RefusalKind.SENDER_DOMAIN: Kind.MESSAGE_REJECTED,
    RefusalKind.RECIPIENT_ADDRESS: Kind.INVALID,
    RefusalKind.RECIPIENTS: Kind.INVALID,
    RefusalKind.TOO_BIG: Kind.INVALID,
    RefusalKind.RATE: Kind.THROTTLED,
    RefusalKind.OVERLOAD: Kind.THROTTLED,
    RefusalKind.DISK_LOW: Kind.INTERNAL,
    RefusalKind.SPOOL: Kind.INTERNAL,
    RefusalKind.MALFORMED: Kind.INVALID,
    RefusalKind.REPEATED_FIELD: Kind.INVALID,
    RefusalKind.LOOP: Kind.MESSAGE_REJECTED,
    RefusalKind.CONTROL: Kind.INVALID,
    RefusalKind.KEY_CONFLICT: Kind.MESSAGE_REJECTED,
    RefusalKind.BUG: Kind.INTERNAL,
}


def of_refusal(refused: Refused) -> SesError:
    """The error a refusal of admission becomes."""
    error = SesError(_KINDS[refused.kind], refused.reason)
    error.is_counted = True
    return error


def not_received(reason: NotReceived) -> SesError:
    """The error that a body becomes which was not received."""
    match reason.why:
        case Why.TOO_LARGE:
            return SesError(Kind.TOO_LARGE, f"A request has at most {reason.most_bytes} bytes here.")
        case Why.BUSY:
            return SesError(Kind.THROTTLED, THROTTLED_TEXT)
        case Why.TOO_SLOW:
            return SesError(Kind.TOO_SLOW, "The body of the request did not come in time.")
        case _:
            assert_never(reason.why)
