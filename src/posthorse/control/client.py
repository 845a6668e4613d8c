"""A command's side of the control socket."""

import asyncio
from pathlib import Path
from typing import TypeVar, cast

from posthorse.control import protocol, replies
from posthorse.control.node import NotDone
from posthorse.control.protocol import Call
from posthorse.control.requests import AnyRequest, Request

R = TypeVar("R", bound=replies.Reply)

ANSWER_S = 600.0
"""A backup or a decision about a million recipients takes its time."""


class NobodyListens(Exception):
    """No gateway runs on this spool."""


async def ask(path: Path, request: Request[R], by: str) -> R:
    """Ask the running gateway. Raises `NobodyListens` before anything was asked, `NotDone` with the reason after."""
    call = Call(by=by, request=cast(AnyRequest, request))
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=protocol.MOST_ANSWER_BYTES)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NobodyListens(str(path)) from None
    except OSError as error:
        raise NotDone(f"the gateway's control socket {path} cannot be reached: {error.strerror}") from error
    try:
        writer.write(protocol.encode_call(call))
        async with asyncio.timeout(ANSWER_S):
            line = await reader.readline()
        if not line.endswith(b"\n"):
            raise NotDone("the gateway ended before it answered; whether the command was carried out is not known")
        answer = protocol.decode_answer(line)
        if answer.not_done:
            raise NotDone(answer.not_done)
        return protocol.reply_of(request, answer)
    except (OSError, TimeoutError, ValueError) as error:
        raise NotDone(f"no answer that makes sense: {error}; whether it was carried out is not known") from error
    finally:
        writer.close()
