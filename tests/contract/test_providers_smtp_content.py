"""What the way out by SMTP gives to which server, and what it never lets out."""

from typing import Any

import pytest

from tests.contract.provider_kit import BODY, Gate, group, play, relay, words
from tests.contract.scripted_smtp import SmtpServer

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
HANDED_OVER = {3: "handover provider"}


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
            report = await relay(server.port).attempt(group(**message), gate)
            assert words(report.outcomes) == {3: expect}
            assert [line for line in server.lines if line.startswith("MAIL")] == ([mail] if mail else [])

    play(story())


def test_the_capability_tells_what_the_server_offers() -> None:
    """After the first connection the plan can know size limit and SMTPUTF8."""

    async def story() -> None:
        async with SmtpServer(features=("SIZE 5000",)).listening() as server:
            way = relay(server.port)
            assert way.capability.smtputf8
            await way.prepare(1)
            assert (way.capability.max_size_bytes, way.capability.smtputf8) == (5_000, False)

    play(story())


TOO_MANY = "452 4.5.3 Too many recipients"


@pytest.mark.parametrize(
    ("replies", "learnt"),
    [
        (["250 ok", "250 ok", TOO_MANY], 2),
        (["250 ok", "550 5.1.1 no", "550 5.1.1 no", "450 4.2.1 later", TOO_MANY, TOO_MANY], 4),
        (["550 5.1.1 no", "550 5.1.1 no", TOO_MANY], 2),
        (["550 5.1.1 no", "250 ok", "250 ok"], 100),
        ([TOO_MANY, TOO_MANY], 100),
    ],
)
def test_a_limit_on_recipients_is_learnt(replies: list[str], learnt: int) -> None:
    """The next group has as many as got another answer than 452 4.5.3; those it was refused are for a later group."""

    async def story() -> None:
        async with SmtpServer(script={"rcpt": replies}).listening() as server:
            way = relay(server.port)
            report = await way.attempt(group(*(f"{n}@x.example" for n in range(len(replies)))), Gate())
            throttled = [n for n, word in words(report.outcomes).items() if word == "throttle message"]
            assert throttled == [n for n, reply in enumerate(replies, 3) if reply == TOO_MANY]
            assert way.capability.max_recipients == learnt

    play(story())


ENDS = ["\n.\n", "\r.\r", "\r.\n", "\n.\r", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\r\n\0.\r\n", "\r\n.\0\r\n"]
ENDS += ["\r\n.\r\r\n", "\r\r\n.\r\r\n"]


@pytest.mark.parametrize("end", ENDS, ids=[f"B{n:02}" for n in range(1, len(ENDS) + 1)])
def test_no_false_end_of_content_goes_out(end: str) -> None:
    """B01-B12: a body with a bare CR, a bare LF or a NUL is refused for good without a word to the server."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            body = b"Subject: x\r\n\r\nhello" + end.encode() + b"MAIL FROM:<evil@example.com>\r\n"
            gate = Gate()
            assert words((await relay(server.port).attempt(group(body=body), gate)).outcomes) == (
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
            way = relay(server.port)
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
            way = relay(server.port)
            report = await way.attempt(group("b@example.org", *bad, '"a b>"@example.org'), Gate())
            assert words(report.outcomes) == (
                {3: "handover provider", 11: "handover provider"} | dict.fromkeys(range(4, 11), "rejection recipient")
            )
            assert [mail.recipients for mail in server.taken] == [["b@example.org", '"a b>"@example.org']]
            report = await way.attempt(group(sender="a@b>\r\nRSET"), Gate())
            assert words(report.outcomes) == {3: "rejection message"}

    play(story())
