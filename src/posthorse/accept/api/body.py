"""Bodies of the native API's requests: read within the room and time that all HTTP fronts share.

Left out: what a body says.
"""

from collections.abc import Mapping

from posthorse.accept.api.problems import ApiError, Code
from posthorse.accept.reception import Incoming, NotReceived, Why
from posthorse.asgi import Receive, declared_bytes

_CODES = {Why.TOO_LARGE: Code.TOO_BIG, Why.BUSY: Code.OVERLOAD, Why.TOO_SLOW: Code.REQUEST_TIMEOUT}


async def read(incoming: Incoming, headers: Mapping[bytes, bytes], receive: Receive) -> None:
    """Read the whole body into `incoming`. Raises `ApiError`, and `ClientGone` of ASGI."""
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding is not taken: send the body as it is.")
    try:
        await incoming.read(receive, declared_bytes(headers.get(b"content-length", b"")) or 0)
    except NotReceived as reason:
        told = f"A request has at most {reason.most_bytes} bytes here." if reason.why is Why.TOO_LARGE else ""
        raise ApiError(_CODES[reason.why], told) from None


def media_type(headers: Mapping[bytes, bytes]) -> str:
    """The Content-Type without its parameters, in lower case. Raises `ApiError` for a charset that is not UTF-8."""
    value, _, parameters = headers.get(b"content-type", b"").decode("latin-1").lower().partition(";")
    name, _, charset = parameters.strip().partition("=")
    if name.strip() == "charset" and charset.strip('" ') not in ("utf-8", "utf8", "us-ascii"):
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, "JSON is UTF-8.")
    return value.strip()
