"""Mailboxes as clients write them: `Name <local@domain>`, one alone or a list of them, read in one way only.

Promise: linear time and no recursion, whatever the nesting of comments; what different readers could read differently
(text after an address, an unclosed quote, two addresses where one is meant) is refused; a name that a reader would
decode to a line break too. A domain in letters of the world is answered in its ASCII form (RFC 5891 section 4.4), so
that only a local part can need SMTPUTF8.

Left out: writing them (`compose_words`), whether anybody may send as them (`admission`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from posthorse.accept.address import PLAIN_MAILBOX, PLAIN_MAILBOX_BYTES, BadAddress, mailbox
from posthorse.accept.encoded_words import hides_controls

MAX_MAILBOX_CHARACTERS = 2_048
MAX_LIST_CHARACTERS = 16 << 10
"""As much as a header field may have."""

_PLAIN_TEXT = PLAIN_MAILBOX.decode("ascii")
_USUAL = re.compile(rf" ?(?:([A-Za-z0-9 ]*)<({_PLAIN_TEXT})>|({_PLAIN_TEXT}))")
_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<quoted>"(?:[^"\\]|\\.)*")
    |(?P<atom>[^ \t"(),:;<>@\\]+)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACES = re.compile("[ \t]+")
UNSEEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no header field may hold: controls (all line ends among them) but the tab, and halves of characters."""

Token = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Whom a field names. `address` is in the one spelling of `posthorse.accept.address`."""

    address: str
    name: str = ""
    """As a reader sees it, quotes taken off; empty: none."""


def read_mailbox(text: str, *, utf8: bool = False) -> Mailbox:
    """The one mailbox that `text` is. `utf8`: a local part may go beyond ASCII. Raises `BadAddress`."""
    usual = _usual(text)
    if usual is not None:
        return usual
    if len(text) > MAX_MAILBOX_CHARACTERS:
        raise BadAddress(f"an address with its name has at most {MAX_MAILBOX_CHARACTERS} characters")
    first, *others = islice(_read(text, utf8), 2)
    if others:
        raise BadAddress("one address is meant here, and there are several")
    return first


def read_mailboxes(text: str, *, utf8: bool = False) -> list[Mailbox]:
    """All mailboxes of a list as header fields have it, with those inside groups (RFC 5322 section 3.4); maybe none.

    Empty places between commas are passed over (RFC 5322 section 4.4). Raises `BadAddress`.
    """
    usual = _usual(text)
    return [usual] if usual is not None else list(each_mailbox(text, utf8=utf8))


def each_mailbox(text: str, *, utf8: bool = False) -> Iterator[Mailbox]:
    """The same one by one, for who gives way in between, or needs the first ones only. Raises `BadAddress`."""
    usual = _usual(text)
    if usual is not None:
        yield usual
        return
    if len(text) > MAX_LIST_CHARACTERS:
        raise BadAddress(f"a list of addresses has at most {MAX_LIST_CHARACTERS} characters")
    yield from _read(text, utf8, as_list=True)


def _usual(text: str) -> Mailbox | None:
    """What nearly every field holds, at a tenth of the cost; None: it needs a closer look."""
    found = _USUAL.fullmatch(text) if len(text) <= PLAIN_MAILBOX_BYTES + 64 else None
    address = found[2] or found[3] if found is not None else ""
    if found is None or len(address) > PLAIN_MAILBOX_BYTES:
        return None
    return Mailbox(address=address, name=" ".join((found[1] or "").split()))


def _read(text: str, utf8: bool, *, as_list: bool = False) -> Iterator[Mailbox]:
    if UNSEEN.search(text):
        raise BadAddress("an address holds no control characters")
    for tokens in _cut(_uncommented(text), groups=as_list):
        if any(kind != "space" for kind, _ in tokens):
            yield _mailbox(tokens, utf8)
        elif not as_list:
            raise BadAddress("there is no address, or a comma too many")


def _uncommented(text: str) -> list[Token]:
    """The tokens, each comment replaced by a space. Quoted strings hold no comments."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None  # some branch takes any character
        kind, at = token.lastgroup or "", token.end()
        if token[0] == "(":
            at = _comment_end(text, token.start())
            tokens.append(("space", " "))
        elif token[0] in (")", '"', "\\"):
            raise BadAddress("a quote or comment is not closed, or was never opened")
        else:
            tokens.append((kind, token[0]))
    return tokens


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        if mark[0] == "(":
            depth += 1
        elif mark[0] == ")":
            depth -= 1
            if not depth:
                return mark.end()
    raise BadAddress("a comment is not closed")


def _cut(tokens: list[Token], *, groups: bool) -> Iterator[list[Token]]:
    """The tokens of each mailbox; of a group its members."""
    one: list[Token] = []
    in_angle = in_group = False
    for token in tokens:
        mark = token[1] if token[0] == "mark" else ""
        if mark in ("<", ">"):
            in_angle = mark == "<"
        if mark == "," and not in_angle:
            yield one
            one = []
        elif mark == ":" and groups and not in_angle and not in_group:
            in_group, one = True, []
        elif mark == ";" and in_group and not in_angle:
            in_group = False
            yield one
            one = []
        else:
            one.append(token)
    if in_group:
        raise BadAddress("a group is not closed")
    yield one


def _mailbox(tokens: list[Token], utf8: bool) -> Mailbox:
    """`local@domain`, or a name and `<local@domain>`; anything else has no single meaning."""
    while tokens[-1][0] == "space":
        tokens.pop()
    if tokens[-1] != ("mark", ">"):
        return Mailbox(address=_address(tokens, utf8))
    opened = next((at for at, token in enumerate(tokens) if token == ("mark", "<")), -1)
    if opened < 0:
        raise BadAddress("an angle bracket is not opened")
    return Mailbox(address=_address(tokens[opened + 1 : -1], utf8), name=_name(tokens[:opened]))


def _address(tokens: list[Token], utf8: bool) -> str:
    """`local@domain` with nothing but white space around it."""
    parts = [token for token in tokens if token[0] != "space"]
    if len(parts) != 3 or parts[1] != ("mark", "@") or parts[0][0] == "mark" or parts[2][0] != "atom":
        raise BadAddress("an address is written local-part@domain, or Name <local-part@domain>")
    return mailbox(f"{parts[0][1]}@{ascii_domain(parts[2][1])}", utf8=utf8)


def _name(tokens: list[Token]) -> str:
    """The phrase before the address; words of it in quotes lose them."""
    if any(kind == "mark" for kind, _ in tokens):
        raise BadAddress("a name with special characters stands in double quotes")
    words = [_ESCAPED.sub(r"\1", text[1:-1]) if kind == "quoted" else text for kind, text in tokens]
    name = single_spaced("".join(words))
    if hides_controls(name):
        raise BadAddress("the name decodes to control characters")
    return name


def single_spaced(name: str) -> str:
    """A display name with one space between its words, as readers show it anyway."""
    return _SPACES.sub(" ", name).strip(" ")


def ascii_domain(domain: str) -> str:
    """A domain with each label beyond ASCII in its ASCII form; what is ASCII stays as it is. Raises `BadAddress`."""
    if domain.isascii():
        return domain
    return ".".join(label if label.isascii() else _a_label(label) for label in domain.split("."))


def _a_label(label: str) -> str:
    mailbox(f"x@{label}.example", utf8=True)  # refuses what is invisible or not in one Unicode form
    return "xn--" + label.lower().encode("punycode").decode("ascii")
