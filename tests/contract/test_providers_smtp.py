"""One transaction of the way out by SMTP, and servers that break the protocol."""

import asyncio
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.dialer import SystemDialer
from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Handover
from posthorse.mail.ports import Target, TlsMode
from posthorse.providers.port import Limits
from posthorse.providers.smtp import SmtpProvider
from tests.contract.provider_kit import BODY, PATIENT, SHORT, Gate, for_ever, group, play, relay, way_back, words
from tests.contract.scripted_smtp import SmtpServer
from tests.effort import LONGEST_BLOCK_S, HeldUp, unless_each_time

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
HANDED_OVER = {3: "handover provider"}
HOSTILE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "corpus" / "provider" / "smtp_replies.json").read_text()
)


class CountingDialer(SystemDialer):
    """Remembers what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    async def dial(self, factory: Any, target: Target) -> asyncio.Transport:
        transport = await super().dial(factory, target)
        write = transport.write

        def remembered(data: Any) -> None:
            self.writes.append(bytes(data))
            write(data)

        transport.write = remembered  # type: ignore[method-assign]
        return transport


def test_the_envelope_goes_out_in_one_write_where_pipelining_is_offered() -> None:
    """MAIL, RCPT and DATA are one write, the body is the second, the dot the third (RFC 2920)."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            dialer = CountingDialer()
            way = SmtpProvider(
                name=ProviderName("relay"),
                host="127.0.0.1",
                port=server.port,
                tls=TlsMode.NONE,
                dialer=dialer,
                helo="gateway.example",
            )

            await way.attempt(group("b@example.org", "c@example.org"), Gate())
            assert dialer.writes == [
                b"EHLO gateway.example\r\n",
                (
                    f"MAIL FROM:<a@example.com> SIZE={len(BODY)}\r\n"
                    "RCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n"
                ).encode(),
                BODY.replace(b"\r\n.", b"\r\n.."),
                b".\r\n",
            ]

    play(story())


@LOOPS
def test_without_pipelining_one_command_follows_one_reply(loop: str) -> None:
    """A server without PIPELINING gets one command at a time, and no DATA when nobody was accepted."""

    async def story() -> None:
        script = {"rcpt": ["250 ok", "550 5.1.1 no", "550 5.1.1 no"]}
        async with SmtpServer(script=script, features=("8BITMIME",)).listening() as server:
            way = relay(server.port)
            report = await way.attempt(group("b@example.org", "c@example.org"), Gate())
            assert words(report.outcomes) == {3: "handover provider", 4: "rejection recipient"}
            gate = Gate()
            assert words((await way.attempt(group(), gate)).outcomes) == {3: "rejection recipient"}
            assert gate.asked == []
            server.script = {}
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert server.connections == 1
            assert [line.split()[0] for line in server.lines] == (
                ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]
            )

    play(story(), loop)


@LOOPS
def test_a_transaction_nobody_was_accepted_for_is_reset_before_the_next(loop: str) -> None:
    """RSET travels with the next envelope, on the same connection."""

    async def story() -> None:
        async with SmtpServer(script={"rcpt": ["550 5.1.1 no", "250 ok"]}).listening() as server:
            way = relay(server.port)
            assert words((await way.attempt(group(), Gate())).outcomes) == {3: "rejection recipient"}
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert server.connections == 1
            assert "RSET" in server.lines

    play(story(), loop)


@LOOPS
@pytest.mark.parametrize("answer", ["500 5.5.1 what", "421 4.3.2 bye", "close"])
def test_a_refused_reset_costs_the_connection_not_the_mail(answer: str, loop: str) -> None:
    """If RSET fails, a fresh connection carries the mail."""

    async def story() -> None:
        script = {"rcpt": ["550 5.1.1 no", "250 ok"], "rset": answer}
        async with SmtpServer(script=script).listening() as server:
            way = relay(server.port)
            await way.attempt(group(), Gate())
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert (server.connections, len(server.taken)) == (2, 1)

    play(story(), loop)


