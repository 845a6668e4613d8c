"""Mail addresses of the envelope: what is taken, in one spelling.

Promise: `mailbox` answers an address that means the same to every server after us, or raises. Refused although the
grammar of RFC 5321 section 4.1.2 allows it: address literals, and routing characters in the local part (`@`, `%`, `!`),
by which a relay behind us could be made to send elsewhere. Quotes that change nothing are dropped, so that an address
has one spelling for suppression and for finding repetitions. Runs in linear time; no recursion.

Left out: addresses in header fields, whether the mailbox exists.
"""

import re
import unicodedata

MAX_LOCAL_BYTES = 64
MAX_DOMAIN_BYTES = 255
MAX_LABEL_BYTES = 63
"""RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4."""

PLAIN_MAILBOX = rb"[A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*@(?:[A-Za-z0-9]+[.-])+[A-Za-z]{2,}"
PLAIN_MAILBOX_BYTES = 63
"""What nearly every address looks like, and up to which length it then needs no closer look."""
_ATOMS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*"
)
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*)"')
_LABEL = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\u0080-\U0010ffff-]*[A-Za-z0-9_\u0080-\U0010ffff])?")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_ESCAPED = re.compile(r"\\(.)")
_ROUTING = re.compile("[@%!]")


class BadAddress(Exception):
    """Not an address we take. The text says why and repeats nothing of the address."""


class NeedsSmtpUtf8(BadAddress):
    """It goes beyond ASCII before the @, and nobody said that this may be (RFC 6531)."""


def mailbox(text: str, *, utf8: bool) -> str:
    """The address in its one spelling. `utf8`: the client declared SMTPUTF8 (RFC 6531). Raises `BadAddress`."""
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise BadAddress("an address is written local-part@domain")
    if not text.isascii():
        _check_unicode(text, utf8=utf8)
    return f"{_local_part(local)}@{_domain(domain)}"


def _local_part(local: str) -> str:
    quoted = _QUOTED.fullmatch(local)
    plain = _ESCAPED.sub(r"\1", quoted[1]) if quoted else local
    if _ROUTING.search(plain):
        raise BadAddress("@, % and ! in a local part are not taken")
    if not quoted and not _ATOMS.fullmatch(local):
        raise BadAddress("the local part is malformed")
    if len(plain.encode()) > MAX_LOCAL_BYTES:
        raise BadAddress(f"the local part is longer than {MAX_LOCAL_BYTES} octets")
    if quoted and not plain:
        raise BadAddress("the local part is empty")
    return plain if _ATOMS.fullmatch(plain) else local


def _domain(domain: str) -> str:
    if domain.startswith("["):
        raise BadAddress("address literals are not taken")
    if len(domain.encode()) > MAX_DOMAIN_BYTES:
        raise BadAddress(f"the domain is longer than {MAX_DOMAIN_BYTES} octets")
    labels = domain.split(".")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise BadAddress("the domain is malformed")
        if len(label.encode()) > MAX_LABEL_BYTES:
            raise BadAddress(f"a label of the domain is longer than {MAX_LABEL_BYTES} octets")
        if label[:4].lower() == "xn--":
            _check_punycode(label[4:])
    if _NUMERIC.fullmatch(labels[-1]):
        raise BadAddress("the domain is a number, not a name")
    return domain


def _check_punycode(encoded: str) -> None:
    """An encoded label must stand for letters beyond ASCII that can be seen, and be their only encoding (RFC 5891
    section 5.4).
    """
    try:
        decoded = encoded.encode("ascii").decode("punycode")
    except UnicodeError:
        raise BadAddress("a label of the domain is not valid Punycode") from None
    if decoded.isascii() or unicodedata.normalize("NFKC", decoded) != decoded:
        raise BadAddress("a label of the domain hides another name")
    if any(unicodedata.category(letter) in _INVISIBLE and letter not in _JOINERS for letter in decoded):
        raise BadAddress("a label of the domain stands for nothing that can be seen")
    if decoded.encode("punycode").lower() != encoded.lower().encode("ascii"):
        raise BadAddress("a label of the domain is not valid Punycode")


def _check_unicode(text: str, *, utf8: bool) -> None:
    if not utf8:
        raise NeedsSmtpUtf8("non-ASCII addresses need SMTPUTF8")
    if any(unicodedata.category(character) in _INVISIBLE for character in text):
        raise BadAddress("the address holds invisible characters")
    if unicodedata.normalize("NFKC", text) != text:
        raise BadAddress("the address is not in the Unicode form NFKC")


_JOINERS = frozenset("\u200c\u200d")
"""Without these some languages cannot be written."""
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""Controls, formats such as bidirectional overrides, separators: nothing that could be seen. Plain space is handled by
the quoted form, which must then be ASCII."""
