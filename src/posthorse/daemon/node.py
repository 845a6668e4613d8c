"""The node of the daemon: a gateway on real clocks, networks and disks, from its first lock to its last fsync.

Promise: it is ready only when everything listens; it stops in the order in which nothing is lost (what is released is
waited for, what waits stays in the spool); a bad configuration read again changes nothing. It decides nothing
about mail: it hands adapters to the rooms. Left out: signals (`posthorse.daemon.process`).
"""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from posthorse.accept.credentials import Credential
from posthorse.adapters.bounded_worker import ChildWorkers, Failure
from posthorse.adapters.chance import SystemRng, TimeOrderedIds
from posthorse.adapters.clock import SteadyClock, SystemClock
from posthorse.adapters.dialer import SystemDialer
from posthorse.adapters.offload import ThreadOffload
from posthorse.adapters.sealing import Sealer, key_file_of, open_key_file
from posthorse.config.problem import ConfigProblems
from posthorse.config.reload import reload_config
from posthorse.config.tree import Config
from posthorse.control.desk import Desk
from posthorse.control.node import NotDone
from posthorse.control.protocol import socket_path
from posthorse.control.server import ControlServer
from posthorse.daemon.credentials import credentials_of, locksmith
from posthorse.daemon.desk_view import DaemonNode
from posthorse.daemon.fronts import Fronts
from posthorse.daemon.housekeeper import Housekeeper, confirming_of
from posthorse.daemon.listeners import Listeners, listen, shown
from posthorse.daemon.outlets import Edge, outlets_of
from posthorse.daemon.readiness import FileInEffect, export_gauges, readiness_of
from posthorse.daemon.webhooks import Webhooks
from posthorse.daemon.wiring import (
    dispatch_settings_of,
    recovery_of,
    routes_of,
    signing_keys_of,
)
from posthorse.gateway import Gateway, Parts
from posthorse.mail.ids import MessageId, NodeId, ProviderName
from posthorse.providers.dkim.signing import Keyring
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.port import Fidelity
from posthorse.spool.codec import Unreadable
from posthorse.spool.desk_port import sealed_secrets
from posthorse.spool.sqlite.backup import CopyFailed, copy_database
from posthorse.spool.sqlite.spool import SqliteSpool
from posthorse.watch.exposition import CONTENT_TYPE, Exposition
from posthorse.watch.journal import Journal
from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures
from posthorse.web.health import health_mounts
from posthorse.web.router import Router

GRACE_S = 15.0
"""How long a stopping gateway waits for messages and answers under way."""


MIME_WORKER = "posthorse.providers.mime"
"""The module that takes messages apart, in processes of its own."""


