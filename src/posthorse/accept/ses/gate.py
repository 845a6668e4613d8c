"""The gate: who calls the SES API, by signature or as a trusted source.

Promise: an unknown key, a wrong signature and temporary credentials look alike and cost the same; a caller at a trusted
address is let in only where there is nothing here to verify it with (no signature, a key that is not ours, a session
token), and a wrong signature of a key of ours is refused wherever it comes from. A web page shown at a trusted address
is not let in: browsers say what they are.

What depends on the request alone (no signature, unreadable, of another time) is said before the body is read.
"""

from dataclasses import dataclass

from posthorse.accept.ses.errors import INVALID_TOKEN, Kind, SesError
from posthorse.accept.ses.keys import SigningKeys
from posthorse.accept.ses.sigv4 import Claim, Flaw, Head, NotSigned, read_claim, string_to_sign
from posthorse.accept.trusted import TrustedSources, is_from_browser
from posthorse.mail.message import Caller
from posthorse.mail.ports import Clock

_KINDS = {
    Flaw.UNSIGNED: Kind.UNSIGNED,
    Flaw.INCOMPLETE: Kind.INCOMPLETE,
    Flaw.SCOPE: Kind.NOT_OF_NOW,
    Flaw.TIME: Kind.NOT_OF_NOW,
    Flaw.PAYLOAD: Kind.NOT_OF_NOW,
}


@dataclass(slots=True, kw_only=True)
class Knock:
    """A caller whose claim is read and whose body is still to come."""

    head: Head
    peer: str
    claim: Claim | None
    """None: it brings no signature that could be verified here."""
    trusted: Caller | None
    """Who it is without one."""


class Gate:
    """Lets callers in. `keys` and `trusted` may be replaced at any time."""

    def __init__(self, *, keys: SigningKeys, trusted: TrustedSources, clock: Clock) -> None:
        """`clock`: the time of the world, which signatures are made with."""
        self.keys = keys
        self.trusted = trusted
        self._clock = clock

    def knock(self, head: Head, peer: str) -> Knock:
        """Whether the body is worth reading. Raises `SesError`."""
        trusted = self.trusted.caller(peer)
        try:
            claim = read_claim(head, self._clock.now())
        except NotSigned as flaw:
            if trusted is None or self._names_ours(head):
                raise SesError(_KINDS[flaw.flaw], flaw.text) from None
            return _unverified(head, peer, trusted)
        if trusted is not None and (claim.has_token or not self.keys.knows(claim.access_key_id)):
            return _unverified(head, peer, trusted)
        return Knock(head=head, peer=peer, claim=claim, trusted=trusted)

    def caller(self, knock: Knock, body_sha256: str) -> Caller:
        """Who it is. Raises `SesError`."""
        claim = knock.claim
        if claim is None:
            assert knock.trusted is not None, "nobody else gets past the knock without a signature"
            return knock.trusted
        try:
            to_sign = string_to_sign(claim, knock.head, body_sha256)
        except NotSigned as flaw:
            raise SesError(_KINDS[flaw.flaw], flaw.text) from None
        owner = self.keys.owner(claim, to_sign)
        if owner is None or claim.has_token:  # nobody here issues session tokens
            raise SesError(Kind.NOT_KNOWN, INVALID_TOKEN)
        return Caller(tenant=owner, credential=claim.access_key_id, peer=knock.peer)

    def _names_ours(self, head: Head) -> bool:
        """Whether a request that proves nothing names a key of ours: then it is wrong, not beyond us."""
        named = b"".join(value for name, value in head.headers if name == b"authorization") + head.query
        return any(self.keys.knows(word) for word in _words(named))


def _unverified(head: Head, peer: str, trusted: Caller) -> Knock:
    """A caller who is let in for where it is. Raises `SesError`."""
    if is_from_browser(name for name, _ in head.headers):
        raise SesError(Kind.UNSIGNED, "A web page is let in only by the signature of a key of this gateway.")
    return Knock(head=head, peer=peer, claim=None, trusted=trusted)


def _words(text: bytes) -> list[str]:
    """The names before the first slash after each `Credential=`."""
    found = []
    for part in text.split(b"Credential=")[1:3]:
        name = part[:160].partition(b"/")[0].partition(b"%2F")[0].partition(b"%2f")[0]
        found.append(name.decode("latin-1"))
    return found
