"""Recorded traffic as `posthorse classify` studies it: what the rules look at, of messages that were accepted.

Promise: of a message's content only the header block is looked at, within its first bytes, and only the fields named
here leave this module; addresses of recipients never do. Bounded, in pages, and gives way to the mail between two
messages. Left out: what is made of it (`classify_suggest`, `classify_trial`).
"""

import asyncio

from posthorse.accept.encoded_words import readable
from posthorse.accept.headers import cut
from posthorse.accept.refusal import Refused
from posthorse.control import replies, requests
from posthorse.control.wording import message_id, written_time
from posthorse.spool.recorded_port import MOST_MESSAGES, RecordedMessage, SpoolRecorded

HEAD_BYTES = 16 << 10
"""Of each stored body."""
_PRECEDENCE = frozenset({b"bulk", b"list", b"junk"})
_GIVE_WAY_EVERY = 20


async def recorded(spool: SpoolRecorded, request: requests.RecordedTraffic) -> replies.RecordedTraffic:
    """One page of the newest messages, or of those older than a given one."""
    before = message_id(request.before) if request.before else None
    found = await spool.newest(before, max(1, min(request.limit, MOST_MESSAGES)), HEAD_BYTES)
    mails = []
    for n, each in enumerate(found):
        mails.append(_shown(each))
        if n % _GIVE_WAY_EVERY == 0:
            await asyncio.sleep(0)
    return replies.RecordedTraffic(messages=mails, before=found[-1].message.id.hex() if found else "")


def _shown(each: RecordedMessage) -> replies.RecordedMail:
    message, attributes = each.message, each.message.attributes
    subject, marks = _read(each.head)
    return replies.RecordedMail(
        id=message.id.hex(),
        tenant=message.tenant,
        stream=message.stream.value,
        declared=attributes.get("declared", ""),
        credential=attributes.get("credential", ""),
        configuration_set=attributes.get("configuration_set", ""),
        template=attributes.get("template", ""),
        tags={name[4:]: value for name, value in attributes.items() if name.startswith("tag:")},
        sender=message.sender,
        recipients=each.recipients,
        accepted_at=written_time(message.accepted_at),
        subject=subject,
        marks=marks,
    )


def _read(head: bytes | None) -> tuple[str | None, list[str]]:
    """The subject as a person reads it, and which marks of mail to many stand there; None: not known."""
    if head is None:
        return None, []
    if b"\r\n\r\n" not in head and len(head) >= HEAD_BYTES:
        head = head[: head.rfind(b"\r\n") + 2]  # the last field is cut off, or may be
    block = cut(head)
    if isinstance(block, Refused):
        return None, []
    marks = [name for name in ("list-unsubscribe", "list-id") if name.encode() in block.once]
    if block.once.get(b"precedence", b"").strip().lower() in _PRECEDENCE:
        marks.append("precedence")
    return readable(block.once.get(b"subject", b"")), marks
