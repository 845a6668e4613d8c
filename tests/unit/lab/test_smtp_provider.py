"""The simulated SMTP provider, on real sockets, with a bare client and with one that nobody here wrote."""

import asyncio
import base64
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from posthorse.lab.certificate import make_certificate
from posthorse.lab.faults import Fault, FaultSetting, Stage
from posthorse.lab.simulated import Verdict
from posthorse.lab.smtp_terms import SmtpTerms
from tests.unit.lab.stand import MAIL, Line, greeted, smtp_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_a_pipelined_message_is_taken_and_remembered(run: Run) -> None:
    """Envelope, bytes and connection are kept, and the mailbox has it."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            line = await greeted(port)
            replies = await line.offer(MAIL, b"a@there.example", b"b@there.example")
            assert [reply[:3] for reply in replies] == ["250", "250", "250", "354", "250"]
            (kept,) = provider.exchanges
            assert (kept.sender, kept.recipients) == ("from@here.example", ("a@there.example", "b@there.example"))
            assert (kept.content, kept.verdict, kept.connection) == (MAIL, Verdict.TAKEN, 1)
            assert [one.id for one in provider.mailbox.arrivals()] == ["0190aa", "0190aa"]
            assert await line.ask(b"QUIT") == ["221 2.0.0 Bye"]
            assert await line.reply() == ""
            await line.close()

    run(story())


@pytest.mark.parametrize("content", [b"", b".\r\n", b"a\r\n.b\r\n..\r\n", b"x" * 70_000 + b"\r\n.\r\n."])
def test_dots_are_unstuffed_exactly_once(run: Run, content: bytes) -> None:
    """What the client meant is what is kept, for every place a dot can be in."""
    wanted = content + b"\r\n" if content.endswith(b".") and len(content) > 5 else content

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            line = await greeted(port)
            await line.ask(b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"DATA")
            stuffed = (b"\r\n" + wanted).replace(b"\r\n.", b"\r\n..")[2:]
            for piece in (stuffed[:3], stuffed[3:], b".", b"\r", b"\n"):
                line.writer.write(piece)
                await line.writer.drain()
                await asyncio.sleep(0)
            assert (await line.reply()).startswith("250 ")
            assert provider.exchanges[0].content == wanted
            await line.close()

    run(story())


@pytest.mark.parametrize(
    ("commands", "last"),
    [
        ((b"MAIL FROM:<a@b>", b"MAIL FROM:<a@b>"), "503"),
        ((b"RCPT TO:<a@b>",), "503"),
        ((b"DATA",), "503"),
        ((b"MAIL FROM:<a@b>", b"DATA"), "503"),
        ((b"MAIL FROM:a@b",), "501"),
        ((b"MAIL FROM:<a@b> RET=FULL",), "555"),
        ((b"MAIL FROM:<a@b> SIZE=99999999",), "552"),
        ((b"MAIL FROM:<a@b>", b"RCPT TO:<>"), "501"),
        ((b"MAIL FROM:<a@b>", b"RSET", b"RCPT TO:<a@b>"), "503"),
        ((b"AUTH PLAIN AGEAYg==",), "503"),
        ((b"STARTTLS",), "503"),
        ((b"BDAT 1 LAST",), "502"),
    ],
)
def test_a_sloppy_client_is_told_so(run: Run, commands: tuple[bytes, ...], last: str) -> None:
    """Bad sequence, bad syntax and what was not offered are refused."""

    async def story() -> None:
        async with smtp_stand(SmtpTerms(size_limit=1_000_000)) as (_, port):
            line = await greeted(port)
            assert (await line.ask(*commands))[-1][:3] == last
            await line.close()

    run(story())


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"a\nb\r\n", "554 5.6.0"), (b"a\rb\r\n", "554 5.6.0"), ("\xe9\r\n".encode(), "554 5.6.1")],
)
def test_bad_content_is_refused(run: Run, content: bytes, code: str) -> None:
    """Bare CR or LF, and eight bits without BODY=8BITMIME, are the client's mistake."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            line = await greeted(port)
            assert (await line.offer(content))[-1].startswith(code)
            assert provider.counts == {Verdict.REFUSED: 1}
            await line.close()

    run(story())


