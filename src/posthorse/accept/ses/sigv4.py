"""Who signed a request: AWS Signature Version 4 read and computed anew, pure.

Promise: nothing is taken on trust that the signature does not cover: `host` and every `x-amz-*` header there is must be
signed, the body's own digest counts and a declared one must equal it, the time may be `SKEW_S` off, its day must be
that of the scope. What is refused before the signature is computed depends on the request alone, never on whose key it
names. Linear in the request.

Left out: paths and queries (`spelling`), keys and the comparison (`keys`), who may come in without a signature
(`gate`), S3's rules, Signature v4a.
Source: AWS, "Create a signed AWS API request" and "Authenticating Requests: Using Query Parameters".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote_to_bytes

from posthorse.accept.ses.spelling import canonical_path, canonical_query
from posthorse.mail.stream import SECOND

SKEW_S = 300
MAX_EXPIRES_S = 604_800
MAX_AUTHORIZATION_BYTES = 4_096
MAX_PATH_BYTES = 4_096
MAX_QUERY_BYTES = 64 << 10
MAX_PARAMETERS = 2_000
SERVICE = b"ses"

_ALGORITHM = b"AWS4-HMAC-SHA256"
_ASYMMETRIC = b"AWS4-ECDSA"
_SCOPE = rb"(?P<key>[A-Za-z0-9_.@+-]{1,128})/(?P<day>[0-9]{8})/(?P<region>[a-z0-9-]{1,32})/(?P<service>[a-z0-9-]{1,32})"
_NAMES = rb"[!#$%&'*+.^_`|~0-9a-z;-]{1,2048}"
_AUTHORIZATION = re.compile(
    _ALGORITHM + rb" +Credential=" + _SCOPE + rb"/aws4_request, *SignedHeaders=(?P<signed>" + _NAMES + rb"), *"
    rb"Signature=(?P<signature>[0-9a-f]{64})"
)
_CREDENTIAL = re.compile(_SCOPE + rb"/aws4_request")
_SIGNED = re.compile(_NAMES)
_SIGNATURE = re.compile(rb"[0-9a-f]{64}")
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_REGION = re.compile(rb"[a-z]{2,6}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_ALONE = frozenset({b"host", b"authorization", b"x-amz-date", b"x-amz-content-sha256", b"x-amz-security-token"})
_QUERY_FIELDS = ("algorithm", "credential", "date", "expires", "signedheaders", "signature")

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, in the order of the request."""


class Flaw(Enum):
    """Why a request proves nothing about its sender, whoever it names."""

    UNSIGNED = "unsigned"
    """It carries no signature."""
    INCOMPLETE = "incomplete"
    """The signature cannot be read, or does not cover what it must."""
    SCOPE = "scope"
    """It was made for another day, region or service."""
    TIME = "time"
    """It is too old, or of the future."""
    PAYLOAD = "payload"
    """The digest it declares is not that of its body."""


class NotSigned(Exception):
    """The request proves nothing; the text may be told to the client."""

    def __init__(self, flaw: Flaw, text: str) -> None:
        super().__init__(text)
        self.flaw = flaw
        self.text = text


@dataclass(slots=True, kw_only=True)
class Head:
    """A request without its body, as it came."""

    method: str
    path: bytes
    """Raw, as in the request line, without the query."""
    query: bytes
    headers: Headers


@dataclass(slots=True, kw_only=True)
class Claim:
    """What a request says of its signature, readable and of now; not yet verified."""

    access_key_id: str
    day: bytes
    region: bytes
    service: bytes
    stamp: bytes
    signed: bytes
    """Names of the signed headers as the request lists them."""
    signature: bytes
    """64 small hexadecimal digits."""
    has_token: bool
    """A session token came along: temporary credentials."""
    fields: Mapping[bytes, bytes]
    """Headers by name, those that stand several times joined by commas."""

    @property
    def declared_sha256(self) -> bytes:
        """The digest of the body, as far as the head tells it; empty: it does not."""
        return self.fields.get(b"x-amz-content-sha256", b"")

    @property
    def scope(self) -> bytes:
        """What the signing key is good for."""
        return b"%b/%b/%b/aws4_request" % (self.day, self.region, self.service)


