"""The control socket: who reaches it, what travels, and what nonsense does to it."""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import uvloop

from posthorse.control import replies, requests
from posthorse.control.client import NobodyListens, ask
from posthorse.control.node import NotDone
from posthorse.control.protocol import Call, decode_call, encode_call, reply_type, socket_path
from posthorse.control.requests import AnyRequest, Which
from posthorse.control.server import MOST_CONNECTIONS, ControlServer
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import QueueCounts
from tests.unit.control.scene import Scene

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def served(run: Run, path: Path, talk: Callable[[Scene], Awaitable[Any]]) -> tuple[Any, list[str]]:
    """Talk to a gateway that listens at `path`; answers the result and the bugs it noticed."""
    bugs: list[str] = []

    async def scene() -> Any:
        house = Scene()
        server = ControlServer(path, house.desk, lambda where, error: bugs.append(f"{where}: {error}"))
        await server.start()
        try:
            return await talk(house)
        finally:
            await server.close()

    return run(scene()), bugs


def test_a_command_is_answered_in_its_own_type(run: Run, tmp_path: Path) -> None:
    """What the desk replies arrives as the same value at the other end."""

    async def talk(scene: Scene) -> None:
        message_id = await scene.accept()
        request = requests.QueueShow(id=message_id, body=True)
        assert await ask(tmp_path / "c", request, "jane") == await scene.desk.handle(request, "jane")

    served(run, tmp_path / "c", talk)


def test_who_asks_is_who_did_it(run: Run, tmp_path: Path) -> None:
    """The name of the caller reaches the spool."""

    async def talk(scene: Scene) -> str:
        await ask(tmp_path / "c", requests.StopSending(reason="x"), "jane")
        (order,) = await scene.spool.orders()
        return order.by

    assert served(run, tmp_path / "c", talk)[0] == "jane"


def test_what_is_not_done_arrives_with_its_reason(run: Run, tmp_path: Path) -> None:
    """A refusal at the desk is a refusal at the command."""

    async def talk(scene: Scene) -> None:
        with pytest.raises(NotDone, match="not a provider here"):
            await ask(tmp_path / "c", requests.Restore(provider="nobody"), "jane")

    assert served(run, tmp_path / "c", talk)[1] == []


def test_without_a_gateway_nobody_listens(run: Run, tmp_path: Path) -> None:
    """No socket, or one that a dead gateway left, is told apart from a gateway that refuses."""

    async def leave_a_socket_behind() -> None:
        server = await asyncio.start_unix_server(lambda reader, writer: None, tmp_path / "left")
        server.close()
        await server.wait_closed()

    run(leave_a_socket_behind())
    assert (tmp_path / "left").exists()
    for name in ("none", "left"):
        with pytest.raises(NobodyListens):
            run(ask(tmp_path / name, requests.Overview(), "jane"))


def test_a_socket_left_by_a_dead_gateway_is_replaced(run: Run, tmp_path: Path) -> None:
    """A start after a crash takes over the name, and a stop in order removes it."""
    test_without_a_gateway_nobody_listens(run, tmp_path)

    async def talk(scene: Scene) -> bool:
        return (await ask(tmp_path / "left", requests.Overview(), "jane")).running

    assert served(run, tmp_path / "left", talk)[0]
    assert not (tmp_path / "left").exists()


def test_only_the_owner_reaches_it(run: Run, tmp_path: Path) -> None:
    """The socket has mode 0600 from its first moment, and the process's mask is as before."""
    mask = os.umask(0o022)

    async def talk(scene: Scene) -> int:
        return stat.S_IMODE((tmp_path / "c").stat().st_mode)

    try:
        assert served(run, tmp_path / "c", talk)[0] == 0o600
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(mask)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{}\n",
        b"null\n",
        b"\xff\xfe\n",
        b'{"by":"jane","request":{"type":"queue.drop"}}\n',
        b'{"by":"jane","request":{"type":"overview","extra":1}}\n',
        b'{"by":"jane","request":{"type":"queue.list","which":{"stream":"fast"}}}\n',
        b'{"request":{"type":"overview"}}\n',
        b"[" * 100_000 + b"\n",
        b"EHLO client\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_nonsense_is_refused_and_changes_nothing(line: bytes, run: Run, tmp_path: Path) -> None:
    """Whatever is no command gets a reason or the end of its connection; the next command is answered."""

    async def talk(scene: Scene) -> None:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "c")
        writer.write(line)
        writer.write_eof()
        answered = await reader.read()
        assert not answered or b"does not know this command" in answered
        writer.close()
        assert (await ask(tmp_path / "c", requests.Overview(), "jane")).running
        assert scene.carried_out == []

    assert served(run, tmp_path / "c", talk)[1] == []


async def _write_without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"a" * 65_536)
        await writer.drain()


