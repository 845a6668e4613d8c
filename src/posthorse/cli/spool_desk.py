"""The desk without a gateway: the spool is opened for one command, by the same rules and with the same words."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from posthorse.accept.credentials import smtp_password
from posthorse.adapters.clock import SystemClock
from posthorse.adapters.sealing import KeyFileError, key_file_of, open_key_file
from posthorse.config.load import Whereabouts
from posthorse.control import replies
from posthorse.control.desk import Desk
from posthorse.control.keys import Locksmith
from posthorse.control.node import Confirming, NoNode, NotDone
from posthorse.control.requests import AnyRequest, Request
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import sealed_secrets
from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.sqlite import SpoolRefused, SqliteSpool
from posthorse.spool.sqlite.backup import CopyFailed, copy_database

R = TypeVar("R", bound=replies.Reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedNode(NoNode):
    """No gateway runs; this command owns the spool for a moment."""

    spool_file: Path

    async def backup(self, path: Path) -> int:
        """Nobody else writes meanwhile."""
        try:
            return await asyncio.to_thread(copy_database, self.spool_file, path)
        except CopyFailed as error:
            raise NotDone(str(error)) from error


class OwnDesk:
    """A desk on a spool that this process owns."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(self, request: Request[R], by: str) -> R:
        """The reply to one command. Raises `NotDone`."""
        return cast(R, await self._desk.handle(cast(AnyRequest, request), by))


@asynccontextmanager
async def opened_desk(where: Whereabouts) -> AsyncIterator[OwnDesk]:
    """Own the spool while the block runs. Raises `NotDone` if somebody else does."""
    async with opened_spool(where.spool_file) as spool:
        node = ClosedNode(provider_names=where.providers, spool_file=where.spool_file)
        locksmith = locksmith_of(where.spool_file, sealed_secrets(await spool.keys()))
        confirming = Confirming(providers=where.notifying, within_us=int(where.confirm_within_s * SECOND))
        yield OwnDesk(
            Desk(spool=spool, node=node, clock=SystemClock(), locksmith=locksmith, confirming=lambda: confirming)
        )


@asynccontextmanager
async def opened_spool(path: Path) -> AsyncIterator[SqliteSpool]:
    """Own the spool at `path`, which is made if it does not exist. Raises `NotDone`."""
    try:
        spool = await SqliteSpool.open(str(path), clock=SystemClock())
    except (SpoolRefused, SpoolUnavailable) as error:
        raise NotDone(f"{path}: {error}") from error
    try:
        yield spool
    finally:
        await spool.close()


def locksmith_of(spool_file: Path, sealed: Mapping[str, bytes]) -> Locksmith:
    """Makes keys that are sealed with the key file of this spool, which must open what is `sealed` already."""

    def seal(secret: bytes, owner: bytes) -> bytes:
        try:
            return open_key_file(key_file_of(spool_file), sealed).seal(secret, owner)
        except KeyFileError as error:
            raise NotDone(str(error)) from error

    return Locksmith(random_bytes=secrets.token_bytes, seal=seal, smtp_password=smtp_password)
