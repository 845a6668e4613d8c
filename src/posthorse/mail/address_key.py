"""One name for every spelling of a mail address: what lists are kept and recipients found by.

Pure. Promise: spellings that may reach the same mailbox have the same key: whatever the case, whatever the form of
Unicode, and whether a domain stands in Unicode or in its ASCII form (RFC 5891 section 4.4, `xn--`). Where that is not
certain (`ß` and `ss`, the Turkish `i` without its dot) the keys are the same, too: better one address too many is not
mailed than one that must not be. A key has a key, and that is itself.

Left out: whether an address can be mailed (`posthorse.accept.address`); `+` and dots in local parts, which only the
receiving side can tell.
"""

import unicodedata
from functools import lru_cache

_DOTS = str.maketrans({"\u0131": "i", "\u0307": None, "\u3002": "."})


def address_key(address: str) -> str:
    """The key of an address; for one in ASCII that is the address in lower case."""
    if address.isascii():
        lower = address.lower()
        if "xn--" not in lower:
            return lower
    local, at, domain = address.rpartition("@")
    return f"{_folded(local)}{at}{domain_key(domain)}"


@lru_cache(maxsize=4_096)
def domain_key(domain: str) -> str:
    """The key of a domain, in ASCII wherever it can be."""
    names = [_folded(_in_unicode(label)) for label in _folded(domain).split(".")]
    return ".".join(name if name.isascii() else _in_ascii(name) for name in names)


def _folded(text: str) -> str:
    """Without case and other differences that are not meant; `ß` is `ss`, and every `i` has the same dot."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", text).casefold()).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", folded).translate(_DOTS))


def _in_unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def _in_ascii(label: str) -> str:
    try:
        return "xn--" + label.encode("punycode").decode("ascii")
    except UnicodeError:
        return label
