"""What a reader of mail sees, read with the standard library, apart from every parser of ours: for comparing what was
sent with what arrived.
"""

import codecs
import email
import email.policy
import html
import quopri
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from email.header import decode_header
from email.message import Message
from email.utils import collapse_rfc2231_value, getaddresses

ADDRESSES = ("from", "to", "cc", "reply-to", "sender")
TEXTS = ("text/plain", "text/html", "text/calendar")
MADE_UP = re.compile(r"unnamed-[0-9]+\.[a-z]+")
"""The name of a file without one."""
UNSEEN = {"name", "filename", "charset", "format", "delsp", "header", "boundary", ""} | {
    *("x-unix-mode", "x-mac-type", "x-mac-creator"),
}
"""Parameters that say how to read the content, or nothing to a reader; the nameless one is a semicolon at the end."""
OF_THE_WAY = frozenset({"received", "mime-version", "return-path", "x-posthorse-id"})
"""Fields that belong to the transport, or say how the parts are put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One part without parts, decoded."""

    kind: str
    content: str | bytes
    """Text as text, in LF lines; anything else as bytes."""
    name: str
    is_attachment: bool
    """It is shown beside the text, not in it."""
    content_id: str
    parameters: tuple[tuple[str, str], ...] = ()
    """Of the type, sorted: those that a program may look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A whole message as a reader has it."""

    fields: tuple[tuple[str, str], ...]
    """Name in lower case and decoded value, sorted by name; repeated ones in order."""
    people: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """(display name, address in lower case) of each mailbox, by field."""
    leaves: tuple[Leaf, ...]


def seen(content: bytes, leave_out: Collection[str] = ()) -> Seen:
    """Read a message. `leave_out`: more field names in lower case that do not count."""
    mail = email.message_from_bytes(content, policy=email.policy.compat32)
    unseen = OF_THE_WAY | set(leave_out)
    fields = [(name.lower(), _text(value)) for name, value in mail.raw_items() if _counts(name.lower(), unseen)]
    fields = [(name, value) for name, value in fields if value]
    people = [
        (name, tuple((shown, address.lower()) for shown, address in _people(mail.get_all(name, []))))
        for name in ADDRESSES
        if mail.get(name) and name not in unseen and not (name == "sender" and mail[name] in mail["from"])
    ]
    return Seen(
        fields=tuple(sorted(fields, key=lambda field: field[0])),
        people=tuple(people),
        leaves=tuple(_shown([_leaf(part) for part in _leaves(mail)])),
    )


def misplaced(content: bytes) -> list[Leaf]:
    """Files that are not marked as they have to be shown: in the page, because it names them, or beside it."""
    mail = email.message_from_bytes(content, policy=email.policy.compat32)
    return [
        leaf for leaf, is_named in _files([_leaf(part) for part in _leaves(mail)]) if leaf.is_attachment == is_named
    ]


def _shown(leaves: list[Leaf]) -> Iterator[Leaf]:
    """What a reader should show of the parts: the texts that say something; the files that the page names, in the page;
    the others beside it, wherever they stood.
    """
    yield from (replace(leaf, content_id="") for leaf in _texts(leaves) if str(leaf.content).strip())
    for leaf, is_named in _files(leaves):
        name = "" if MADE_UP.fullmatch(leaf.name) else leaf.name
        yield replace(leaf, name=name, is_attachment=not is_named, content_id=leaf.content_id if is_named else "")


def _texts(leaves: list[Leaf]) -> list[Leaf]:
    return [leaf for leaf in leaves if leaf.kind in TEXTS and not leaf.is_attachment]


def _files(leaves: list[Leaf]) -> Iterator[tuple[Leaf, bool]]:
    """Each file, and whether a page names it."""
    texts = _texts(leaves)
    pages = [html.unescape(str(leaf.content)) for leaf in texts if leaf.kind == "text/html"]
    for leaf in leaves:
        if leaf not in texts:
            yield leaf, bool(leaf.content_id) and any(f"cid:{leaf.content_id}" in page for page in pages)