def test_a_line_without_end_is_cut_off(run: Run, tmp_path: Path) -> None:
    """A client that never ends its line costs a megabyte and its connection, no more."""

    async def talk(scene: Scene) -> None:
        _, writer = await asyncio.open_unix_connection(tmp_path / "c")
        with pytest.raises(ConnectionError):
            await _write_without_end(writer)
        assert (await ask(tmp_path / "c", requests.Overview(), "jane")).running

    served(run, tmp_path / "c", talk)


def test_idle_connections_are_bounded(run: Run, tmp_path: Path) -> None:
    """Beyond the bound a connection is closed at once; after one leaves there is room again."""

    async def talk(scene: Scene) -> None:
        idle = [await asyncio.open_unix_connection(tmp_path / "c") for _ in range(MOST_CONNECTIONS)]
        with pytest.raises(NotDone, match=r"ended before it answered|no answer"):
            await ask(tmp_path / "c", requests.Overview(), "jane")
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        for _ in range(10):
            await asyncio.sleep(0)
        assert (await ask(tmp_path / "c", requests.Overview(), "jane")).running

    served(run, tmp_path / "c", talk)


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_stop_ends_what_is_idle_and_lets_answers_go(
    factory: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path
) -> None:
    """A gateway that stops answers the command under way; an idle connection ends without a fault of ours."""
    faults: list[object] = []

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
        house, going, go_on = Scene(), asyncio.Event(), asyncio.Event()

        async def slow() -> Any:
            going.set()
            await go_on.wait()
            return QueueCounts(by_carriage={}, oldest_waiting={})

        house.spool.counts = slow  # type: ignore[method-assign]
        server = ControlServer(tmp_path / "c", house.desk, lambda where, error: None)
        await server.start()
        reader, writer = await asyncio.open_unix_connection(tmp_path / "c")
        asking = asyncio.create_task(ask(tmp_path / "c", requests.Overview(), "jane"))
        await going.wait()
        closing = asyncio.create_task(server.close())
        assert await reader.read() == b""
        go_on.set()
        assert (await asking).running
        await closing
        writer.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(scene())
    assert faults == []


def test_a_bug_in_a_command_is_told_and_survived(run: Run, tmp_path: Path) -> None:
    """The command hears that the gateway failed; the gateway counts it and answers the next one."""

    async def talk(scene: Scene) -> None:
        async def broken() -> Any:
            raise ZeroDivisionError("oops")

        scene.spool.counts = broken  # type: ignore[method-assign]
        with pytest.raises(NotDone, match="ZeroDivisionError"):
            await ask(tmp_path / "c", requests.Overview(), "jane")
        assert (await ask(tmp_path / "c", requests.Keys(), "jane")).keys == []

    assert served(run, tmp_path / "c", talk)[1] == ["control: oops"]


def test_a_name_too_long_for_a_socket_is_moved_to_a_private_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool deep in the tree is reached all the same, and command and gateway agree where."""
    monkeypatch.setattr("posthorse.control.protocol.gettempdir", lambda: str(tmp_path))
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    path = socket_path(deep / "posthorse.db")
    assert path.parent == tmp_path / f"posthorse-{os.geteuid()}"
    assert path == socket_path(deep / "posthorse.db") != socket_path(deep / "other.db")

    async def talk(scene: Scene) -> int:
        await ask(path, requests.Overview(), "jane")
        return stat.S_IMODE(path.parent.stat().st_mode)

    assert served(run, path, talk)[0] == 0o700


def test_a_shared_folder_is_not_trusted(run: Run, tmp_path: Path) -> None:
    """Whoever made the folder first with open rights could have put a socket there: it is refused."""
    folder = tmp_path / "posthorse-0"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="private"):
        served(run, folder / "x.control", lambda scene: asyncio.sleep(0))


def test_a_short_name_stands_beside_the_spool() -> None:
    """Usually the socket is where an operator looks for it."""
    assert socket_path(Path("/var/lib/posthorse/posthorse.db")) == Path("/var/lib/posthorse/posthorse.db.control")


@pytest.mark.parametrize("kind", get_args(AnyRequest), ids=lambda kind: kind.__name__)
def test_every_command_names_a_reply_that_travels(kind: type[Any]) -> None:
    """Each command has one reply type, and both are plain data that msgspec can carry."""
    found = reply_type(kind)
    assert issubclass(found, replies.Reply)
    assert msgspec.json.schema(found)
    assert kind.__struct_config__.tag


def test_a_call_reads_back_as_it_was_written() -> None:
    """Enums, ids and nested selectors survive the wire."""
    request = requests.QueueList(which=Which(stream=Stream.ONCE, n=3), limit=7)
    assert decode_call(encode_call(Call(by="jane", request=request))) == Call(by="jane", request=request)
