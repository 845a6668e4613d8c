"""The door on a real socket."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from posthorse.lab.faults import Fault, FaultSetting
from tests.unit.lab.stand import Line, greeted, smtp_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]


async def _walk_through_the_door() -> None:
    async with smtp_stand() as (provider, port):
        before = await greeted(port)
        await provider.set_fault(FaultSetting(fault=Fault.REFUSE))
        with pytest.raises(ConnectionResetError):
            await before.reader.read()
        await before.close()
        with pytest.raises(ConnectionRefusedError):
            await Line.to(port)
        await provider.set_fault(FaultSetting(fault=Fault.NO_SYN_ACK))
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await Line.to(port)
        await provider.set_fault(None)
        after = await greeted(port)
        assert (await after.offer())[-1].startswith("250")
        await provider.set_fault(FaultSetting(fault=Fault.NO_SYN_ACK))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await Line.to(port)
        after.writer.write(b"NOOP\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await after.reply()
        await provider.set_fault(FaultSetting(fault=Fault.REFUSE))
        with pytest.raises(ConnectionRefusedError):
            await Line.to(port)
        await after.close()


def test_refused_then_swallowed_then_open_on_one_port(run: Run) -> None:
    """New connections are refused, never complete, or work, as the door stands; open ones are reset or fall silent."""
    run(_walk_through_the_door())


def test_the_same_on_uvloop() -> None:
    """The lab's process may run on the faster loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_walk_through_the_door())


def test_nobody_else_gets_a_refusing_doors_port(run: Run) -> None:
    """The port stays taken while nobody listens on it."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            await provider.set_fault(FaultSetting(fault=Fault.REFUSE))
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))

    run(story())
