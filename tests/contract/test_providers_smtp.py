"""What is particular to the way out by SMTP: kept connections, pipelining, parameters, stuffing, slow peers."""

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
from tests.contract.provider_kit import BODY, PATIENT, SHORT, Gate, SmtpServer, for_ever, group, play, way_back, words

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
HANDED_OVER = {3: "handover provider"}
HOSTILE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "corpus" / "provider" / "smtp_replies.json").read_text()
)


def provider(port: int, **more: Any) -> SmtpProvider:
    """The way out under test."""
    return SmtpProvider(
        name=ProviderName("relay"),
        host="127.0.0.1",
        port=port,
        tls=TlsMode.NONE,
        dialer=SystemDialer(),
        helo="gateway.example",
        **more,
    )


# --- kept connections -----------------------------------------------------------------------------------------------


@LOOPS
def test_one_connection_carries_many_messages(loop: str) -> None:
    """A connection is kept and used again; EHLO is said once."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = provider(server.port)
            for _ in range(5):
                assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert (server.connections, len(server.taken)) == (1, 5)
            assert sum(line.startswith("EHLO") for line in server.lines) == 1
            await way.close()
            await server.until(lambda: server.deserted)
            assert server.lines[-1] == "QUIT"

    play(story(), loop)


@LOOPS
@pytest.mark.parametrize("end", ["421 4.4.2 idle too long", "close", "reset"])
def test_a_stale_connection_is_replaced_unnoticed(end: str, loop: str) -> None:
    """A kept connection that turns out dead at MAIL costs no outcome: the mail goes on a fresh one, gate asked once."""

    async def story() -> None:
        async with SmtpServer(script={"mail": ["250 ok", end, "250 ok"]}).listening() as server:
            way = provider(server.port)
            gates = [Gate(), Gate()]
            for gate in gates:
                assert words((await way.attempt(group(), gate)).outcomes) == HANDED_OVER
            assert [len(gate.asked) for gate in gates] == [1, 1]
            assert (server.connections, len(server.taken)) == (2, 2)

    play(story(), loop)


@LOOPS
def test_a_stale_connection_is_replaced_once_only(loop: str) -> None:
    """If the fresh connection is closed as well, that is a fault."""

    async def story() -> None:
        async with SmtpServer(script={"mail": ["250 ok", "close", "close"]}).listening() as server:
            way = provider(server.port)
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert words((await way.attempt(group(), Gate())).outcomes) == {3: "fault channel"}
            assert server.connections == 2

    play(story(), loop)


@LOOPS
def test_a_connection_that_ends_while_idle_leaves_the_pool(loop: str) -> None:
    """An idle connection that the server closes, or on which it speaks, is not used again."""

    async def story() -> None:
        server = SmtpServer(script={"rset": "221 never reached"})
        async with server.listening():
            way = provider(server.port)
            await way.prepare(3)
            assert (server.connections, len(way._pool)) == (3, 3)
            writers = list(server._readers)
            writers[0].write(b"421 4.4.2 idle timeout\r\n")
            writers[1].close()
            writers[2].write(b"250 unasked\r\n")
            while len(way._pool):
                await way_back(server.port)
            await server.until(lambda: server.deserted)
            opened = server.connections
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert server.connections == opened + 1

    play(story(), loop)


def test_idle_connections_are_closed_in_time_and_number() -> None:
    """More than `max_idle` are not kept, and none for longer than `idle_limit_s`."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = provider(server.port, max_idle=2, idle_limit_s=0.05)
            await way.prepare(9)
            assert (server.connections, len(way._pool)) == (2, 2)
            await asyncio.gather(*(way.attempt(group(), Gate()) for _ in range(4)))
            assert (server.connections, len(way._pool)) == (4, 2)
            await server.until(lambda: server.deserted)
            assert len(way._pool) == 0

    play(story())


