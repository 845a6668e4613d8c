"""A message taken apart: the whole of it, decoded, or why not.

Promise: total. Every decoded part, file name, address and header field of the message is in the answer as it was, save
what no reader shows (`shape`, `files`), header fields that say nothing, and the fields in `LET_GO`, which every way out
writes anew; else the answer says what could not be kept. Pure, bounded, and meant for a process of its own: hostile
content may take all the time and memory it is given.

Left out: which addresses are in the group, and what one provider cannot take of it.
"""

from posthorse.providers.mime.dissection import Dissected, Dissection, Mailbox, Undissected, Unfit
from posthorse.providers.mime.entity import Entity, Field, cut
from posthorse.providers.mime.mailboxes import read_mailboxes
from posthorse.providers.mime.shape import shape_of
from posthorse.providers.mime.words import Words, check_line, shown

LET_GO = frozenset(("date", "received", "return-path", "mime-version", "content-type", "content-transfer-encoding"))
"""Fields that the way out makes for itself."""
_OWN = frozenset(("from", "sender", "to", "cc", "reply-to", "subject"))
_SIGNATURES = ("dkim-signature", "domainkey-signature", "arc-")
_NO_PLACE = ("resent-", "bcc")
"""Beginnings of names that no provider's fields can say."""


def dissect(content: bytes) -> Dissection:
    """The message taken apart."""
    try:
        return _dissected(content)
    except Unfit as unfit:
        return Undissected(why=str(unfit))


def _dissected(content: bytes) -> Dissected:
    message = cut(content)
    _check_version(message)
    words = Words()
    carried = tuple(_carried(field, words) for field in message.fields if _is_carried(field))
    (author,) = _mailboxes(message, "from", words, most=1) or (None,)
    if author is None:
        raise Unfit("no From")
    if any(sender.address.lower() != author.address.lower() for sender in _mailboxes(message, "sender", words)):
        raise Unfit("a Sender who is not the author")
    subject = message.only("subject")
    shape = shape_of(content, message, words)
    return Dissected(
        author=author,
        to=_mailboxes(message, "to", words),
        cc=_mailboxes(message, "cc", words),
        reply_to=_mailboxes(message, "reply-to", words),
        subject=None if subject is None else words.decode(subject).strip(),
        fields=carried,
        text=None if shape.text is None else memoryview(shape.text),
        html=None if shape.html is None else memoryview(shape.html),
        invitation=shape.invitation,
        files=tuple(shape.files),
    )


def _check_version(message: Entity) -> None:
    """RFC 2045 section 4. Where the declaration is missing, every reader of today takes it as said."""
    version = message.only("mime-version")
    if version and version.split("(")[0].strip() != "1.0":
        raise Unfit("another version of MIME")


def _mailboxes(message: Entity, name: str, words: Words, most: int | None = None) -> tuple[Mailbox, ...]:
    value = message.only(name)
    if not value:
        return ()
    found = read_mailboxes(value, words)
    if most is not None and len(found) > most:
        raise Unfit("more than one author")
    return found


def _is_carried(field: Field) -> bool:
    lowered = field.name.lower()
    if lowered in LET_GO or lowered in _OWN or not field.raw:
        return False
    if lowered.startswith(_SIGNATURES):
        raise Unfit(f"signed mail ({shown(field.name)})")
    if lowered.startswith(_NO_PLACE):
        raise Unfit(f"the header field {shown(field.name)}")
    return lowered == "content-language" or not lowered.startswith("content-")


def _carried(field: Field, words: Words) -> tuple[str, str]:
    """The value as it is; its encoded words are only tried."""
    value = check_line(field.text.replace("\t", " "))
    words.decode(value)
    return field.name, value