class Daemon:
    """One gateway process; alive from `start` to `stop`."""

    def __init__(self, config: Config, path: Path, environ: Mapping[str, str]) -> None:
        self._config = config
        self._path = path
        self._environ = environ
        self._clock = SteadyClock(SystemClock())
        self._offload = ThreadOffload()
        self._workers = ChildWorkers(MIME_WORKER, told=self._worker_failed)
        self._log = Log(_sink(config.log.file), SystemClock())
        self._measures = Measures()
        self._file = FileInEffect()
        self._keyring = Keyring(signing_keys_of(config.domains))
        self._tasks: list[asyncio.Task[None]] = []
        self._journal: Journal
        self._sealer: Sealer
        self._spool: SqliteSpool
        self._exchange: PooledHttpExchange
        self._gateway: Gateway
        self._fronts: Fronts
        self._housekeeper: Housekeeper
        self._webhooks: Webhooks
        self._control: ControlServer | None = None
        self._listeners: Listeners | None = None
        self._undo = AsyncExitStack()
        """What ends a running node, last step first."""
        self.addresses: Mapping[str, str] = {}

    async def start(self) -> None:
        """Own the spool, then everything else; a start that fails leaves nothing behind. Raises OSError,
        `KeyFileError`, `SpoolRefused` and `SpoolUnavailable`.
        """
        async with AsyncExitStack() as undo:
            undo.callback(self._offload.close)
            undo.push_async_callback(self._workers.close)
            await self._own_spool(undo)
            await self._put_together()
            undo.push_async_callback(self._exchange.close)
            undo.push_async_callback(self._webhooks.stop)
            undo.push_async_callback(self._end_tasks)
            undo.push_async_callback(self._close_doors)
            undo.push_async_callback(self._gateway.stop, GRACE_S)
            undo.push_async_callback(self._take_no_more)
            await self._housekeeper.look()
            await self._gateway.follow_orders()
            if self._recomposing():
                await self._workers.warm()
            await self._open()
            await self._gateway.start()
            await self._webhooks.follow(self._config)
            self._undo = undo.pop_all()
        self._journal.log.ready(self.addresses)

    async def _own_spool(self, undo: AsyncExitStack) -> None:
        """Nothing is made or changed beside a spool that another process has, so the lock comes first."""
        file = self._config.spool.url.file
        self._spool = await SqliteSpool.open(
            str(file), clock=self._clock, committed=self._measures.committed, damaged=self._damaged
        )
        undo.push_async_callback(self._spool.close)
        self._sealer = open_key_file(key_file_of(file), sealed_secrets(await self._spool.keys()))
        self._journal = Journal(
            self._measures, MailLog(self._log, self._sealer.derived(b"log addresses"), mail=self._config.log.mail)
        )
        asyncio.get_running_loop().set_exception_handler(self._unforeseen)

    async def _put_together(self) -> None:
        config, hostname = self._config, self._config.node.name or socket.gethostname()
        dialer = SystemDialer()
        self._exchange = PooledHttpExchange(dialer=dialer)
        edge = Edge(
            clock=SystemClock(),  # a signed request must show the time of the world
            dialer=dialer,
            exchange=self._exchange,
            offload=self._offload,
            dissector=Dissector(self._workers),
            hostname=hostname,
            keyring=self._keyring,
        )
        ids = TimeOrderedIds(self._clock)
        self._gateway = Gateway(
            Parts(
                node=NodeId(hostname),
                spool=self._spool,
                clock=self._clock,
                rng=SystemRng(),
                ids=ids,
                journal=self._journal,
                outlets=outlets_of(config, edge),
                routes=routes_of(config),
                settings=dispatch_settings_of(config),
                recovery=recovery_of(config),
            )
        )
        self._housekeeper = Housekeeper(self._spool, config, self._clock, self._journal)
        self._webhooks = Webhooks(self._spool.outbox, self._clock, self._journal)
        self._fronts = Fronts(
            config,
            edge=edge,
            store=self._gateway.store,
            spool=self._spool,
            housekeeper=self._housekeeper,
            clock=self._clock,
            ids=ids,
            journal=self._journal,
            credentials=await self._credentials(),
        )

    def _recomposing(self) -> list[ProviderName]:
        """Providers that need mail taken apart."""
        ways = self._gateway.dispatcher.ways.values()
        return [way.name for way in ways if way.provider.capability.fidelity is Fidelity.RECOMPOSED]

    def _hindered(self) -> Mapping[ProviderName, str]:
        """Providers that get no mail although nothing speaks against them, and why."""
        why = self._workers.trouble
        return dict.fromkeys(self._recomposing(), f"cannot look into mail: {why}") if why else {}

    def _worker_failed(self, failure: Failure, why: str) -> None:
        self._journal.worker_failed(failure.value, why)

    async def _open(self) -> None:
        """Take commands, then mail."""
        node = DaemonNode(
            self._gateway,
            keys_changed=self._keys_changed,
            reload=self.reload,
            backup=self._backup,
            hindered=self._hindered,
        )
        desk = Desk(
            spool=self._spool,
            node=node,
            clock=self._clock,
            locksmith=locksmith(self._sealer),
            carried_out=self._journal.log.carried_out,
            confirming=lambda: confirming_of(self._config),
        )
        socket_file = socket_path(self._config.spool.url.file)
        self._control = ControlServer(socket_file, desk, self._journal.bug)
        await self._control.start()
        export_gauges(self._measures, self._gateway, self._housekeeper, self._clock)
        readiness = readiness_of(
            self._gateway, self._housekeeper, self._fronts.smtp, self._file, lambda: self._workers.trouble
        )
        mounts = [*self._fronts.mounts, *health_mounts(readiness, Exposition(self._measures).text, CONTENT_TYPE)]
        self._listeners = await listen(
            self._config.listen, self._fronts.smtp, lambda roles: Router(mounts, roles, self._journal.bug)
        )
        self.addresses = shown(self._listeners.addresses, socket_file)
        loop = asyncio.get_running_loop()
        for keep in (self._housekeeper.run, self._fronts.hooks.run, self._measures.watch_lag, self._log.keep_flushing):
            self._tasks.append(loop.create_task(keep()))

    async def stop(self, why: str) -> None:
        """End in the order in which nothing is lost: no more mail in, then out, then the spool.

        Every step is taken, whatever becomes of the others; what failed is in the log.
        """
        try:
            await self._undo.aclose()
        except Exception as error:
            self._journal.bug("stopping", error)
        self._journal.log.stopped(why)
        self._log.flush()

    async def _take_no_more(self) -> None:
        if self._listeners is not None:
            self._listeners.stop_smtp()
        await self._fronts.close(GRACE_S)

    async def _close_doors(self) -> None:
        """Commands and pages are answered until all mail is at rest."""
        if self._control is not None:
            await self._control.close()
        if self._listeners is not None:
            await self._listeners.close()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reload(self) -> tuple[Sequence[str], Sequence[str]]:
        """Read the configuration again: what took effect, what needs a restart. Raises `NotDone` with every problem."""
        try:
            reloaded = reload_config(self._config, self._path, self._environ)
        except ConfigProblems as problems:
            told = [str(problem) for problem in problems.problems]
            self._file.refuse(told, self._clock.now())
            self._journal.log.reload_refused(told)
            raise NotDone("\n".join([f"{self._path}: nothing of it took effect", *told])) from problems
        config = reloaded.config
        self._fronts.renew(config)  # first: it alone may find a file gone, and then nothing has changed
        self._config = config
        self._gateway.reroute(routes_of(config))
        self._keyring.renew(signing_keys_of(config.domains))
        self._housekeeper.config = config
        await self._webhooks.follow(config)
        await self._keys_changed()
        self._file.took(reloaded.needs_restart)
        self._journal.log.reloaded(reloaded.applied, reloaded.needs_restart)
        return reloaded.applied, reloaded.needs_restart

    async def _keys_changed(self) -> None:
        self._fronts.let_in(await self._credentials())

    async def _credentials(self) -> Sequence[Credential]:
        return await credentials_of(self._config, self._spool, self._sealer, self._offload)

    async def _backup(self, path: Path) -> int:
        source = self._config.spool.url.file
        try:
            return await self._offload.run(lambda: copy_database(source, path))
        except CopyFailed as error:
            raise NotDone(str(error)) from error

    def _damaged(self, message_id: MessageId) -> None:
        self._journal.spool_trouble("body", Unreadable(f"the stored bytes of message {message_id.hex()} are damaged"))

    def _unforeseen(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What nobody awaited: in the log and counted, like every bug."""
        del loop
        message = str(context.get("message", "event loop"))
        self._journal.bug("loop", context.get("exception") or RuntimeError(message))


def _sink(file: Path | None) -> Callable[[bytes], object]:
    if file is None:
        return lambda lines: os.write(sys.stderr.fileno(), lines)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    return lambda lines: os.write(descriptor, lines)
