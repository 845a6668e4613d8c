"""Who calls the native API: an access key with its secret (HTTP Basic, RFC 7617), or a trusted source without any.

Promise: an unknown key and a wrong secret cost the same and look alike; guessing is throttled as in SMTP, by the same
count; credentials are not even looked at where others could read them, as SMTP offers no AUTH there. A web page shown
at a trusted source cannot call: browsers say what they are.

Left out: what the caller may do: everything of its tenant, nothing of another.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from posthorse.accept.api.problems import ApiError, Code
from posthorse.accept.credentials import CredentialStore
from posthorse.accept.login_throttle import LoginThrottle
from posthorse.accept.trusted import TrustedSources, is_from_browser
from posthorse.mail.message import Caller
from posthorse.mail.peer import parse_peer

MAX_AUTHORIZATION_BYTES = 2_048
_CHALLENGE = ((b"www-authenticate", b'Basic realm="posthorse", charset="UTF-8"'),)


@dataclass(slots=True, kw_only=True)
class Callers:
    """Knows callers. `credentials` and `trusted` may be replaced at any time."""

    credentials: CredentialStore
    trusted: TrustedSources
    throttle: LoginThrottle
    refused: Callable[[str, bool], None] = field(default=lambda peer, throttled: None)
    """Told of a wrong login: the peer, and whether it was not even checked."""

    def caller(self, headers: Mapping[bytes, bytes], peer: str, *, tls: bool) -> Caller:
        """Who this is. Raises `ApiError`."""
        authorization = headers.get(b"authorization")
        if authorization is None:
            return self._trusted(headers, peer)
        if not tls and not _is_local(peer):
            raise ApiError(Code.TLS_REQUIRED)
        user, secret = _basic(authorization)
        if not self.throttle.allows(peer, user):
            self.refused(peer, True)
            raise ApiError(Code.LOGIN_THROTTLED)
        caller = self.credentials.recognise_secret(user, secret, peer)
        if caller is None:
            self.throttle.failed(peer, user)
            self.refused(peer, False)
            raise ApiError(Code.UNAUTHENTICATED, headers=_CHALLENGE)
        return caller

    def _trusted(self, headers: Mapping[bytes, bytes], peer: str) -> Caller:
        caller = self.trusted.caller(peer)
        if caller is None:
            raise ApiError(Code.UNAUTHENTICATED, headers=_CHALLENGE)
        if is_from_browser(headers):
            raise ApiError(Code.FROM_A_BROWSER)
        return caller


@lru_cache(maxsize=1_024)
def _is_local(peer: str) -> bool:
    address = parse_peer(peer)
    return address is None or address.is_loopback


def _basic(authorization: bytes) -> tuple[str, str]:
    """User and password of RFC 7617. Raises `ApiError`."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic" or len(authorization) > MAX_AUTHORIZATION_BYTES:
        raise ApiError(Code.UNAUTHENTICATED, "Credentials are given by HTTP Basic.", headers=_CHALLENGE)
    try:
        user, colon, secret = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError(Code.UNAUTHENTICATED, "The credentials cannot be read.", headers=_CHALLENGE) from None
    if not colon or not user or not secret:
        raise ApiError(Code.UNAUTHENTICATED, "The credentials cannot be read.", headers=_CHALLENGE)
    return user, secret