def test_scripts_answer_per_recipient_and_attempt(run: Run) -> None:
    """A scripted recipient is refused, then taken; another's script speaks at the final dot."""

    async def story() -> None:
        scripts = {"busy@x": ["451 4.2.1 later", "250 2.1.5 now"], "dot@x": ["dot 554 5.6.0 no"]}
        async with smtp_stand(scripts=scripts) as (provider, port):
            line = await greeted(port)
            first = await line.offer(MAIL, b"busy@x", b"fine@x")
            assert [reply[:3] for reply in first] == ["250", "451", "250", "354", "250"]
            assert provider.exchanges[0].recipients == ("fine@x",)
            assert (await line.offer(MAIL, b"busy@x"))[1] == "250 2.1.5 now"
            assert (await line.offer(MAIL, b"dot@x"))[-1] == "554 5.6.0 no"
            await line.close()

    run(story())


def test_latency_delays_every_answer_and_keeps_their_order(run: Run) -> None:
    """A long line: each answer comes a fixed time after its command, a pipelined batch together."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with smtp_stand(latency_s=0.05) as (_, port):
            line = await greeted(port)
            begun = loop.time()
            replies = await line.ask(b"NOOP", b"MAIL FROM:<a@b>", b"RSET")
            assert 0.045 < loop.time() - begun < 0.14
            assert [reply[:3] for reply in replies] == ["250", "250", "250"]
            await line.close()

    run(story())


def test_a_foreign_client_authenticates_and_sends_inside_starttls(run: Run, tmp_path: Path) -> None:
    """A client upgrades, logs in and sends; the demanded order is enforced before that."""
    certificate = make_certificate(tmp_path, "127.0.0.1")

    async def story() -> None:
        terms = SmtpTerms(username="u", password="p", tls=certificate.server_context(), demands_tls=True)
        async with smtp_stand(terms) as (provider, port):
            line = await greeted(port)
            assert (await line.ask(b"MAIL FROM:<a@b>"))[0].startswith("530")
            assert (await line.ask(b"AUTH PLAIN " + base64.b64encode(b"\0u\0p")))[0].startswith("503")
            await line.close()
            context = ssl.create_default_context(cafile=certificate.certificate)
            client = aiosmtplib.SMTP(
                hostname="127.0.0.1", port=port, start_tls=True, tls_context=context, username="u", password="p"
            )
            async with client:
                await client.sendmail("a@b.example", ["c@d.example"], MAIL)
            assert provider.counts == {Verdict.TAKEN: 1}
            assert provider.exchanges[0].content == MAIL

    run(story())


def test_what_is_said_before_tls_does_not_count_in_it(run: Run, tmp_path: Path) -> None:
    """Commands smuggled behind STARTTLS are neither answered nor obeyed, and EHLO is asked for again."""
    certificate = make_certificate(tmp_path, "127.0.0.1")

    async def story() -> None:
        async with smtp_stand(SmtpTerms(tls=certificate.server_context())) as (_, port):
            line = await greeted(port)
            line.writer.write(b"STARTTLS\r\nEHLO smuggled.example\r\n")
            assert (await line.reply()).startswith("220")
            await line.writer.start_tls(ssl.create_default_context(cafile=certificate.certificate))
            assert (await line.ask(b"MAIL FROM:<a@b>"))[0].startswith("503")
            assert "STARTTLS" not in (await line.ask(b"EHLO client.example"))[0]
            await line.close()

    run(story())


@pytest.mark.parametrize(
    ("dialogue", "last"),
    [
        ((b"AUTH PLAIN " + base64.b64encode(b"\0u\0p"),), "235"),
        ((b"AUTH PLAIN", base64.b64encode(b"\0u\0wrong")), "535"),
        ((b"AUTH LOGIN", base64.b64encode(b"u"), base64.b64encode(b"p")), "235"),
        ((b"AUTH LOGIN", b"!!", b"!!"), "535"),
        ((b"AUTH CRAM-MD5",), "504"),
    ],
)
def test_auth_dialogues(run: Run, dialogue: tuple[bytes, ...], last: str) -> None:
    """PLAIN and LOGIN, with and without initial response, right and wrong."""

    async def story() -> None:
        async with smtp_stand(SmtpTerms(username="u", password="p")) as (_, port):
            line = await greeted(port)
            replies = [(await line.ask(step))[0] for step in dialogue]
            assert replies[-1].startswith(last)
            await line.close()

    run(story())


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "replies"),
    [
        (Fault.ANSWER_4XX, "451 503 503"),
        (Fault.ANSWER_429, "454 503 503"),
        (Fault.ACCOUNT_PAUSED, "554 503 503"),
        (Fault.AUTH_REVOKED, "530 503 503"),
        (Fault.ANSWER_5XX, "250 250 354 554"),
        (Fault.ACCEPT_AND_DROP, "250 250 354 250"),
        (Fault.GARBAGE_200, "250 250 354 <ht"),
    ],
)
def test_faults_that_answer(run: Run, fault: Fault, replies: str) -> None:
    """Each gives its reply at its stage, and nothing reaches the mailbox."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            line = await greeted(port)
            await provider.set_fault(FaultSetting(fault=fault))
            got = await line.ask(b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA")
            if got[-1].startswith("354"):
                line.writer.write(MAIL + b".\r\n")
                got.append(await line.reply())
            assert " ".join(reply[:3] for reply in got) == replies
            assert len(provider.mailbox) == 0
            await provider.set_fault(None)
            await line.close()
            line = await greeted(port)
            assert (await line.offer())[-1].startswith("250")
            await line.close()

    run(story())


@pytest.mark.parametrize(("fault", "rest"), [(Fault.RESET_AFTER_LAST_BYTE, None), (Fault.HALF_ANSWER, b"250 2.0")])
def test_faults_that_break_after_the_dot_have_taken_the_mail(run: Run, fault: Fault, rest: bytes | None) -> None:
    """The client sees a reset or half a reply, and the mailbox has the message."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            line = await greeted(port)
            await provider.set_fault(FaultSetting(fault=fault))
            await line.ask(b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA")
            line.writer.write(MAIL + b".\r\n")
            if rest is None:
                with pytest.raises(ConnectionResetError):
                    await line.reader.read()
            else:
                assert await line.reader.read() == rest
            assert provider.counts == {Verdict.TAKEN_UNANSWERED: 1}
            assert len(provider.mailbox) == 1
            await line.close()

    run(story())


def test_hang_after_dot_answers_late_when_the_fault_ends(run: Run) -> None:
    """Silence after the dot, then the true answer; what was pipelined behind it waits its turn."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            line = await greeted(port)
            await provider.set_fault(FaultSetting(fault=Fault.HANG_AFTER_DOT))
            await line.ask(b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA")
            line.writer.write(MAIL + b".\r\nNOOP\r\n")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await line.reply()
            assert len(provider.mailbox) == 1
            line.writer.write(b"VRFY x\r\n")
            await line.writer.drain()
            await asyncio.sleep(0)
            await provider.set_fault(None)
            assert "queued" in await line.reply()
            assert (await line.reply()).startswith("250")
            assert (await line.reply()).startswith("502")
            await line.close()

    run(story())


def test_never_answer_is_silent_from_the_greeting_on_and_ends_in_a_reset(run: Run) -> None:
    """No greeting, no reply; when the fault ends such a connection is reset, being out of step."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            await provider.set_fault(FaultSetting(fault=Fault.NEVER_ANSWER))
            line = await Line.to(port)
            line.writer.write(b"EHLO x\r\n")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await line.reply()
            await provider.set_fault(None)
            with pytest.raises(ConnectionResetError):
                await line.reply()
            await line.close()

    run(story())


@pytest.mark.parametrize("open_first", [True, False])
def test_never_read_goes_on_when_the_fault_ends(run: Run, open_first: bool) -> None:
    """Like a stopped process: what was sent meanwhile is read afterwards."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            line = await greeted(port) if open_first else None
            await provider.set_fault(FaultSetting(fault=Fault.NEVER_READ))
            line = line or await Line.to(port)
            line.writer.write(b"NOOP\r\n")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await line.reply()
            await provider.set_fault(None)
            assert (await line.reply())[:3] == ("250" if open_first else "220")
            await line.close()

    run(story())


def test_slow_delays_and_a_fault_ends_by_itself(run: Run) -> None:
    """A fault for a while ends without anybody switching it off."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with smtp_stand() as (provider, port):
            line = await greeted(port)
            await provider.set_fault(FaultSetting(fault=Fault.SLOW, delay_s=0.08), for_s=0.02)
            begun = loop.time()
            await line.ask(b"NOOP")
            assert loop.time() - begun > 0.075
            assert provider.fault is None
            await line.close()

    run(story())


def test_a_refusal_can_be_put_at_another_stage(run: Run) -> None:
    """The same fault at the greeting refuses the client and hangs up."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            await provider.set_fault(FaultSetting(fault=Fault.ANSWER_5XX, stage=Stage.GREETING))
            line = await Line.to(port)
            assert (await line.reply()).startswith("554")
            assert await line.reply() == ""
            await line.close()

    run(story())