def test_a_connection_is_given_up_after_so_many_messages() -> None:
    """`max_messages` bounds the transactions on one connection."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = provider(server.port, max_messages=2)
            for _ in range(5):
                await way.attempt(group(), Gate())
            assert server.connections == 3

    play(story())


def test_closing_lets_attempts_finish_and_keeps_nothing() -> None:
    """After `close` an attempt under way ends as it would, and its connection is closed behind it."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = provider(server.port)
            go = asyncio.Event()

            async def wait_for_go() -> None:
                await go.wait()

            gate = Gate(until=wait_for_go)
            attempt = asyncio.ensure_future(way.attempt(group(), gate))
            await gate.reached.wait()
            await way.close()
            go.set()
            assert words((await attempt).outcomes) == HANDED_OVER
            await server.until(lambda: server.deserted)

    play(story())


# --- one transaction ------------------------------------------------------------------------------------------------


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
            # asyncio's own transport has slots for none of its methods, so that writes can be watched
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
            way = provider(server.port)
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
            way = provider(server.port)
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
            way = provider(server.port)
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
            way = provider(server.port)
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

            report = await provider(server.port).attempt(group(), Gate(until=until_body_is_there))
            assert words(report.outcomes) == HANDED_OVER

    play(story(), loop)


@LOOPS
def test_a_no_from_the_gate_leaves_the_server_without_the_mail(loop: str) -> None:
    """The connection is torn down amid the content, and the next mail uses another one."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = provider(server.port)
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
            report = await provider(server.port).attempt(group("b@example.org", "c@example.org"), gate)
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
            way = provider(server.port)

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
            way = provider(server.port)
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
            report = await provider(server.port).attempt(group(limits=Limits(connect_s=9, answer_s=20)), Gate())
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
            report = await provider(server.port).attempt(group(limits=limits), Gate())
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
            assert words((await provider(server.port).attempt(group(body=body), gate)).outcomes) == HANDED_OVER
            assert server.taken[0].content == body
        async with NotReading(features=("PIPELINING",)).listening() as server:
            gate = Gate()
            report = await provider(server.port).attempt(group(body=body, limits=SHORT), gate)
            assert words(report.outcomes) == {3: "fault channel"}
            assert gate.asked == []

    play(story(), loop)


# --- what the server offers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "message", "expect", "mail"),
    [
        ((), {}, "handover provider", "MAIL FROM:<a@example.com>"),
        (("SIZE",), {}, "handover provider", f"MAIL FROM:<a@example.com> SIZE={len(BODY)}"),
        (("SIZE 0",), {}, "handover provider", f"MAIL FROM:<a@example.com> SIZE={len(BODY)}"),
        (("SIZE 10",), {}, "rejection channel", ""),
        (("8BITMIME",), {}, "handover provider", "MAIL FROM:<a@example.com>"),
        (("8BITMIME",), {"eight_bit": True}, "handover provider", "MAIL FROM:<a@example.com> BODY=8BITMIME"),
        ((), {"eight_bit": True}, "rejection channel", ""),
        ((), {"smtputf8": True}, "rejection channel", ""),
        (("SMTPUTF8",), {"smtputf8": True}, "handover provider", "MAIL FROM:<a@example.com> SMTPUTF8"),
        (
            ("8BITMIME", "SMTPUTF8"),
            {"smtputf8": True, "sender": "\u00e9@example.com"},
            "handover provider",
            "MAIL FROM:<\u00e9@example.com> BODY=8BITMIME SMTPUTF8",
        ),
        ((), {"sender": "\u00e9@example.com"}, "rejection channel", ""),
        ((), {"sender": ""}, "handover provider", "MAIL FROM:<>"),
    ],
)
def test_parameters_are_given_only_where_offered(
    features: tuple[str, ...], message: dict[str, Any], expect: str, mail: str
) -> None:
    """SIZE, 8BITMIME and SMTPUTF8 follow the offer; what needs one that is not offered goes to another candidate."""

    async def story() -> None:
        async with SmtpServer(features=features).listening() as server:
            gate = Gate()
            report = await provider(server.port).attempt(group(**message), gate)
            assert words(report.outcomes) == {3: expect}
            assert [line for line in server.lines if line.startswith("MAIL")] == ([mail] if mail else [])

    play(story())


def test_the_capability_tells_what_the_server_offers() -> None:
    """After the first connection the plan can know size limit and SMTPUTF8."""

    async def story() -> None:
        async with SmtpServer(features=("SIZE 5000",)).listening() as server:
            way = provider(server.port)
            assert way.capability.smtputf8
            await way.prepare(1)
            assert (way.capability.max_size_bytes, way.capability.smtputf8) == (5_000, False)

    play(story())


def test_a_limit_on_recipients_is_learnt() -> None:
    """452 4.5.3 is a throttle of the mail, not of the account, and the next group is made smaller."""

    async def story() -> None:
        script = {"rcpt": ["250 ok", "250 ok", "452 4.5.3 Too many recipients"]}
        async with SmtpServer(script=script).listening() as server:
            way = provider(server.port)
            report = await way.attempt(group("b@x.example", "c@x.example", "d@x.example"), Gate())
            assert words(report.outcomes) == {3: "handover provider", 4: "handover provider", 5: "throttle message"}
            assert way.capability.max_recipients == 2

    play(story())


# --- what may not go out --------------------------------------------------------------------------------------------

ENDS = ["\n.\n", "\r.\r", "\r.\n", "\n.\r", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\r\n\0.\r\n", "\r\n.\0\r\n"]
ENDS += ["\r\n.\r\r\n", "\r\r\n.\r\r\n"]


@pytest.mark.parametrize("end", ENDS, ids=[f"B{n:02}" for n in range(1, len(ENDS) + 1)])
def test_no_false_end_of_content_goes_out(end: str) -> None:
    """B01-B12: a body with a bare CR, a bare LF or a NUL is refused for good without a word to the server."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            body = b"Subject: x\r\n\r\nhello" + end.encode() + b"MAIL FROM:<evil@example.com>\r\n"
            gate = Gate()
            assert words((await provider(server.port).attempt(group(body=body), gate)).outcomes) == (
                {3: "rejection message"}
            )
            assert (gate.asked, server.connections) == ([], 0)

    play(story())


