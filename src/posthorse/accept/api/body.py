"""Bodies of the native API's requests: read within the room and time that all HTTP fronts share.

Left out: what a body says.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from posthorse.accept.api.problems import ApiError, Code
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.accept.ses.reception import Incoming

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_CODES = {Kind.TOO_LARGE: Code.TOO_BIG, Kind.THROTTLED: Code.OVERLOAD, Kind.TOO_SLOW: Code.REQUEST_TIMEOUT}


async def read(incoming: Incoming, headers: Mapping[bytes, bytes], receive: Receive) -> None:
    """Read the whole body into `incoming`. Raises `ApiError`, and `ClientGone` of the reception."""
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding is not taken: send the body as it is.")
    declared = headers.get(b"content-length", b"")
    try:
        await incoming.read(receive, int(declared) if declared.isdigit() and len(declared) < 16 else 0)
    except SesError as error:
        code = _CODES[error.kind]
        raise ApiError(code, error.text if code is Code.TOO_BIG else "") from None


def media_type(headers: Mapping[bytes, bytes]) -> str:
    """The Content-Type without its parameters, in lower case. Raises `ApiError` for a charset that is not UTF-8."""
    value, _, parameters = headers.get(b"content-type", b"").decode("latin-1").lower().partition(";")
    name, _, charset = parameters.strip().partition("=")
    if name.strip() == "charset" and charset.strip('" ') not in ("utf-8", "utf8", "us-ascii"):
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, "JSON is UTF-8.")
    return value.strip()