@LOOPS
def test_content_asked_for_when_nobody_was_accepted_is_not_given(loop: str) -> None:
    """A server that answers 354 though it refused all recipients gets no content, and that line is not used again."""

    async def story() -> None:
        script = {"rcpt": ["550 5.1.1 no", "250 ok"], "data": ["354 go on anyway", "354 go"]}
        async with SmtpServer(script=script).listening() as server:
            way = relay(server.port)
            gate = Gate()
            assert words((await way.attempt(group(), gate)).outcomes) == {3: "rejection recipient"}
            assert gate.asked == []
            await server.until(lambda: server.deserted)
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert (server.connections, len(server.taken)) == (2, 1)

    play(story(), loop)


@LOOPS
def test_the_body_is_there_before_the_gate_answers_and_the_dot_is_not(loop: str) -> None:
    """All of the body but its end arrives while the release mark commits; the mail is taken only after the yes."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            stuffed = BODY.replace(b"\r\n.", b"\r\n..")

            async def until_body_is_there() -> None:
                await server.until(lambda: bytes(server.partial) == stuffed)
                assert server.taken == []

            report = await relay(server.port).attempt(group(), Gate(until=until_body_is_there))
            assert words(report.outcomes) == HANDED_OVER

    play(story(), loop)


@LOOPS
def test_a_no_from_the_gate_leaves_the_server_without_the_mail(loop: str) -> None:
    """The connection is torn down amid the content, and the next mail uses another one."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = relay(server.port)
            report = await way.attempt(group("b@example.org", "c@example.org"), Gate(answer=False))
            assert report.outcomes == {}
            await server.until(lambda: server.deserted)
            assert (server.taken, server.unfinished) == ([], 1)
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER

    play(story(), loop)


def test_a_no_from_the_gate_keeps_the_outcomes_of_those_already_refused() -> None:
    """Recipients refused at RCPT have their outcome; the gate is asked for the others only."""

    async def story() -> None:
        async with SmtpServer(script={"rcpt c@example.org": "550 5.1.1 no"}).listening() as server:
            gate = Gate(answer=False)
            report = await relay(server.port).attempt(group("b@example.org", "c@example.org"), gate)
            assert words(report.outcomes) == {4: "rejection recipient"}
            assert gate.asked == [(3,)]

    play(story())


