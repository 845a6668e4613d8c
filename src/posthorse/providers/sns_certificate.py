"""The keys with which SNS signs: from a file given to us, or from SNS itself.

Promise: nothing is fetched but `https://sns.REGION.amazonaws.com/SimpleNotificationService-HEX.pem`, letter by letter,
in the region of a topic that was allowed; the address a message gives is never taken apart, only compared. TLS is
verified as everywhere, no redirect is followed, time and size are bounded, and what failed is not asked for again for a
while. A certificate counts within its dates, with an RSA key of 2,048 bits or more, and if it is named for SNS. SNS
serves the signer's certificate alone, without those above it: that it is the right one is vouched for by the verified
connection to that host.

Left out: what is signed (`sns_envelope`).
"""

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from posthorse.mail.ports import ExchangeFailed, HttpExchange, HttpRequest, NotReleased, Target
from posthorse.mail.stream import SECOND

FETCH_WITHIN_S = 5.0
FAILED_FOR_S = 30.0
"""What could not be had is not asked for again for so long."""
MOST_KEPT = 16
_MOST_FETCHES = 4
"""At once."""
_MOST_FAILURES = 20
"""Within `FAILED_FOR_S`, whatever their addresses; then nothing is fetched at all for a while."""
_MOST_BYTES = 64 << 10
_LEAST_BITS = 2_048

_PATH = re.compile(r"/SimpleNotificationService-[0-9a-fA-F]{1,64}\.pem", re.ASCII)
_NAMED = re.compile(r"sns(-signing)?(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", re.ASCII)


T = TypeVar("T")


class NoKey(Exception):
    """There is no key; `why` is a word for the metric."""

    def __init__(self, why: str, *, for_now: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.for_now = for_now
        """Another time there may be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key with the time in which it counts, microseconds UTC."""

    key: RSAPublicKey
    since: int
    until: int

    def at(self, now: int) -> RSAPublicKey:
        """The key, if it counts now. Raises `NoKey`."""
        if not self.since <= now <= self.until:
            raise NoKey("certificate")
        return self.key


class SigningKeys:
    """The keys of one provider's topics."""

    def __init__(self, exchange: HttpExchange, *, pinned: bytes = b"") -> None:
        """`pinned`: a certificate in PEM that signs whatever comes; then nothing is fetched. Raises ValueError."""
        self._exchange = exchange
        self._pinned = read_certificate(pinned) if pinned else None
        self._known: dict[str, SigningKey] = {}
        self._under_way: dict[str, asyncio.Task[SigningKey]] = {}
        self._failed: dict[str, int] = {}
        self._failures: deque[int] = deque(maxlen=_MOST_FAILURES)

    async def key_at(self, url: str, region: str, now: int) -> RSAPublicKey:
        """The key behind a message's `SigningCertURL`. Raises `NoKey`."""
        if self._pinned is not None:
            return self._pinned.at(now)
        known = self._known.get(url)
        if known is None:
            host = sns_host(region)
            path = url.removeprefix(f"https://{host}")
            if path == url or not _PATH.fullmatch(path):
                raise NoKey("certificate_url")
            known = await self._fetched(url, host, path, now)
        return known.at(now)

    async def _fetched(self, url: str, host: str, path: str, now: int) -> SigningKey:
        """One fetch for all who wait for the same certificate."""
        task = self._under_way.get(url)
        if task is None:
            if self._is_given_up(url, now) or len(self._under_way) >= _MOST_FETCHES:
                raise NoKey("certificate_unavailable", for_now=True)
            task = asyncio.get_running_loop().create_task(self._fetch(host, path))
            self._under_way[url] = task
            task.add_done_callback(lambda done: self._settle(url, done, now))
        return await asyncio.shield(task)

    def _settle(self, url: str, done: asyncio.Task[SigningKey], now: int) -> None:
        del self._under_way[url]
        if done.cancelled() or done.exception() is not None:
            _keep(self._failed, url, now)
            self._failures.append(now)
        else:
            _keep(self._known, url, done.result())

    def _is_given_up(self, url: str, now: int) -> bool:
        since = now - int(FAILED_FOR_S * SECOND)
        many = len(self._failures) == _MOST_FAILURES and self._failures[0] > since
        return many or self._failed.get(url, since) > since

    async def _fetch(self, host: str, path: str) -> SigningKey:
        request = HttpRequest(
            target=Target(host=host, port=443, tls=True), method="GET", path=path, headers=(("Accept", "*/*"),)
        )
        try:
            async with asyncio.timeout(FETCH_WITHIN_S):
                response = await self._exchange.exchange(request, before_last_bytes=_at_once)
        except (ExchangeFailed, NotReleased, TimeoutError):
            raise NoKey("certificate_unavailable", for_now=True) from None
        if response.status != 200 or len(response.body) > _MOST_BYTES:
            raise NoKey("certificate_unavailable", for_now=True)
        try:
            return read_certificate(response.body, named_for_sns=True)
        except ValueError:
            raise NoKey("certificate") from None


def sns_host(region: str) -> str:
    """The host of SNS in a region."""
    return f"sns.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def read_certificate(pem: bytes, *, named_for_sns: bool = False) -> SigningKey:
    """The key in a certificate. Raises ValueError."""
    certificate = x509.load_pem_x509_certificate(pem)
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise ValueError(f"not an RSA key of {_LEAST_BITS} bits or more")
    if named_for_sns and not any(_NAMED.fullmatch(name) for name in _names(certificate)):
        raise ValueError("not named for SNS")
    return SigningKey(
        key=key, since=_micros(certificate.not_valid_before_utc), until=_micros(certificate.not_valid_after_utc)
    )


def _names(certificate: x509.Certificate) -> list[str]:
    common = [str(name.value).lower() for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return common
    return [*common, *(name.lower() for name in others.get_values_for_type(x509.DNSName))]


def _micros(time: datetime) -> int:
    return int(time.timestamp()) * SECOND


async def _at_once() -> bool:
    return True


def _keep(kept: dict[str, T], name: str, value: T) -> None:
    """Remember it in place of the oldest."""
    kept.pop(name, None)
    while len(kept) >= MOST_KEPT:
        del kept[next(iter(kept))]
    kept[name] = value
