"""The gate: who calls the SES API, by signature or as a trusted source.

Promise: an unknown key, a wrong signature and temporary credentials look alike; a caller at a trusted address is let in
only where there is nothing here to verify it with (no signature, a key that is not ours, a session token), and a wrong
signature of a key of ours is refused wherever it comes from. A web page shown at a trusted address is not let in:
browsers say what they are.

Whatever the head decides is decided before the body is read: a request that proves nothing, a key that is not ours, and
a signature over the digest that the head declares. Only a signature of a key of ours over a body that the head does not
describe needs the body; until then its caller is a stranger.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from posthorse.accept.ses.errors import INVALID_TOKEN, Kind, NotLetIn
from posthorse.accept.ses.keys import SigningKeys
from posthorse.accept.ses.replays import FirstCalls
from posthorse.accept.ses.sigv4 import Claim, Flaw, Head, NotSigned, read_claim, signed_names, string_to_sign
from posthorse.accept.trusted import TrustedSources, is_from_browser
from posthorse.mail.message import Caller
from posthorse.mail.ports import Clock

INVOCATION_IDS = (b"amz-sdk-invocation-id", b"aws-sdk-invocation-id")
"""Where libraries say which call a try belongs to; the second name is that of PHP's, and of older ones for Java."""

_KINDS = {
    Flaw.UNSIGNED: Kind.UNSIGNED,
    Flaw.INCOMPLETE: Kind.INCOMPLETE,
    Flaw.SCOPE: Kind.NOT_OF_NOW,
    Flaw.TIME: Kind.NOT_OF_NOW,
    Flaw.PAYLOAD: Kind.NOT_OF_NOW,
}
_NO_BODY = sha256(b"").hexdigest()
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")
"""Of an access key, as far as it is shown."""


@dataclass(slots=True, kw_only=True)
class Knock:
    """A caller whose claim is read and whose body is still to come."""

    head: Head
    peer: str
    claim: Claim | None
    """None: it brings no signature that could be verified here."""
    caller: Caller | None
    """Who it is, as far as the head proves it; None: the body must be known."""


class Gate:
    """Lets callers in. `keys` and `trusted` may be replaced at any time."""

    def __init__(self, *, keys: SigningKeys, trusted: TrustedSources, clock: Clock) -> None:
        """`clock`: the time of the world, which signatures are made with."""
        self.keys = keys
        self.trusted = trusted
        self._clock = clock
        self._first_calls = FirstCalls()

    def knock(self, head: Head, peer: str) -> Knock:
        """Whether the body is worth reading. Raises `NotLetIn`."""
        trusted = self.trusted.caller(peer)
        try:
            claim = read_claim(head, self._clock.now())
        except NotSigned as flaw:
            if trusted is None or self._names_ours(head):
                raise _flawed(flaw, next(iter(_named(head)), "")) from None
            return _unverified(head, peer, trusted)
        if claim.has_token or not self.keys.knows(claim.access_key_id):  # nobody here issues session tokens
            if trusted is not None:
                return _unverified(head, peer, trusted)
            self._owner(
                claim, head, peer, claim.declared_sha256.decode("ascii") or _NO_BODY
            )  # costs what a wrong signature costs
            raise _unknown(claim, self._why_unknown(claim))
        declared = claim.declared_sha256.decode("ascii")
        caller = self._known(claim, head, peer, declared) if declared else None
        return Knock(head=head, peer=peer, claim=claim, caller=caller)

    def caller(self, knock: Knock, body_sha256: str) -> Caller:
        """Who it is. Raises `NotLetIn`."""
        claim = knock.claim
        if claim is None:
            assert knock.caller is not None, "nobody else gets past the knock without a signature"
            return knock.caller
        if knock.caller is not None and claim.declared_sha256 == body_sha256.encode("ascii"):
            return knock.caller
        return self._known(claim, knock.head, knock.peer, body_sha256)

    def call(self, knock: Knock) -> bytes:
        """What all tries of one call have in common, once its caller is known; empty: nothing.

        An id that is not signed could be changed by whoever saw the request: see `replays`.
        """
        claim = knock.claim
        if claim is None:
            return _trusted_call(knock.head)
        given = [(name, value) for name in INVOCATION_IDS if (value := claim.fields.get(name))]
        for name, value in given:
            if name in signed_names(claim.signed):
                return value
        return self._first_calls.told(claim.signature, given[0][1] if given else b"", self._clock.now())

    def _known(self, claim: Claim, head: Head, peer: str, body_sha256: str) -> Caller:
        try:
            caller = self._owner(claim, head, peer, body_sha256)
        except NotSigned as flaw:
            raise _flawed(flaw, claim.access_key_id) from None
        if caller is None:
            raise _unknown(claim, "wrong_signature")
        return caller

    def _owner(self, claim: Claim, head: Head, peer: str, body_sha256: str) -> Caller | None:
        """Whose signature it is. Raises `NotSigned`."""
        owner = self.keys.owner(claim, string_to_sign(claim, head, body_sha256))
        return None if owner is None else Caller(tenant=owner, credential=claim.access_key_id, peer=peer)

    def _why_unknown(self, claim: Claim) -> str:
        if claim.has_token:
            return "temporary_credentials"
        return "no_secret" if self.keys.lacks_secret(claim.access_key_id) else "unknown_key"

    def _names_ours(self, head: Head) -> bool:
        """Whether a request that proves nothing names a key of ours: then it is wrong, not beyond us."""
        return any(self.keys.knows(name) for name in _named(head))


def _unverified(head: Head, peer: str, trusted: Caller) -> Knock:
    """A caller who is let in for where it is. Raises `NotLetIn`."""
    if is_from_browser(name for name, _ in head.headers):
        told = "A web page is let in only by the signature of a key of this gateway."
        raise NotLetIn(Kind.UNSIGNED, told, "browser", "")
    return Knock(head=head, peer=peer, claim=None, caller=trusted)


def _flawed(flaw: NotSigned, access_key_id: str) -> NotLetIn:
    return NotLetIn(_KINDS[flaw.flaw], flaw.text, flaw.flaw.value, _shown(access_key_id))


def _unknown(claim: Claim, reason: str) -> NotLetIn:
    return NotLetIn(Kind.NOT_KNOWN, INVALID_TOKEN, reason, _shown(claim.access_key_id))


def _shown(access_key_id: str) -> str:
    found = _NAME.match(access_key_id)
    return found[0] if found else ""


# --- which call it is ------------------------------------------------------------------------------------------------


def _trusted_call(head: Head) -> bytes:
    """A caller who could send anything anyway may say which call it is. A bare query says nothing of the kind."""
    fields = dict(head.headers)
    given = next((fields[name] for name in (*INVOCATION_IDS, b"authorization") if fields.get(name)), b"")
    return given or (head.query if b"x-amz-signature=" in head.query.lower() else b"")


def _named(head: Head) -> list[str]:
    """The names before the first slash after each `Credential=`."""
    text = b"".join(value for name, value in head.headers if name == b"authorization") + head.query
    found = []
    for part in text.split(b"Credential=")[1:3]:
        name = part[:160].partition(b"/")[0].partition(b"%2F")[0].partition(b"%2f")[0]
        found.append(name.decode("latin-1"))
    return found