@LOOPS
@pytest.mark.parametrize(
    "body",
    [b"", b".", b".\r\n", b"..", b"..\r\n...\r\n", b"no end", b"\r\n.\r\n", b"." + b"x" * 998 + b"\r\n", b"a\r\n.b"],
    ids=["empty", "dot", "dot-line", "dots", "dot-lines", "no-end", "false-end", "long", "dot-after"],
)
def test_dots_are_stuffed_once_and_the_end_is_added_where_missing(body: bytes, loop: str) -> None:
    """B14, B15: what arrives is what was given, with CRLF at its end."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = provider(server.port)
            for _ in range(2):
                assert words((await way.attempt(group(body=body), Gate())).outcomes) == HANDED_OVER
            complete = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
            assert [mail.content for mail in server.taken] == [complete, complete]

    play(story(), loop)


def test_an_address_that_could_be_a_command_is_refused_and_the_others_served() -> None:
    """CR, LF, NUL, a space or an angle bracket in an address never reach the server."""
    bad = ["x@y>\r\nDATA\r\n", "x@y\nRCPT TO:<z@z>", "x\0@y", "x@y> ORCPT=z", "x y@z", "", "x@\ud800"]

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = provider(server.port)
            report = await way.attempt(group("b@example.org", *bad, '"a b>"@example.org'), Gate())
            assert words(report.outcomes) == (
                {3: "handover provider", 11: "handover provider"} | dict.fromkeys(range(4, 11), "rejection recipient")
            )
            assert [mail.recipients for mail in server.taken] == [["b@example.org", '"a b>"@example.org']]
            report = await way.attempt(group(sender="a@b>\r\nRSET"), Gate())
            assert words(report.outcomes) == {3: "rejection message"}

    play(story())


# --- hostile replies ------------------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("row", HOSTILE, ids=[row["id"] for row in HOSTILE])
def test_hostile_replies(row: dict[str, Any], loop: str) -> None:
    """B96, B97: a server that breaks the protocol gets the listed outcome, holds no memory and blocks no loop."""
    script = {stage: expanded(text) for stage, text in row["script"].items()}

    async def story() -> None:
        async with SmtpServer(script=script).listening() as server:
            way = provider(server.port)
            longest = await longest_block(way, row)
            assert longest < 0.05
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
