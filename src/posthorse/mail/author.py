"""Whose mail it says it is: the domains in a From field, found in one pass.

Promise: linear time and no recursion, whatever the nesting of comments; never raises. A field that different readers
could read differently (text after an address, unclosed quote, comment or bracket) has no domains but is `None`, so that
nobody sends as somebody else through the gap between two parsers.

Left out: display names; encoded words, which cannot hold an address (RFC 2047 section 5).
"""

import re

MAX_ADDRESSES = 1_000

_TOKEN = re.compile(
    rb"""(?P<space>\s+)
    |(?P<quoted>"(?:[^"\\]|\\.)*")
    |(?P<atom>[^\s"(),:;<>@\[\]\\]+)
    |(?P<literal>\[[^\[\]\\]*\])
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(rb"\\.|[()]", re.DOTALL)


def author_domains(value: bytes) -> tuple[str, ...] | None:
    """Domains of all addresses in the raw value of a From field, in lower case; None: it has no single meaning."""
    if value.count(b",") > MAX_ADDRESSES:
        return None
    uncommented = _without_comments(value)
    if uncommented is None:
        return None
    domains: list[str] = []
    for mailbox in _mailboxes(uncommented):
        domain = _domain(mailbox)
        if domain is None:
            return None
        domains.append(domain)
    return tuple(domains) or None


def _without_comments(value: bytes) -> bytes | None:
    """The value with each comment replaced by a space; None: unbalanced. Quoted strings hold no comments."""
    if b"(" not in value and b")" not in value:
        return value
    kept: list[bytes] = []
    at = 0
    for token in _TOKEN.finditer(value):
        if token.start() < at:
            continue
        if token["mark"] == b"(":
            end = _comment_end(value, token.start())
            if end is None:
                return None
            kept.append(b" ")
            at = end
        elif token["mark"] == b")":
            return None
        else:
            kept.append(token[0])
            at = token.end()
    return b"".join(kept)


def _comment_end(value: bytes, start: int) -> int | None:
    depth = 0
    for mark in _COMMENT_MARK.finditer(value, start):
        if mark[0] == b"(":
            depth += 1
        elif mark[0] == b")":
            depth -= 1
            if not depth:
                return mark.end()
    return None


Tokens = list[tuple[str, bytes]]


def _mailboxes(value: bytes) -> list[Tokens]:
    """The tokens of each mailbox in the list, white space left out."""
    found: list[Tokens] = [[]]
    for token in _TOKEN.finditer(value):
        kind = token.lastgroup or ""
        if token[0] == b",":
            found.append([])
        elif kind != "space":
            found[-1].append((kind, token[0]))
    return found


def _domain(tokens: Tokens) -> str | None:
    """`local@domain`, or a phrase and `<local@domain>`; anything else has no single meaning."""
    marks = [text for kind, text in tokens if kind == "mark"]
    if marks == [b"<", b"@", b">"]:
        opened = tokens.index(("mark", b"<"))
        if tokens[-1] != ("mark", b">") or any(kind == "literal" for kind, _ in tokens[:opened]):
            return None
        tokens = tokens[opened + 1 : -1]
    elif marks != [b"@"]:
        return None
    if len(tokens) != 3 or tokens[1] != ("mark", b"@") or tokens[0][0] not in ("atom", "quoted"):
        return None
    kind, text = tokens[2]
    if kind != "atom":
        return None
    try:
        return text.decode("utf-8").lower()
    except UnicodeDecodeError:
        return None
