"""One DKIM-Signature field (RFC 6376 section 3.5; Ed25519 by RFC 8463).

Relaxed/relaxed, since mail servers refold and re-space; no `l=`, which would let anybody add to the end. The fields
that make a message what a reader takes it for are signed once more than they occur, so that nobody can add a second
one (section 5.4.2); what a way out rewrites is left out whole.

Left out: whose key (`keys`), when a message is signed (`signing`).
"""

import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from posthorse.providers.dkim.canonical import relaxed_field

_ONCE_MORE = (b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"mime-version", b"content-type")
_AS_THEY_ARE = (
    b"sender",
    b"in-reply-to",
    b"references",
    b"content-transfer-encoding",
    b"content-id",
    b"content-description",
    b"content-disposition",
    b"content-language",
    b"auto-submitted",
    b"list-id",
    b"list-help",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-subscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
)
"""RFC 6376 section 5.4.1, with what one-click unsubscription must be covered by (RFC 8058 section 4)."""

_FIELD_BREAK = re.compile(rb"\r\n(?![ \t])")
_LINE_CHARACTERS = 72
_LEAST_RSA_BITS = 1024
LEAST_SAFE_RSA_BITS = 2048

Key = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key with the name of its public half in DNS: `SELECTOR._domainkey.DOMAIN`."""

    domain: str
    """In lower case."""
    selector: str
    key: Key = field(repr=False)

    @property
    def record(self) -> str:
        """The text of the TXT record that others verify with (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
        if isinstance(self.key, Ed25519PrivateKey):
            raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return f"v=DKIM1; k=ed25519; p={b64encode(raw).decode()}"
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={b64encode(der).decode()}"


def read_key(pem: str) -> Key:
    """The private key in a PEM text. Raises ValueError with what is wrong with it, never with the text."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("has a passphrase, and nobody is there to give it") from None
    except ValueError:
        raise ValueError("is no private key in PEM") from None
    if isinstance(key, RSAPrivateKey):
        if key.key_size < _LEAST_RSA_BITS:
            raise ValueError(f"has {key.key_size} bits, and receivers ignore RSA keys of less than {_LEAST_RSA_BITS}")
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError("is neither an RSA nor an Ed25519 key")


def fields_of(content: bytes) -> tuple[list[bytes], int]:
    """The header fields, folds included and without their last CRLF, and where the body begins."""
    end = content.find(b"\r\n\r\n")
    if end < 0:
        return _FIELD_BREAK.split(content.removesuffix(b"\r\n")), len(content)
    return _FIELD_BREAK.split(content[:end]), end + 4


def sign(
    key: SigningKey, fields: Sequence[bytes], body_sha256: bytes, *, at_s: int, leave_out: Collection[bytes] = ()
) -> bytes:
    """The whole DKIM-Signature field with its last CRLF, for these fields (top to bottom) and this body.

    `at_s`: seconds since 1970, for `t=`; `leave_out`: field names in lower case that the way out rewrites.
    """
    names, signed = _choose(fields, leave_out)
    algorithm = "ed25519-sha256" if isinstance(key.key, Ed25519PrivateKey) else "rsa-sha256"
    who = f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={key.domain};\r\n\ts={key.selector}; t={at_s};"
    head = (
        who.encode("ascii") + b"\r\n\th=" + _folded(names, b":") + b";\r\n\tbh=" + b64encode(body_sha256) + b";\r\n\tb="
    )
    digest = sha256(b"\r\n".join((*map(relaxed_field, signed), relaxed_field(head)))).digest()
    return head + _wrapped(b64encode(_signature(key.key, digest))) + b"\r\n"


def _signature(key: Key, digest: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(digest)  # RFC 8463 section 3: over the digest itself
    return key.sign(digest, PKCS1v15(), Prehashed(SHA256()))


def _choose(fields: Sequence[bytes], leave_out: Collection[bytes]) -> tuple[list[bytes], list[bytes]]:
    """(names for `h=`, the fields they stand for). Of fields with one name the last comes first (section 5.4.2)."""
    present: dict[bytes, list[bytes]] = {}
    for one in fields:
        present.setdefault(one.partition(b":")[0].rstrip(b" \t").lower(), []).append(one)
    names: list[bytes] = []
    signed: list[bytes] = []
    for name in (*_ONCE_MORE, *_AS_THEY_ARE):
        if name in leave_out:
            continue
        found = present.get(name, [])
        signed.extend(reversed(found))
        names.extend([name] * (len(found) + (name in _ONCE_MORE)))
    return names, signed


def _folded(names: Iterable[bytes], between: bytes) -> bytes:
    lines: list[bytes] = [b""]
    for name in names:
        if lines[-1] and len(lines[-1]) + len(name) > _LINE_CHARACTERS:
            lines.append(b"")
        lines[-1] += name + between
    return b"\r\n\t ".join(lines)[: -len(between)]


def _wrapped(text: bytes) -> bytes:
    return b"\r\n\t ".join(text[at : at + _LINE_CHARACTERS] for at in range(0, len(text), _LINE_CHARACTERS))
