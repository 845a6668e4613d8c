"""Answers of the SES API on the wire: JSON with its error header for v2, XML for v1.

Promise: every answer has `x-amzn-RequestId`; whatever stands in XML is escaped, and what XML cannot hold is left out.
Source: botocore's protocol `rest-json` and `query`, as its service models of SES describe their results.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from posthorse.accept.ses.errors import SesError

NAMESPACE = "http://ses.amazonaws.com/doc/2010-12-01/"

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#39;"}


@dataclass(frozen=True, slots=True)
class Entries:
    """A map of v1: each entry with its key and value."""

    pairs: Mapping[str, "Xml"]


Xml = str | Sequence["Xml"] | Mapping[str, "Xml"] | Entries
"""An element's inside: text, a list (each a `member`), elements by name, or a map."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """One response, but for the request's id."""

    status: int
    content_type: bytes
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


_JSON = b"application/json"
_XML = b"text/xml"
_encode = msgspec.json.Encoder().encode


def v2_result(content: object) -> Answer:
    """A result of v2: any structure of JSON."""
    return Answer(status=200, content_type=_JSON, body=_encode(content))


def v2_error(error: SesError) -> Answer:
    """An error of v2."""
    status, kind = error.kind.v2()
    headers = ((b"x-amzn-errortype", kind.encode("ascii")),)
    return Answer(status=status, content_type=_JSON, body=_encode({"message": error.text}), headers=headers)


def v1_result(action: str, result: Xml, request_id: str) -> Answer:
    """A result of v1; an empty result stands there as an empty element."""
    inside = xml({f"{action}Result": result, "ResponseMetadata": {"RequestId": request_id}})
    body = f'<{action}Response xmlns="{NAMESPACE}">{inside}</{action}Response>'
    return Answer(status=200, content_type=_XML, body=body.encode())


def v1_error(error: SesError, request_id: str) -> Answer:
    """An error of v1."""
    status, code = error.kind.v1()
    whose = "Receiver" if status >= 500 else "Sender"
    inside = xml({"Error": {"Type": whose, "Code": code, "Message": error.text}, "RequestId": request_id})
    body = f'<ErrorResponse xmlns="{NAMESPACE}">{inside}</ErrorResponse>'
    return Answer(status=status, content_type=_XML, body=body.encode())


def xml(content: Xml) -> str:
    """The inside of an element."""
    if isinstance(content, str):
        return _UNFIT.sub("", content).translate(_ESCAPES)
    if isinstance(content, Mapping):
        return "".join(f"<{name}>{xml(inside)}</{name}>" for name, inside in content.items())
    if isinstance(content, Entries):
        pairs = ((xml(key), xml(value)) for key, value in content.pairs.items())
        return "".join(f"<entry><key>{key}</key><value>{value}</value></entry>" for key, value in pairs)
    return "".join(f"<member>{xml(member)}</member>" for member in content)