def read_claim(head: Head, now: int, service: bytes = SERVICE) -> Claim:
    """The claim of a request at `now` (microseconds UTC). Raises `NotSigned`."""
    fields = _by_name(head.headers)
    if len(head.path) > MAX_PATH_BYTES or len(head.query) > MAX_QUERY_BYTES or head.query.count(b"&") > MAX_PARAMETERS:
        raise _incomplete("The target of the request is too long.")
    authorization = fields.get(b"authorization")
    in_query = b"x-amz-" in head.query.lower()
    if authorization is None and not in_query:
        raise NotSigned(Flaw.UNSIGNED, "Missing Authentication Token")
    if authorization is not None and in_query:
        raise _incomplete("A request is signed in its header or in its query, not in both.")
    claim = _of_header(authorization, fields) if authorization is not None else _of_query(head.query, fields, now)
    _check_coverage(claim)
    _check_digest(claim)
    _check_time(claim.stamp, now)
    _check_scope(claim, service)
    return claim


def string_to_sign(claim: Claim, head: Head, body_sha256: str) -> bytes:
    """What the signature must have been made over. Raises `NotSigned` if the request declares another digest."""
    digest = body_sha256.encode("ascii")
    if claim.declared_sha256 not in (b"", digest):
        raise _other_body()
    canonical = sha256(canonical_request(claim, head, digest)).hexdigest().encode("ascii")
    return b"%b\n%b\n%b\n%b" % (_ALGORITHM, claim.stamp, claim.scope, canonical)


def canonical_request(claim: Claim, head: Head, payload_sha256: bytes) -> bytes:
    """The request in the one spelling that is signed."""
    fields = claim.fields
    lines = [name + b":" + b" ".join(fields[name].split()) for name in signed_names(claim.signed)]
    path, query = canonical_path(head.path), canonical_query(head.query) if head.query else b""
    return b"\n".join((head.method.encode("ascii"), path, query, *lines, b"", claim.signed, payload_sha256))


def _incomplete(text: str) -> NotSigned:
    return NotSigned(Flaw.INCOMPLETE, text)


def _other_body() -> NotSigned:
    return NotSigned(
        Flaw.PAYLOAD, "x-amz-content-sha256 must be the SHA-256 of the body; unsigned bodies are not taken."
    )


def _by_name(headers: Headers) -> dict[bytes, bytes]:
    fields = dict(headers)
    if len(fields) == len(headers):
        return fields
    fields.clear()
    for name, value in headers:
        if name not in fields:
            fields[name] = value
        elif name in _ALONE:
            raise _incomplete(f"The header {name.decode('ascii')} stands there twice.")
        else:
            fields[name] += b"," + value
    return fields


def _of_header(authorization: bytes, fields: dict[bytes, bytes]) -> Claim:
    if len(authorization) > MAX_AUTHORIZATION_BYTES:
        raise _incomplete("The Authorization header is too long.")
    if authorization.startswith(_ASYMMETRIC):
        raise _asymmetric()
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None:
        raise _incomplete(
            "Authorization must be AWS4-HMAC-SHA256 with Credential, SignedHeaders in small letters and Signature."
        )
    return Claim(
        access_key_id=found["key"].decode("ascii"),
        day=found["day"],
        region=found["region"],
        service=found["service"],
        stamp=fields.get(b"x-amz-date", b""),
        signed=found["signed"],
        signature=found["signature"],
        has_token=b"x-amz-security-token" in fields,
        fields=fields,
    )


