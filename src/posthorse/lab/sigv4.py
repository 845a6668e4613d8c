"""AWS Signature Version 4 as a provider checks it and a client makes it, pure.

Duty: say whether a request was signed by a known key, for this region and service, recently. Written apart from the
gateway's own signing, so that each is a check of the other. Left out: query-string signatures, session tokens, SigV4a.
Source: AWS documentation, "Signature Version 4 signing process".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from posthorse.lab.http_words import Request

SKEW_S = 300
"""How far the request's time may be from ours."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/(?P<scope>[^,]+), ?SignedHeaders=(?P<signed>[a-z0-9;_-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


class SignatureRefused(Exception):
    """Why a request is refused: the error type of AWS, and its text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


def check_signature(request: Request, secrets: Mapping[str, str], *, region: str, service: str, now: int) -> str:
    """The access key id that signed `request`. `now` in microseconds UTC. Raises `SignatureRefused`."""
    header = request.header("authorization")
    if not header:
        raise SignatureRefused("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = _AUTHORIZATION.fullmatch(header)
    if found is None:
        raise SignatureRefused("IncompleteSignatureException", "Authorization header is malformed.")
    secret = secrets.get(found["key"])
    if secret is None:
        raise SignatureRefused("UnrecognizedClientException", "The security token included in the request is invalid.")
    stamp = request.header("x-amz-date")
    _check_scope(found["scope"], stamp, region, service, now)
    expected = signature(request, secret, found["scope"], found["signed"].split(";"), stamp)
    if not hmac.compare_digest(expected, found["signature"]):
        raise SignatureRefused(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        )
    return found["key"]


def _check_scope(scope: str, stamp: str, region: str, service: str, now: int) -> None:
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise SignatureRefused("IncompleteSignatureException", "X-Amz-Date is missing or malformed.") from None
    if scope != f"{stamp[:8]}/{region}/{service}/aws4_request":
        raise SignatureRefused(
            "InvalidSignatureException", f"Credential should be scoped to {region}/{service}, not {scope}."
        )
    if abs(at - now / 1e6) > SKEW_S:
        when = "Signature expired" if at < now / 1e6 else "Signature not yet current"
        raise SignatureRefused("InvalidSignatureException", f"{when}: {stamp}")


def signature(request: Request, secret: str, scope: str, signed: Sequence[str], stamp: str) -> str:
    """The signature of a request over these headers (names in lower case, sorted), hexadecimal."""
    payload = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join(
        (
            request.method,
            quote(request.path or "/", safe="/-_.~"),
            _canonical_query(request.target.partition("?")[2]),
            *(f"{name}:{_values(request, name)}" for name in signed),
            "",
            ";".join(signed),
            payload,
        )
    )
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    encoded = [(quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _values(request: Request, name: str) -> str:
    values = [" ".join(value.split()) for key, value in request.headers if key == name]
    if not values:
        raise SignatureRefused("InvalidSignatureException", f"The signed header {name} is missing.")
    return ",".join(values)
