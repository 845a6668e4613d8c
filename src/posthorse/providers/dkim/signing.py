"""Signing on the way out: a provider that puts our DKIM signatures in front of what it hands over.

Promise: the message is what it was, with one field more for each key of its author's domain; the signature is made for
this way out, without what this way out rewrites. Mail whose author's domain has no key leaves as it is.

Left out: providers that recompose, which no signature survives. Mail that somebody else signed gets ours as well: one
does not touch the other.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

from posthorse.mail.author import author_domains
from posthorse.mail.ids import ProviderName, Tenant
from posthorse.mail.large import LARGE_BYTES, poured, slices, vessel
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND
from posthorse.providers.dkim.canonical import body_digest
from posthorse.providers.dkim.signature import SigningKey, fields_of, sign
from posthorse.providers.port import AttemptReport, Capability, HandoverGroup, Provider, ReleaseGate


class Keyring:
    """The signing keys of all domains; replaced as a whole when the configuration is reloaded."""

    def __init__(self, keys: Iterable[tuple[Tenant, SigningKey]] = ()) -> None:
        self._keys: Mapping[tuple[Tenant, str], tuple[SigningKey, ...]] = {}
        self.renew(keys)

    def renew(self, keys: Iterable[tuple[Tenant, SigningKey]]) -> None:
        """From now on these and no others."""
        found: dict[tuple[Tenant, str], tuple[SigningKey, ...]] = {}
        for tenant, key in keys:
            found[tenant, key.domain] = (*found.get((tenant, key.domain), ()), key)
        self._keys = found

    @property
    def empty(self) -> bool:
        """Nothing is signed."""
        return not self._keys

    def of(self, tenant: Tenant, domain: str) -> tuple[SigningKey, ...]:
        """The keys for an author's domain: its own, else those of the nearest domain above it, which is in relaxed
        alignment with it (RFC 7489 section 3.1.1).
        """
        labels = domain.split(".")
        above = (".".join(labels[start:]) for start in range(len(labels)))
        return next((keys for name in above if (keys := self._keys.get((tenant, name)))), ())


class SigningProvider:
    """Implements `posthorse.providers.port.Provider` around another one."""

    def __init__(self, inner: Provider, keyring: Keyring, clock: Clock) -> None:
        self._inner = inner
        self._keyring = keyring
        self._clock = clock
        self.name: ProviderName = inner.name
        self.kind: str = inner.kind

    @property
    def capability(self) -> Capability:
        """What the way out can carry."""
        return self._inner.capability

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """Try once, with the signatures on it; see the port."""
        if not self._keyring.empty:
            group = await self._signed(group)
        return await self._inner.attempt(group, gate)

    async def prepare(self, connections: int) -> None:
        """Have this many connections open and idle."""
        await self._inner.prepare(connections)

    async def close(self) -> None:
        """Close idle connections."""
        await self._inner.close()

    async def _signed(self, group: HandoverGroup) -> HandoverGroup:
        fields, start = fields_of(group.body)
        keys = self._keyring.of(group.message.tenant, _author_domain(fields))
        if not keys:
            return group
        digest = await body_digest(group.body, start)
        at_s = self._clock.now() // SECOND
        leave_out = frozenset(name.lower().encode() for name in self._inner.capability.rewrites)
        top = b"".join(sign(key, fields, digest, at_s=at_s, leave_out=leave_out) for key in keys)
        return replace(group, body=await _on_top(top, group.body))


def _author_domain(fields: Iterable[bytes]) -> str:
    """The domain of the (first) author, as DNS has it; empty: the From field has no single meaning."""
    value = next((one.partition(b":")[2] for one in fields if one[:5].lower() == b"from:"), b"")
    domains = author_domains(value)
    if not domains:
        return ""
    try:
        return domains[0] if domains[0].isascii() else domains[0].encode("idna").decode("ascii")
    except UnicodeError:
        return ""


async def _on_top(top: bytes, body: bytes) -> bytes:
    if len(body) <= LARGE_BYTES:
        return top + body
    whole = vessel()
    whole.write(top)
    for piece in slices(body):
        whole.write(piece)
        await asyncio.sleep(0)
    return poured(whole)