def _of_query(query: bytes, fields: dict[bytes, bytes], now: int) -> Claim:
    given = _query_fields(query)
    if given["algorithm"].startswith(_ASYMMETRIC):
        raise _asymmetric()
    credential = _CREDENTIAL.fullmatch(given["credential"])
    readable = given["algorithm"] == _ALGORITHM and credential and _SIGNED.fullmatch(given["signedheaders"])
    if not readable or credential is None or not _SIGNATURE.fullmatch(given["signature"]):
        raise _incomplete("The X-Amz-* parameters of the query cannot be read.")
    expires = given["expires"]
    if not expires.isdigit() or len(expires) > 6 or not 1 <= int(expires) <= MAX_EXPIRES_S:
        raise _incomplete(f"X-Amz-Expires must be 1 to {MAX_EXPIRES_S} seconds.")
    if _moment(given["date"]) + int(expires) * SECOND < now:
        raise NotSigned(Flaw.TIME, "The signature has expired.")
    return Claim(
        access_key_id=credential["key"].decode("ascii"),
        day=credential["day"],
        region=credential["region"],
        service=credential["service"],
        stamp=given["date"],
        signed=given["signedheaders"],
        signature=given["signature"],
        has_token="security-token" in given or b"x-amz-security-token" in fields,
        fields=fields,
    )


def _query_fields(query: bytes) -> dict[str, bytes]:
    """The X-Amz-* parameters by name without that prefix, each once. Raises `NotSigned`."""
    given: dict[str, bytes] = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        spelt = unquote_to_bytes(name)
        if spelt[:6].lower() != b"x-amz-":
            continue
        lowered = spelt[6:].decode("latin-1").lower()
        if not spelt.startswith(b"X-Amz-") or lowered in given:
            raise _incomplete("An X-Amz-* parameter stands there twice, or is not spelt as AWS spells it.")
        given[lowered] = unquote_to_bytes(value)
    if any(name not in given for name in _QUERY_FIELDS):
        raise _incomplete("The query lacks X-Amz-* parameters.")
    return given


def _check_coverage(claim: Claim) -> None:
    names, fields = signed_names(claim.signed), claim.fields
    for name in names:
        if name not in fields:
            raise _incomplete("SignedHeaders must name headers of the request only.")
    for name in fields:
        if name.startswith(b"x-amz-") and name not in names:
            raise _incomplete(f"The header {name[:64].decode('latin-1')} must be signed.")


@lru_cache(maxsize=256)
def signed_names(signed: bytes) -> tuple[bytes, ...]:
    """The names that `SignedHeaders` lists. Raises `NotSigned`."""
    names = signed.split(b";")
    if names != sorted(set(names)):
        raise _incomplete("SignedHeaders must be sorted, each name once.")
    if b"host" not in names:
        raise _incomplete("SignedHeaders must name host.")
    return tuple(names)


def _check_digest(claim: Claim) -> None:
    if b"x-amz-content-sha256" in claim.fields and not _DIGEST.fullmatch(claim.declared_sha256):
        raise _other_body()


def _asymmetric() -> NotSigned:
    return _incomplete("Signature v4a is not verified here: leave EndpointId out, so that the client signs with v4.")


def _check_scope(claim: Claim, service: bytes) -> None:
    if claim.service != service:
        raise NotSigned(Flaw.SCOPE, f"Credential should be scoped to correct service: '{service.decode()}'.")
    if not _REGION.fullmatch(claim.region):
        raise NotSigned(Flaw.SCOPE, "Credential should be scoped to a valid region.")
    if claim.stamp[:8] != claim.day:
        raise NotSigned(Flaw.SCOPE, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.")


def _check_time(stamp: bytes, now: int) -> None:
    ahead_us = _moment(stamp) - now
    if abs(ahead_us) > SKEW_S * SECOND:
        why = "Signature not yet current" if ahead_us > 0 else "Signature expired"
        ours = datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
        raise NotSigned(Flaw.TIME, f"{why}: {stamp.decode('ascii')} is more than 5 min from {ours}")


_STAMP = re.compile(rb"[0-9]{8}T[0-9]{6}Z")


@lru_cache(maxsize=64)
def _moment(stamp: bytes) -> int:
    """Microseconds UTC of `YYYYMMDDTHHMMSSZ`. Raises `NotSigned`."""
    try:
        if not _STAMP.fullmatch(stamp):
            raise ValueError
        at = datetime.strptime(stamp.decode("ascii"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _incomplete("X-Amz-Date must be there, written YYYYMMDDTHHMMSSZ.") from None
    return int(at.timestamp()) * SECOND
