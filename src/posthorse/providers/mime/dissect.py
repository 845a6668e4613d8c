"""A message taken apart: the whole of it, decoded, or why not.

Promise: total. Every decoded part, file name, address and header field of the message is in the answer as it was,
save the fields in `LET_GO`, which every way out writes anew; else the answer says what could not be kept. Pure,
bounded, and meant for a process of its own: hostile content may take all the time and memory it is given.

Left out: which addresses are in the group, and what one provider cannot take of it.
"""

from posthorse.providers.mime.dissection import Dissected, Dissection, Mailbox, Undissected, Unfit
from posthorse.providers.mime.entity import Entity, Field, cut
from posthorse.providers.mime.mailboxes import read_mailboxes
from posthorse.providers.mime.shape import shape_of
from posthorse.providers.mime.words import Words, check_line, shown

LET_GO = frozenset(("date", "received", "return-path", "mime-version", "content-type", "content-transfer-encoding"))
"""Fields that the way out makes for itself."""
_OWN = frozenset(("from", "to", "cc", "reply-to", "subject"))
_SIGNATURES = ("dkim-signature", "domainkey-signature", "arc-")
_NO_PLACE = ("content-", "resent-")
_NOWHERE = frozenset(("bcc", "sender"))
"""Names, and beginnings of names, that no provider's fields can say."""


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
    subject = message.only("subject")
    shape = shape_of(content, message, words)
    return Dissected(
        author=author,
        to=_mailboxes(message, "to", words),
        cc=_mailboxes(message, "cc", words),
        reply_to=_mailboxes(message, "reply-to", words),
        subject=None if subject is None else words.decode(subject),
        fields=carried,
        text=None if shape.text is None else memoryview(shape.text),
        html=None if shape.html is None else memoryview(shape.html),
        files=tuple(shape.files),
    )


def _check_version(message: Entity) -> None:
    """Without the declaration readers may show the source of the parts (RFC 2045 section 4)."""
    version = message.only("mime-version")
    if version is None:
        if any(field.name.lower().startswith("content-") for field in message.fields):
            raise Unfit("MIME fields without MIME-Version")
    elif version.split("(")[0].strip() != "1.0":
        raise Unfit("another version of MIME")


def _mailboxes(message: Entity, name: str, words: Words, most: int | None = None) -> tuple[Mailbox, ...]:
    value = message.only(name)
    if value is None:
        return ()
    found = read_mailboxes(value, words)
    if most is not None and len(found) > most:
        raise Unfit("more than one author")
    return found


def _is_carried(field: Field) -> bool:
    lowered = field.name.lower()
    if lowered in LET_GO or lowered in _OWN:
        return False
    if lowered == "content-language":
        return True
    if lowered.startswith(_SIGNATURES):
        raise Unfit(f"signed mail ({shown(field.name)})")
    if (lowered in _NOWHERE or lowered.startswith(_NO_PLACE)) and not _is_plain_disposition(field):
        raise Unfit(f"the header field {shown(field.name)}")
    return not lowered.startswith("content-")


def _is_plain_disposition(field: Field) -> bool:
    return field.name.lower() == "content-disposition" and field.raw.lower() == b"inline"


def _carried(field: Field, words: Words) -> tuple[str, str]:
    """The value as it is; its encoded words are only tried."""
    value = check_line(field.text.replace("\t", " "))
    if not value:
        raise Unfit(f"the empty header field {shown(field.name)}")
    words.decode(value)
    return field.name, value
