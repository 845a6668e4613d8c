"""The wire between a command and the gateway: one JSON object per line, one answer per call, on a unix socket.

Promise: what is not exactly a known command is refused and changes nothing. Left out: versions; command and gateway
come from one installation, and an unknown command or field says so.
"""

from hashlib import blake2b
from pathlib import Path
from tempfile import gettempdir
from typing import TypeVar

import msgspec

from posthorse.control import replies
from posthorse.control.requests import AnyRequest, Request

R = TypeVar("R", bound=replies.Reply)

MOST_CALL_BYTES = 1 << 20
MOST_ANSWER_BYTES = 256 << 20
"""A message's body travels in one answer, escaped."""

_LONGEST_PATH = 100
"""Bytes of a unix socket's name that every system takes (sun_path has 104 to 108)."""


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command and who gives it."""

    by: str
    request: AnyRequest


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The reply, or why it was not done."""

    reply: msgspec.Raw = msgspec.Raw(b"null")
    not_done: str = ""


_ENCODER = msgspec.json.Encoder()
_CALLS = msgspec.json.Decoder(Call)
_ANSWERS = msgspec.json.Decoder(Answer)


def encode_call(call: Call) -> bytes:
    """One line."""
    return _ENCODER.encode(call) + b"\n"


def decode_call(line: bytes) -> Call:
    """Raises ValueError for anything but a known command."""
    return _CALLS.decode(line)


def encode_reply(reply: replies.Reply) -> bytes:
    """One line."""
    return _ENCODER.encode(Answer(reply=msgspec.Raw(_ENCODER.encode(reply)))) + b"\n"


def encode_not_done(why: str) -> bytes:
    """One line."""
    return _ENCODER.encode(Answer(not_done=why)) + b"\n"


def decode_answer(line: bytes) -> Answer:
    """Raises ValueError."""
    return _ANSWERS.decode(line)


def reply_of(request: Request[R], answer: Answer) -> R:
    """The reply in its own type. Raises ValueError."""
    return msgspec.json.decode(answer.reply, type=reply_type(type(request)))


def reply_type(kind: type[Request[R]]) -> type[R]:
    """The type that a command is answered with, as its definition says."""
    (base,) = kind.__orig_bases__  # type: ignore[attr-defined]  # every command names exactly one reply
    found: type[R] = base.__args__[0]
    return found


def socket_path(spool_file: Path) -> Path:
    """Where the gateway on this spool listens: beside the file itself (wherever a symbolic link to it stands), or, if
    that name is too long for a socket, in a private folder of the file's owner.
    """
    spool_file = spool_file.resolve()
    beside = spool_file.with_name(f"{spool_file.name}.control")
    if len(bytes(beside)) <= _LONGEST_PATH:
        return beside
    owner = spool_file.stat().st_uid if spool_file.exists() else spool_file.parent.stat().st_uid
    name = blake2b(bytes(spool_file), digest_size=12).hexdigest()
    return Path(gettempdir()) / f"posthorse-{owner}" / f"{name}.control"