def _counts(name: str, unseen: Collection[str]) -> bool:
    about_parts = name.startswith("content-") and name != "content-language"
    return name not in unseen and name not in ADDRESSES and not about_parts


def _text(value: object) -> str:
    """A field's value, decoded, folds and repeated spaces as one space."""
    raw = str(value).replace("\r\n", "").replace("\n", "")
    return " ".join("".join(_word(word, charset) for word, charset in decode_header(raw)).split())


def _word(word: bytes | str, charset: str | None) -> str:
    return word.decode(_codec(charset or "ascii"), "surrogateescape") if isinstance(word, bytes) else word


def _codec(charset: str) -> str:
    """The codec of a charset, behind which a language may stand (RFC 2231 section 5); octets, if there is none."""
    try:
        return codecs.lookup(charset.partition("*")[0]).name
    except LookupError:
        return "latin-1"


def _people(values: list[str]) -> list[tuple[str, str]]:
    everybody = getaddresses([str(value) for value in values])
    return [(_text(shown), address) for shown, address in everybody if shown or address]


def _leaves(mail: Message) -> list[Message]:
    if mail.get_content_maintype() != "multipart":
        return [mail]
    parts = mail.get_payload()
    return [leaf for part in parts if isinstance(part, Message) for leaf in _leaves(part)]


def _leaf(part: Message) -> Leaf:
    kind = part.get_content_type()
    attached = part.get_content_disposition() == "attachment"
    if part.get_content_maintype() == "message":
        content: str | bytes = part.get_payload()[0].as_bytes()  # type: ignore[index, union-attr]
    else:
        content = raw = _octets(part)
        if kind.startswith("text/") and not attached:
            content = _read(_as_shown(raw, part).replace("\r\n", "\n"), part)
    return Leaf(
        kind=kind,
        content=content,
        name=_name(part),
        is_attachment=attached,
        content_id=str(part.get("content-id", "")).strip("<> "),
        parameters=tuple(sorted((key, str(value)) for key, value in part.get_params([])[1:] if key not in UNSEEN)),
    )


def _octets(part: Message) -> bytes:
    """Decoded; white space at the ends of lines of quoted-printable is none of the text (RFC 2045 section 6.7)."""
    raw = part.get_payload(decode=True)
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "quoted-printable":
        lines = str(part.get_payload()).encode("utf-8", "surrogateescape").splitlines(keepends=True)
        raw = quopri.decodestring(b"".join(line.rstrip() + line[len(line.rstrip(b"\r\n")) :] for line in lines))
    assert isinstance(raw, bytes)
    return raw


LARGER = {"iso8859-1": "cp1252", "gb2312": "gb18030"}


def _as_shown(raw: bytes, part: Message) -> str:
    """As readers of the web show it: by a larger charset where that of its name does not do."""
    codec = _codec(str(part.get_content_charset("utf-8")))
    text = raw.decode(codec, "replace")
    if codec in LARGER and re.search("[\x80-\x9f\ufffd]", text):
        text = raw.decode(LARGER[codec], "replace")
    return text


def _read(text: str, part: Message) -> str:
    """Flowing text as it is shown (RFC 3676 section 4)."""
    if part.get_param("format") != "flowed":
        return text
    shown: list[tuple[int, str]] = []
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        said = line[depth:].removeprefix(" ")
        before = shown[-1] if shown else (-1, "")
        if before[0] == depth and before[1].endswith(" ") and said and "-- " not in (before[1], said):
            soft = before[1][:-1] if part.get_param("delsp") == "yes" else before[1]
            shown[-1] = (depth, soft + said)
        else:
            shown.append((depth, said))
    return "\n".join(f"{'>' * depth}{' ' if depth and said else ''}{said}" for depth, said in shown)


def _name(part: Message) -> str:
    name = part.get_param("filename", None, "content-disposition")
    if name is None:
        name = part.get_param("name", None)
    if isinstance(name, tuple):  # it came with its charset: what looks like an encoded word is none
        return collapse_rfc2231_value(name).strip()
    return "" if name is None else _text(name.strip())
