"""The addresses of a header field with their display names, read strictly.

Promise: linear time, no recursion. A comment behind an address is its name, as it was before there were names; empty
places in a list are passed over. Whatever could be read in two ways (an unquoted address as a name, too), or cannot be
said in the fields of a provider (other comments, groups, quoted local parts, address literals), is `Unfit`.

Source: RFC 5322 section 3.4.
"""

import re

from posthorse.providers.mime.dissection import Mailbox, Unfit
from posthorse.providers.mime.words import Words

MAX_ADDRESSES = 1_000

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*")
_MOST_ADDRESS = 320
_ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])*')
_PHRASE_WORD = re.compile(r'[ \t]*("(?:[^"\\]|\\.)*"|[^\s"(),:;<>@\[\]\\]+)[ \t]*')
_ESCAPED = re.compile(r"\\(.)")
_OLD_NAME = re.compile(r"([^\s()]+)[ \t]+\(([^()\\\"]*)\)")


def read_mailboxes(value: str, words: Words) -> tuple[Mailbox, ...]:
    """Every mailbox of a field's value, unfolded and in ASCII. Raises `Unfit`."""
    found: list[Mailbox] = []
    at = 0
    while True:
        item = _ITEM.match(value, at)
        if item is None:
            raise Unfit("a malformed list of addresses")
        if text := item[0].strip():  # between two commas, or behind the last one, there may be nothing
            found.append(_mailbox(text, words))
        if len(found) > MAX_ADDRESSES:
            raise Unfit(f"more than {MAX_ADDRESSES} addresses in a field")
        at = item.end()
        if at == len(value) and found:
            return tuple(found)
        if at == len(value) or value[at] != ",":
            raise Unfit("a malformed list of addresses")
        at += 1


def is_plain_address(text: str) -> bool:
    """Whether this is a dot-atom local part and a domain name, in ASCII."""
    return len(text) <= _MOST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def _mailbox(text: str, words: Words) -> Mailbox:
    if text.endswith(">"):
        phrase, bracket, address = text[:-1].rpartition("<")
        if not bracket:
            raise Unfit("a malformed address")
        return Mailbox(name=_name(phrase.strip(), words), address=_address(address))
    old = _OLD_NAME.fullmatch(text)
    if old is not None:
        return Mailbox(name=words.decode(old[2]).strip(), address=_address(old[1]))
    return Mailbox(name="", address=_address(text))


def _address(text: str) -> str:
    if not is_plain_address(text):
        raise Unfit("an address, group or comment that has no plain form")
    return text


def _name(phrase: str, words: Words) -> str:
    plain: list[str] = []
    at = 0
    while at < len(phrase):
        word = _PHRASE_WORD.match(phrase, at)
        if word is None:
            raise Unfit("a malformed display name")
        text = word[1]
        if text.startswith('"'):
            text = _ESCAPED.sub(r"\1", text[1:-1])
        plain.append(text)
        at = word.end()
    return words.decode(" ".join(plain)).strip()  # encoded words in quotes are never allowed, always decoded
