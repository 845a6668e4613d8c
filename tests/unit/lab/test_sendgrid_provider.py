"""The simulated SendGrid, on real sockets: what it takes, what it refuses, and what arrives."""

import base64
import email
import email.policy
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from posthorse.lab.http_line import HttpAnswer, HttpLine
from posthorse.lab.sendgrid_mail import SendgridRefused, read_mail_send
from posthorse.lab.sendgrid_provider import SendgridTerms
from posthorse.lab.simulated import Verdict
from tests.unit.lab.stand import sendgrid_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]
REFUSED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "corpus" / "lab" / "sendgrid_refused.json").read_text()
)
HEADERS = {"Authorization": "Bearer SG.lab-key", "Content-Type": "application/json"}


def mail(**more: Any) -> dict[str, Any]:
    """A request with everything."""
    known: dict[str, Any] = {
        "personalizations": [
            {
                "to": [{"email": "a@there.example", "name": "Ä, A"}],
                "cc": [{"email": "c@there.example"}],
                "bcc": [{"email": "hidden@there.example"}],
                "custom_args": {"posthorse-id": "01aa"},
            }
        ],
        "from": {"email": "me@here.example", "name": "Me"},
        "reply_to_list": [{"email": "r@here.example"}],
        "subject": "Grüße",
        "content": [{"type": "text/plain", "value": "hällo\n"}, {"type": "text/html", "value": "<p>hällo</p>"}],
        "attachments": [
            {"content": base64.b64encode(b"\x89PNG").decode(), "filename": "bild ü.png", "type": "image/png"},
            {
                "content": base64.b64encode(b"GIF").decode(),
                "filename": "i.gif",
                "type": "image/gif",
                "disposition": "inline",
                "content_id": "i1",
            },
        ],
        "headers": {"X-Own": "1", "Message-ID": "<own@here.example>"},
    }
    return known | more


async def post(port: int, request: Any, headers: dict[str, str] | None = None) -> HttpAnswer:
    """Send one request."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    client = HttpLine(f"http://127.0.0.1:{port}", timeout_s=5)
    try:
        return await client.ask("POST", "/v3/mail/send", tuple((headers or HEADERS).items()), body)
    finally:
        client.close()


def test_what_arrives_has_every_part(run: Run) -> None:
    """202 with an id and no body; each recipient gets text, HTML, inline image, file and fields; nobody sees Bcc."""

    async def story() -> None:
        async with sendgrid_stand() as (provider, port):
            answer = await post(port, mail())
            assert (answer.status, answer.body) == (202, b"")
            assert len(answer.headers["x-message-id"]) == 22
            assert [one.recipient for one in provider.mailbox.arrivals("01aa")] == [
                "a@there.example",
                "c@there.example",
                "hidden@there.example",
            ]
            (content,) = provider.mailbox.contents("01aa")
        got = email.message_from_bytes(content, policy=email.policy.default)
        assert got["subject"] == "Grüße"
        assert got["to"].addresses[0].display_name == "Ä, A"
        assert (got["cc"], got["reply-to"], got["x-own"]) == ("c@there.example", "r@here.example", "1")
        assert got["message-id"] == "<own@here.example>"
        assert b"hidden" not in content
        assert got.get_body(("plain",)).get_content() == "hällo\r\n"  # type: ignore[union-attr]
        assert got.get_body(("html",)).get_content() == "<p>hällo</p>"  # type: ignore[union-attr]
        files = [part for part in got.walk() if part.get_filename()]
        assert [(part.get_filename(), part.get_content()) for part in files] == [
            ("i.gif", b"GIF"),
            ("bild ü.png", b"\x89PNG"),
        ]
        assert files[0]["content-id"] == "<i1>"

    run(story())


@pytest.mark.parametrize("row", REFUSED, ids=[row["id"] for row in REFUSED])
def test_what_sendgrid_refuses(row: dict[str, Any]) -> None:
    """The whole request, with the field that is wrong."""
    request: Any = row.get("request")
    body = (row["text"] * row.get("repeat", 1)).encode() if request is None else b""
    if "recipients" in row:
        request["personalizations"][0]["to"] = [{"email": f"a{n}@x.example"} for n in range(row["recipients"])]
    if "argument" in row:
        request["custom_args"]["n"] = "x" * row["argument"]
    with pytest.raises(SendgridRefused) as refused:
        read_mail_send(body or json.dumps(request).encode())
    assert (refused.value.status, refused.value.field) == (row["status"], row["field"])
    assert refused.value.text


def test_every_personalization_is_a_mail_of_its_own(run: Run) -> None:
    """Two personalizations, two mails with their own recipients and arguments under one id."""

    async def story() -> None:
        async with sendgrid_stand() as (provider, port):
            two = [{"to": [{"email": f"{n}@there.example"}], "custom_args": {"posthorse-id": f"0{n}"}} for n in (1, 2)]
            assert (await post(port, mail(personalizations=two, headers={}))).status == 202
            assert [(one.id, one.recipient) for one in provider.mailbox.arrivals()] == [
                ("01", "1@there.example"),
                ("02", "2@there.example"),
            ]
            assert provider.counts == {Verdict.TAKEN: 1}

    run(story())


def test_keys_media_types_and_sizes(run: Run) -> None:
    """401, 403, 406, 413, 415, each in SendGrid's shape and nothing taken; 429 says when it ends."""

    async def story() -> None:
        async with sendgrid_stand(SendgridTerms(verified=frozenset({"here.example"}))) as (provider, port):
            cases = (
                (mail(), HEADERS | {"Authorization": "Bearer SG.other"}, 401, None),
                (mail(), HEADERS | {"Accept": "text/html"}, 406, None),
                (mail(), {"Authorization": HEADERS["Authorization"]}, 415, "Content-Type"),
                (b" " * 30_000_001, HEADERS, 413, None),
                (mail(**{"from": {"email": "me@elsewhere.example"}}), HEADERS, 403, "from"),
            )
            for request, headers, status, field in cases:
                answer = await post(port, request, headers)
                (error,) = json.loads(answer.body)["errors"]
                assert (answer.status, error["field"], error["help"]) == (status, field, None)
                assert error["message"]
            assert not len(provider.mailbox)

    run(story())


def test_a_suppressed_recipient_is_accepted_and_does_not_get_it(run: Run) -> None:
    """202 as for everybody; the others get the mail."""

    async def story() -> None:
        async with sendgrid_stand(suppressed=["c@there.example"]) as (provider, port):
            assert (await post(port, mail())).status == 202
            assert [one.recipient for one in provider.mailbox.arrivals()] == ["a@there.example", "hidden@there.example"]

    run(story())
