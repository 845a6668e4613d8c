"""The keys with which SNS signs: from a file given to us, or from SNS itself.

Promise: nothing is fetched but `https://sns.REGION.amazonaws.com/SimpleNotificationService-HEX.pem`, letter by letter,
in the region of a topic that was allowed; the address a message gives is never taken apart, only compared. TLS is
verified as everywhere, no redirect is followed, time and size are bounded, and what failed is not asked for again for a
while. Who makes addresses up exhausts his own part of all fetches, not another's; a certificate that proved a message
counts until it ends, also after a new start, whatever cannot be fetched. A certificate counts within its dates, with an
RSA key of 2,048 bits or more, and if it is named for SNS. SNS serves the signer's certificate alone, without those
above it: that it is the right one is vouched for by the verified connection to that host.

Left out: what is signed (`sns_envelope`).
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from posthorse.mail.ports import ExchangeFailed, HttpExchange, HttpRequest, NotReleased, Target
from posthorse.mail.stream import SECOND

FETCH_WITHIN_S = 5.0
FAILED_FOR_S = 30.0
"""What could not be had is not asked for again for so long."""
MOST_KEPT = 16
MOST_FETCHES = 8
"""At once; for one peer one."""
MOST_FAILURES = 200
"""Within `FAILED_FOR_S`, whatever their addresses; then nothing new is fetched for a while."""
MOST_FAILURES_OF_ONE_PEER = 10
_MOST_FAILED = 256
"""Addresses, and peers, of which failures are remembered."""
_MOST_BYTES = 64 << 10
_LEAST_BITS = 2_048

_PATH = re.compile(r"/SimpleNotificationService-[0-9a-fA-F]{1,64}\.pem", re.ASCII)
_NAMED = re.compile(r"sns(-signing)?(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", re.ASCII)


T = TypeVar("T")


class CertificateMemory(Protocol):
    """Remembers certificates across starts."""

    def known(self) -> Mapping[str, bytes]:
        """In PEM, by the address they were fetched from."""
        ...

    async def remember(self, url: str, pem: bytes) -> None:
        """This one is good; never raises."""
        ...


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
    pem: bytes = b""

    def at(self, now: int) -> RSAPublicKey:
        """The key, if it counts now. Raises `NoKey`."""
        if not self.since <= now <= self.until:
            raise NoKey("certificate")
        return self.key


class SigningKeys:
    """The keys of one provider's topics."""

    def __init__(self, exchange: HttpExchange, *, pinned: bytes = b"", memory: CertificateMemory | None = None) -> None:
        """`pinned`: a certificate in PEM that signs whatever comes; then nothing is fetched. Raises ValueError."""
        self._exchange = exchange
        self._pinned = read_certificate(pinned) if pinned else None
        self._memory = memory
        self._known: dict[str, SigningKey] = _remembered(memory) if memory else {}
        self._proven = set(self._known)
        self._under_way: dict[str, asyncio.Task[SigningKey]] = {}
        self._asking: set[str] = set()
        """Peers for which something is fetched."""
        self._failed: dict[str, int] = {}
        self._failures: deque[int] = deque(maxlen=MOST_FAILURES)
        self._failures_of: dict[str, deque[int]] = {}

    async def key_at(self, url: str, region: str, now: int, peer: str = "") -> RSAPublicKey:
        """The key behind a message's `SigningCertURL`, that came from `peer`. Raises `NoKey`."""
        if self._pinned is not None:
            return self._pinned.at(now)
        host = sns_host(region)
        path = url.removeprefix(f"https://{host}")
        if path == url or not _PATH.fullmatch(path):
            raise NoKey("certificate_url")
        known = self._known.get(url)
        if known is None:
            known = await self._fetched(url, host, path, now, peer)
        return known.at(now)

    async def proved(self, url: str) -> None:
        """A message was signed by the certificate that was fetched from there: it is remembered."""
        known = self._known.get(url)
        if self._memory is None or known is None or url in self._proven:
            return
        self._proven.add(url)
        self._proven &= self._known.keys()
        await self._memory.remember(url, known.pem)

    async def _fetched(self, url: str, host: str, path: str, now: int, peer: str) -> SigningKey:
        """One fetch for all who wait for the same certificate."""
        task = self._under_way.get(url)
        if task is None:
            if self._is_given_up(url, now, peer) or len(self._under_way) >= MOST_FETCHES or peer in self._asking:
                raise NoKey("certificate_unavailable", for_now=True)
            task = asyncio.get_running_loop().create_task(self._fetch(host, path))
            self._under_way[url] = task
            self._asking.add(peer)
            task.add_done_callback(lambda done: self._settle(url, done, now, peer))
        return await asyncio.shield(task)

    def _settle(self, url: str, done: asyncio.Task[SigningKey], now: int, peer: str) -> None:
        del self._under_way[url]
        self._asking.discard(peer)
        if done.cancelled() or done.exception() is not None:
            _keep(self._failed, url, now, _MOST_FAILED)
            self._failures.append(now)
            mine = self._failures_of.get(peer) or deque(maxlen=MOST_FAILURES_OF_ONE_PEER)
            mine.append(now)
            _keep(self._failures_of, peer, mine, _MOST_FAILED)
        else:
            _keep(self._known, url, done.result(), MOST_KEPT)

    def _is_given_up(self, url: str, now: int, peer: str) -> bool:
        since = now - int(FAILED_FOR_S * SECOND)
        if self._failed.get(url, since) > since or _are_many(self._failures, since):
            return True
        return peer in self._failures_of and _are_many(self._failures_of[peer], since)

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
        key=key,
        since=_micros(certificate.not_valid_before_utc),
        until=_micros(certificate.not_valid_after_utc),
        pem=pem,
    )


def _remembered(memory: CertificateMemory) -> dict[str, SigningKey]:
    """What of it is still a certificate."""
    kept: dict[str, SigningKey] = {}
    for url, pem in memory.known().items():
        with contextlib.suppress(ValueError):
            _keep(kept, url, read_certificate(pem, named_for_sns=True), MOST_KEPT)
    return kept


def _are_many(failures: deque[int], since: int) -> bool:
    """Whether as many as are remembered happened since then."""
    return len(failures) == failures.maxlen and failures[0] > since


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


def _keep(kept: dict[str, T], name: str, value: T, most: int) -> None:
    """Remember it in place of the oldest."""
    kept.pop(name, None)
    while len(kept) >= most:
        del kept[next(iter(kept))]
    kept[name] = value