@LOOPS
@pytest.mark.parametrize(
    ("early", "expect"),
    [
        ("451 4.4.2 Timeout waiting for data", "deferral provider"),
        ("421 4.3.2 Shutting down", "fault channel"),
        ("250 2.0.0 already taken", "unclear provider"),
    ],
)
def test_an_answer_before_the_dot_is_believed_only_if_it_is_a_no(early: str, expect: str, loop: str) -> None:
    """A complete refusal amid the content is certain; a yes to what was not yet sent proves nothing."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = relay(server.port)

            async def until_heard() -> None:
                await server.until(lambda: len(server.partial) > len(BODY))
                (writer,) = server._readers
                writer.write(early.encode() + b"\r\n")
                await way_back(server.port)

            report = await way.attempt(group(), Gate(until=until_heard))
            assert words(report.outcomes) == {3: expect}
            await server.until(lambda: server.deserted)
            assert server.taken == []

    play(story(), loop)


@LOOPS
def test_cancelling_while_the_answer_is_due_closes_the_connection(loop: str) -> None:
    """Stopping an attempt after its release leaves no connection that could be mistaken for a fresh one."""

    async def story() -> None:
        async with SmtpServer(script={"dot": ["hang", "250 ok"]}).listening() as server:
            way = relay(server.port)
            attempt = asyncio.ensure_future(way.attempt(group(), Gate()))
            await server.until(lambda: bool(server.taken))
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert server.connections == 2

    play(story(), loop)


@LOOPS
def test_a_421_ends_the_waiting(loop: str) -> None:
    """After 421 no further reply is waited for, though the server keeps the connection open."""

    async def story() -> None:
        async with SmtpServer(script={"mail": "421 4.3.2 bye", "rcpt": "hang"}).listening() as server:
            began = asyncio.get_running_loop().time()
            report = await relay(server.port).attempt(group(limits=Limits(connect_s=9, answer_s=20)), Gate())
            assert words(report.outcomes) == {3: "fault channel"}
            assert asyncio.get_running_loop().time() - began < 10

    play(story(), loop)


@LOOPS
def test_a_late_answer_is_waited_for(loop: str) -> None:
    """After the release no time limit ends the attempt: the answer comes long after `answer_s`."""

    async def story() -> None:
        class Late(SmtpServer):
            async def _answer(self, stage: str, default: str, writer: Any) -> int:
                if stage == "dot":
                    await asyncio.sleep(0.2)
                return await super()._answer(stage, default, writer)

        async with Late().listening() as server:
            limits = Limits(connect_s=0.1, answer_s=0.05)
            report = await relay(server.port).attempt(group(limits=limits), Gate())
            assert words(report.outcomes) == HANDED_OVER

    play(story(), loop)


@LOOPS
def test_a_large_body_is_out_before_the_gate_is_asked_and_a_stall_is_a_fault(loop: str) -> None:
    """8 MB arrive whole; a server that stops reading amid them is left before anything was released."""
    body = (b"x" * 70 + b"\r\n") * 120_000

    class NotReading(SmtpServer):
        async def _content(self, mail: Any, reader: Any, writer: Any) -> None:
            await for_ever()

    async def story() -> None:
        async with SmtpServer(features=("PIPELINING",)).listening() as server:
            gate = Gate()
            assert words((await relay(server.port).attempt(group(body=body), gate)).outcomes) == HANDED_OVER
            assert server.taken[0].content == body
        async with NotReading(features=("PIPELINING",)).listening() as server:
            gate = Gate()
            report = await relay(server.port).attempt(group(body=body, limits=SHORT), gate)
            assert words(report.outcomes) == {3: "fault channel"}
            assert gate.asked == []

    play(story(), loop)


# --- hostile replies ------------------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.usefixtures("no_old_garbage")
@unless_each_time
@pytest.mark.parametrize("row", HOSTILE, ids=[row["id"] for row in HOSTILE])
def test_hostile_replies(row: dict[str, Any], loop: str) -> None:
    """B96, B97: a server that breaks the protocol gets the listed outcome, holds no memory and blocks no loop."""
    script = {stage: expanded(text) for stage, text in row["script"].items()}

    async def story() -> None:
        async with SmtpServer(script=script).listening() as server:
            way = relay(server.port)
            if (longest_s := await longest_block(way, row)) >= LONGEST_BLOCK_S:
                raise HeldUp(f"the loop was blocked for {longest_s * 1e3:.0f} ms")
            server.script = {}
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER, "the next mail is not harmed"
            await way.close()

    play(story(), loop)


def expanded(text: str) -> str:
    """`{N:text}` stands for text N times, so that the corpus stays readable."""
    head, mark, rest = text.partition("{")
    if not mark:
        return text
    count, _, repeated = rest.partition(":")
    piece, _, tail = repeated.partition("}")
    return head + piece * int(count) + expanded(tail)


async def longest_block(way: SmtpProvider, row: dict[str, Any]) -> float:
    """Run the attempt and return the most work (seconds of CPU) the loop did between two of its turns."""
    turns = [time.thread_time()]

    async def turn() -> None:
        while True:
            await asyncio.sleep(0)
            turns.append(time.thread_time())

    watcher = asyncio.ensure_future(turn())
    limits = SHORT if row.get("is_given_up") else PATIENT
    report = await way.attempt(group("b@example.org", "c@example.org", limits=limits), Gate())
    watcher.cancel()
    assert words(report.outcomes) == {3: row["expect"], 4: row.get("expect_second", row["expect"])}
    codes = {3: row.get("code", 0), 4: row.get("code_second", row.get("code", 0))}
    for n, outcome in report.outcomes.items():
        assert outcome.reply.text.isprintable()
        assert len(outcome.reply.text) < 5_000
        assert isinstance(outcome, Handover) or outcome.reply.code == codes[n]
    return max(later - earlier for earlier, later in itertools.pairwise(turns))
