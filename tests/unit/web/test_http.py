"""Health, metrics and unknown paths over real sockets, role by role."""

import asyncio
import http.client
import json
import signal
import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest
import uvloop

from posthorse.asgi import Receive, Scope, Send
from posthorse.watch.exposition import CONTENT_TYPE, Exposition
from posthorse.watch.measures import Measures
from posthorse.web.answer import answer_json
from posthorse.web.health import Check, health_mounts
from posthorse.web.role import Role
from posthorse.web.router import Mount, Router
from posthorse.web.server import serve_http
from tests.thorough import first_quick

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class House:
    """A listener with everything that is known to be mounted, and what it noticed."""

    def __init__(self, roles: Iterable[Role] = tuple(Role), checks: Iterable[Check] = ()) -> None:
        self.bugs: list[str] = []
        measures = Measures()
        measures.bug("a test")
        mounts = [
            *health_mounts(lambda: list(checks), Exposition(measures).text, CONTENT_TYPE),
            Mount(role=Role.API, path="/v2/email/", app=told_path, methods=()),
            Mount(role=Role.API, path="/v2/email/broken", app=broken),
        ]
        self.app = Router(mounts, set(roles), lambda where, error: self.bugs.append(f"{where}: {error}"))

    async def ask(self, method: str, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on a connection of its own."""
        serving = await serve_http(self.app, "127.0.0.1", 0)
        try:
            return await asyncio.to_thread(request, serving.port, method, path)
        finally:
            await serving.close()


async def told_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path it was asked for."""
    await answer_json(send, 200, {"path": scope["path"], "method": scope["method"]})


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    """A page with a bug."""
    raise ValueError("secret detail")


def request(port: int, method: str, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


def test_a_living_process_says_so(run: Run) -> None:
    """/healthz answers 200 as long as the loop turns, whatever the checks say."""
    status, headers, body = run(House(checks=[Check(name="spool", ok=False)]).ask("GET", "/healthz"))
    assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", {"alive": True})


def test_ready_only_if_every_check_holds(run: Run) -> None:
    """/readyz is 503 as soon as one check fails, and names it."""
    good = Check(name="spool", ok=True)
    bad = Check(name="providers", ok=False, detail="all are ejected")
    assert run(House(checks=[good]).ask("GET", "/readyz"))[0] == 200
    status, _, body = run(House(checks=[good, bad]).ask("GET", "/readyz"))
    assert status == 503
    assert json.loads(body) == {
        "ready": False,
        "checks": {
            "spool": {"ok": True, "required": True, "detail": ""},
            "providers": {"ok": False, "required": True, "detail": "all are ejected"},
        },
    }


def test_what_is_not_required_is_told_and_may_be_asked_for(run: Run) -> None:
    """A check that is no reason to keep mail away fails /readyz only for whoever requires it by name."""
    house = House(checks=[Check(name="spool", ok=True), Check(name="providers", ok=False, required=False)])
    status, _, body = run(house.ask("GET", "/readyz"))
    assert (status, json.loads(body)["checks"]["providers"]["ok"]) == (200, False)
    for query in ("require=providers", "require=spool,providers", "require=spool&require=providers"):
        assert run(house.ask("GET", f"/readyz?{query}"))[0] == 503
    assert run(house.ask("GET", "/readyz?require=spool"))[0] == 200
    status, _, body = run(house.ask("GET", "/readyz?require=coffee"))
    assert (status, json.loads(body)["detail"]) == (400, "require: there are the checks providers, spool.")


def test_why_it_is_not_ready_is_told_inside_only(run: Run) -> None:
    """What faces the internet learns that a check fails, and neither names nor reasons."""
    checks = [Check(name="providers", ok=False, detail="ses-virginia for 94 s")]
    for roles in ([Role.HOOKS, Role.PUBLIC], [Role.API]):
        status, _, body = run(House(roles, checks).ask("GET", "/readyz"))
        assert (status, json.loads(body)["checks"]) == (503, {"providers": {"ok": False, "required": True}})
    for roles in ([Role.ADMIN], [Role.METRICS], [Role.PUBLIC, Role.METRICS], list(Role)):
        assert b"ses-virginia for 94 s" in run(House(roles, checks).ask("GET", "/readyz"))[2]


def test_metrics_are_for_listeners_with_their_role(run: Run) -> None:
    """What faces the internet does not show metrics: there the path does not exist."""
    status, headers, body = run(House().ask("GET", "/metrics"))
    assert (status, headers["content-type"]) == (200, CONTENT_TYPE)
    assert b'posthorse_bugs_total{where="a test"} 1.0' in body
    assert run(House(roles=[Role.HOOKS, Role.PUBLIC]).ask("GET", "/metrics"))[0] == 404


def test_an_unknown_path_is_a_problem_in_json(run: Run) -> None:
    """Whatever nobody answers gets a 404 that programs can read."""
    status, headers, body = run(House().ask("GET", "/wp-admin"))
    assert (status, headers["content-type"], json.loads(body)["status"]) == (404, "application/problem+json", 404)


def test_a_known_path_takes_its_methods_only(run: Run) -> None:
    """POST on a page that is only read is 405 with what is allowed."""
    status, headers, _ = run(House().ask("POST", "/healthz"))
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", first_quick(1, ["/metrics", "/healthz", "/readyz", "/nowhere"]))
def test_head_has_headers_and_no_body(path: str, run: Run) -> None:
    """HEAD answers like GET, without the body."""
    status, headers, body = run(House().ask("HEAD", path))
    assert status == run(House().ask("GET", path))[0]
    assert int(headers["content-length"]) > 0
    assert body == b""


def test_a_front_is_mounted_below_its_prefix(run: Run) -> None:
    """Everything below a mounted prefix reaches its application, with any method; an exact path goes first."""
    house = House()
    status, _, body = run(house.ask("PUT", "/v2/email/identities/example.com"))
    assert (status, json.loads(body)) == (200, {"path": "/v2/email/identities/example.com", "method": "PUT"})
    assert run(house.ask("GET", "/v2/email/broken"))[0] == 500


def test_a_bug_in_a_page_is_told_to_us_and_not_to_the_client(run: Run) -> None:
    """The client sees a 500 without detail; the journal hears the error."""
    house = House()
    status, _, body = run(house.ask("GET", "/v2/email/broken"))
    assert (status, house.bugs) == (500, ["web: secret detail"])
    assert b"secret detail" not in body


@pytest.mark.parametrize(
    "sent",
    [
        b"EHLO client\r\nMAIL FROM:<a@b>\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"a" * 200_000,
        b"\x00" * 1_000,
    ],
    ids=["smtp", "tls", "length", "long", "zeros"],
)
def test_what_is_not_http_does_no_harm(sent: bytes, run: Run) -> None:
    """SMTP or noise on the HTTP port ends that connection; the next request is answered."""

    async def scene() -> None:
        house = House()
        serving = await serve_http(house.app, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        writer.write(sent)
        answer = b""
        try:
            await writer.drain()
            if not sent.startswith(b"GET /a"):
                answer = await reader.read()
        except ConnectionError:
            pass
        writer.close()
        assert not answer or answer.startswith(b"HTTP/1.1 400")
        assert (await asyncio.to_thread(request, serving.port, "GET", "/healthz"))[0] == 200
        assert house.bugs == []
        await serving.close()

    run(scene())


def test_a_taken_port_is_an_error_and_not_the_end_of_the_process(run: Run) -> None:
    """Whoever starts the server is told that the address is in use."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            run(serve_http(House().app, "127.0.0.1", taken.getsockname()[1]))


def test_it_runs_on_the_loop_of_the_gateway_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Under uvloop too, with IPv4 and IPv6; and no client makes the process write to its standard error."""

    async def scene() -> None:
        for host in ("127.0.0.1", "::1"):
            serving = await serve_http(House().app, host, 0)
            _, writer = await asyncio.open_connection(host, serving.port)
            writer.write(b"nonsense\r\n\r\n")
            writer.write_eof()
            with pytest.raises(OSError, match="in use"):
                await serve_http(House().app, host, serving.port)
            await serving.close()
            writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
    assert capfd.readouterr() == ("", "")


def test_signals_stay_with_the_daemon(run: Run) -> None:
    """While a server runs, the handlers of the process are untouched."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    async def scene() -> None:
        serving = await serve_http(House().app, "127.0.0.1", 0)
        assert signal.getsignal(signal.SIGTERM) is before[0]
        await serving.close()
        await serving.close()

    run(scene())
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
