"""The simulated Postmark, on real sockets: what it takes, what it refuses, and what arrives."""

import base64
import email
import email.policy
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from posthorse.lab.http_line import HttpAnswer, HttpLine
from posthorse.lab.postmark_mail import PostmarkRefused, read_email
from posthorse.lab.postmark_provider import PostmarkTerms
from posthorse.lab.simulated import Verdict
from tests.unit.lab.stand import postmark_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]
REFUSED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "corpus" / "lab" / "postmark_refused.json").read_text()
)
HEADERS = {
    "X-Postmark-Server-Token": "lab-server-token",
    "Content-Type": "application/json",
    "Accept": "application/json",
}


def mail(**more: Any) -> dict[str, Any]:
    """A request with everything."""
    known: dict[str, Any] = {
        "From": "Me <me@here.example>",
        "To": '"Ä, A" <a@there.example>',
        "Cc": "c@there.example",
        "Bcc": "hidden@there.example",
        "ReplyTo": "r@here.example",
        "Subject": "Grüße",
        "TextBody": "hällo\n",
        "HtmlBody": "<p>hällo</p>",
        "Headers": [{"Name": "X-Own", "Value": "1"}, {"Name": "Message-ID", "Value": "<own@here.example>"}],
        "Metadata": {"posthorse-id": "01aa"},
        "Attachments": [
            {"Name": "bild ü.png", "Content": base64.b64encode(b"\x89PNG").decode(), "ContentType": "image/png"},
            {
                "Name": "i.gif",
                "Content": base64.b64encode(b"GIF").decode(),
                "ContentType": "image/gif",
                "ContentID": "cid:i1",
            },
        ],
        "MessageStream": "outbound",
    }
    return {name: value for name, value in (known | more).items() if value is not None}


async def post(port: int, request: Any, headers: dict[str, str] | None = None) -> HttpAnswer:
    """Send one request."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    client = HttpLine(f"http://127.0.0.1:{port}", timeout_s=5)
    try:
        return await client.ask("POST", "/email", tuple((headers or HEADERS).items()), body)
    finally:
        client.close()


@pytest.mark.parametrize("keeps", [False, True])
def test_what_arrives_has_every_part(run: Run, keeps: bool) -> None:
    """Code 0 with an id; each recipient gets all parts; Message-ID is Postmark's unless X-PM-KeepID says otherwise."""

    async def story() -> None:
        async with postmark_stand() as (provider, port):
            request = mail()
            request["Headers"] += [{"Name": "X-PM-KeepID", "Value": "true"}] if keeps else []
            answer = json.loads((await post(port, request)).body)
            assert (answer["ErrorCode"], answer["Message"], answer["To"]) == (0, "OK", request["To"])
            assert [one.recipient for one in provider.mailbox.arrivals("01aa")] == [
                "a@there.example",
                "c@there.example",
                "hidden@there.example",
            ]
            (content,) = provider.mailbox.contents("01aa")
        got = email.message_from_bytes(content, policy=email.policy.default)
        assert got["message-id"] == ("<own@here.example>" if keeps else f"<{answer['MessageID']}@mtasv.net>")
        assert (got["subject"], got["cc"], got["reply-to"], got["x-own"]) == (
            "Grüße",
            "c@there.example",
            "r@here.example",
            "1",
        )
        assert b"hidden" not in content
        assert got.get_body(("plain",)).get_content() == "hällo\r\n"  # type: ignore[union-attr]
        files = [part for part in got.walk() if part.get_filename()]
        assert [(part.get_filename(), part.get_content()) for part in files] == [
            ("i.gif", b"GIF"),
            ("bild ü.png", b"\x89PNG"),
        ]

    run(story())


@pytest.mark.parametrize("row", REFUSED, ids=[row["id"] for row in REFUSED])
def test_what_postmark_refuses(row: dict[str, Any]) -> None:
    """The whole request, with its error code."""
    body = row["text"].encode() if "text" in row else json.dumps(row["request"]).encode()
    with pytest.raises(PostmarkRefused) as refused:
        read_email(body, ("outbound",))
    assert (refused.value.status, refused.value.code) == (row["status"], row["code"])
    assert refused.value.text


def test_inactive_recipients_are_told_at_once(run: Run) -> None:
    """All: code 406 and nothing sent. Some: code 0, and only the text names them; the others get it."""

    async def story() -> None:
        async with postmark_stand(suppressed=["c@there.example"]) as (provider, port):
            answer = await post(port, mail(To="C@there.example", Cc=None, Bcc=None))
            told = json.loads(answer.body)
            assert (answer.status, told["ErrorCode"]) == (422, 406)
            assert "C@there.example" in told["Message"]
            assert provider.counts == {Verdict.REFUSED: 1}
            told = json.loads((await post(port, mail())).body)
            assert told["ErrorCode"] == 0
            assert told["Message"].startswith("Message OK, but will not deliver to these inactive addresses: c@there.")
            assert [one.recipient for one in provider.mailbox.arrivals()] == ["a@there.example", "hidden@there.example"]

    run(story())


def test_tokens_media_types_and_sizes(run: Run) -> None:
    """Codes 10, 409, 400 and HTTP 413; nothing taken; the test token takes all and sends nothing."""

    async def story() -> None:
        async with postmark_stand(PostmarkTerms(verified=frozenset({"here.example"}))) as (provider, port):
            cases = (
                (mail(), HEADERS | {"X-Postmark-Server-Token": "other"}, 401, 10),
                (mail(), HEADERS | {"Accept": "text/html"}, 422, 409),
                (mail(From="me@elsewhere.example"), HEADERS, 422, 400),
            )
            for request, headers, status, code in cases:
                answer = await post(port, request, headers)
                assert (answer.status, json.loads(answer.body)["ErrorCode"]) == (status, code)
            assert (await post(port, b" " * 10_000_001)).status == 413
            tried = json.loads(
                (await post(port, mail(), HEADERS | {"X-Postmark-Server-Token": "POSTMARK_API_TEST"})).body
            )
            assert (tried["ErrorCode"], tried["Message"]) == (0, "Test job accepted")
            assert not len(provider.mailbox)

    run(story())
