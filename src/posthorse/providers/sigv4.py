"""Signing a request with AWS Signature Version 4.

Promise: the same headers AWS's own clients send for services that take the body as it is (every service but S3). The
signing key is derived once a day. The secret is held here and shown nowhere.

Left out: query signing, S3's rules, Signature v4a, paths that need escaping. Source: AWS, "Signature Version 4 signing
process", in the form botocore implements it.
"""

import hashlib
import hmac
from datetime import UTC, datetime

from posthorse.mail.stream import SECOND

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs for one access key, region and service."""

    __slots__ = (
        "_access_key_id",
        "_day",
        "_key",
        "_region",
        "_second",
        "_secret",
        "_service",
        "_session_token",
        "_stamp",
    )

    def __init__(
        self, *, access_key_id: str, secret_access_key: str, session_token: str, region: str, service: str
    ) -> None:
        """`session_token`: of temporary credentials; empty: none."""
        self._access_key_id = access_key_id
        self._secret = secret_access_key
        self._session_token = session_token
        self._region = region
        self._service = service
        self._day = ""
        self._key = b""
        self._second = -1
        self._stamp = ""

    def sign(
        self, *, method: str, path: str, host: str, content_type: str, body_sha256: str, now: int
    ) -> tuple[tuple[str, str], ...]:
        """All headers to send besides Host and Content-Length, which `host` and the client give.

        `path`: without a query, made of unreserved characters and slashes; `body_sha256`: of the whole body, in small
        hexadecimal letters; `now`: microseconds UTC.
        """
        stamp = self._stamp_of(now // SECOND)
        signed = [("content-type", content_type), ("host", host), ("x-amz-date", stamp)]
        if self._session_token:
            signed.append(("x-amz-security-token", self._session_token))
        names = ";".join(name for name, _ in signed)
        fields = "".join(f"{name}:{value}\n" for name, value in signed)
        canonical = f"{method}\n{path}\n\n{fields}\n{names}\n{body_sha256}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
        signature = hmac.digest(self._key_of(stamp[:8]), to_sign.encode(), "sha256").hex()
        credential = f"Credential={self._access_key_id}/{scope}"
        authorization = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
        return (*(field for field in signed if field[0] != "host"), ("authorization", authorization))

    def _stamp_of(self, second: int) -> str:
        if second != self._second:
            self._stamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
            self._second = second
        return self._stamp

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = f"AWS4{self._secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        return self._key
