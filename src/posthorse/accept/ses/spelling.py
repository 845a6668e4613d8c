"""The one spelling of a path and a query in which they are signed (AWS Signature Version 4).

Promise: linear, but for sorting the parameters; never raises. Left out: how long they may be (`sigv4`).
"""

import re
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

_PLAIN_PATH = re.compile(rb"/(?:[A-Za-z0-9_~-][A-Za-z0-9_.~-]*/?)*")


@lru_cache(maxsize=256)
def canonical_path(path: bytes) -> bytes:
    """The path without empty and relative segments (RFC 3986 section 5.2.4), each byte beyond the unreserved escaped;
    what came escaped is escaped again.
    """
    if _PLAIN_PATH.fullmatch(path):
        return path
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    last = "/" if path.endswith(b"/") and kept else ""
    return ("/" + quote_from_bytes(b"/".join(kept), safe="/-_.~") + last).encode("ascii")


def canonical_query(query: bytes) -> bytes:
    """The query's parameters, each escaped in one way, sorted by name and value; without the signature itself."""
    pairs = [_pair(part) for part in query.split(b"&") if part]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs) if name != "X-Amz-Signature").encode("ascii")


def _pair(part: bytes) -> tuple[str, str]:
    name, _, value = part.partition(b"=")
    return _escaped(name), _escaped(value)


def _escaped(text: bytes) -> str:
    return quote_from_bytes(unquote_to_bytes(text), safe="-_.~")
