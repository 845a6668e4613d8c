"""Both event loops, and certificates, for what runs on real sockets."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from posthorse.lab.certificate import make_certificate
from tests.unit.accept.smtp.scenes import Run, T


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run[Any]]:
    """Run on each of the two event loops; unhandled exceptions fail the test."""
    unhandled: list[dict[str, Any]] = []

    def runner(coroutine: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
            async with asyncio.timeout(30):
                return await coroutine

        with asyncio.Runner(loop_factory=uvloop.new_event_loop if request.param == "uvloop" else None) as one:
            return one.run(limited())

    yield runner
    assert unhandled == []


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for the server and for a client that trusts it."""
    made = make_certificate(tmp_path_factory.mktemp("tls"), "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    return server, ssl.create_default_context(cafile=made.certificate)
