"""Sending by the native API: what is asked for arrives in the spool."""

import email
import email.policy
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import RecipientView, Selector
from tests.unit.accept.api.desk import MESSAGE, Answered, Desk
from tests.unit.accept.kit import NOON

Run = Callable[[Any], Any]
MIME = (
    b"From: shop@example.com\nTo: ada@example.net\nCc: B <bob@example.net>\nBcc: eve@example.net\nSubject: x\n\nhello\n"
)


async def stored(desk: Desk, answered: Answered) -> tuple[list[RecipientView], bytes]:
    """Recipients in order, and the bytes."""
    assert answered.status == 202, answered.body
    message_id = MessageId(bytes.fromhex(answered.json["id"]))
    views = await desk.spool.select(Selector(message_id=message_id), 1_000)
    body = await desk.spool.body(message_id)
    assert body is not None
    return sorted(views, key=lambda view: view.n), body


def test_a_message_in_fields_is_composed_and_stored(run: Run) -> None:
    """Everybody is a recipient once, nobody sees Bcc, and all that was asked for is kept with it."""

    async def story() -> None:
        desk = Desk()
        asked = MESSAGE | {
            "cc": ["Zoë <zoe@example.net>", "ADA@example.net"],
            "bcc": ["eve@example.net", "ada@example.net"],
            "reply_to": ["help@example.com"],
            "html": "<b>Hello</b>",
            "headers": [{"name": "X-Order", "value": "7"}],
            "attachments": [
                {"content": b64encode(b"\0\1\2").decode(), "file_name": "a.bin"},
                {"content": "Zm9v", "file_name": "l.png", "disposition": "inline", "content_id": "logo"},
            ],
            "stream": "once",
            "deadline": "2h",
            "supersede_key": "order-7",
            "configuration_set": "shop",
            "tags": {"kind": "receipt", "order": "7"},
        }
        answered = await desk.send(asked)
        assert answered.json["stream"] == "once"
        assert answered.json["recipients"] == 3
        assert answered.headers["location"] == answered.json["url"]
        views, body = await stored(desk, answered)
        assert [view.address for view in views] == ["ada@example.net", "zoe@example.net", "eve@example.net"]
        message = views[0].message
        assert message.sender == "shop@example.com"
        assert message.expires_at - message.accepted_at == 2 * 3_600 * SECOND
        assert message.supersede_key == "order-7"
        assert message.attributes["configuration_set"] == "shop"
        assert message.attributes["tag:kind"] == "receipt"
        assert message.attributes["front"] == "api"
        assert not message.smtputf8
        assert b"eve" not in body
        parsed = email.message_from_bytes(body, policy=email.policy.default)
        assert parsed["x-order"] == "7"
        assert parsed["received"].startswith("from unknown ([127.0.0.1])")
        assert "with HTTP id" in parsed["received"]
        assert [part.get_content_type() for part in parsed.walk() if not part.is_multipart()] == [
            "text/plain",
            "text/html",
            "image/png",
            "application/octet-stream",
        ]

    run(story())


def test_who_is_named_twice_stands_there_once(run: Run) -> None:
    """At the first place, however it is spelled; one copy for everybody."""

    async def story() -> None:
        desk = Desk()
        twice = {"to": ["Ada <ada@example.net>", "ADA@example.net"], "cc": ["bob@example.net", "ada@example.net"]}
        answered = await desk.send(MESSAGE | twice | {"bcc": ["bob@example.net"]})
        assert answered.json["recipients"] == 2
        views, body = await stored(desk, answered)
        assert {view.address for view in views} == {"ada@example.net", "bob@example.net"}
        assert b"\r\nTo: Ada <ada@example.net>\r\nCc: bob@example.net\r\n" in body

    run(story())


def test_mime_is_carried_as_it_is_with_its_own_recipients(run: Run) -> None:
    """Without an envelope those of To, Cc and Bcc count; Bcc itself goes; line ends become CRLF."""

    async def story() -> None:
        desk = Desk()
        views, body = await stored(desk, await desk.send_mime(MIME, "stream=urgent&tag=kind%3Dcode&deadline=60"))
        assert [view.address for view in views] == ["ada@example.net", "bob@example.net", "eve@example.net"]
        assert views[0].message.stream is Stream.URGENT
        assert views[0].message.attributes["tag:kind"] == "code"
        assert views[0].message.sender == "shop@example.com"
        assert b"eve" not in body
        assert body.endswith(b"\r\nSubject: x\r\n\r\nhello\r\n")

    run(story())


def test_an_envelope_beside_mime_comes_first(run: Run) -> None:
    """In the query, or in JSON with `raw`; an empty sender is the null sender."""

    async def story() -> None:
        desk = Desk()
        views, _ = await stored(desk, await desk.send_mime(MIME, "from=&to=x%40example.org&to=y%40example.org"))
        assert [view.address for view in views] == ["x@example.org", "y@example.org"]
        assert views[0].message.sender == ""
        raw = b64encode(MIME).decode()
        answered = await desk.send({"raw": raw, "from": "bounce@example.com", "to": ["x@example.org"]})
        views, body = await stored(desk, answered)
        assert [view.address for view in views] == ["x@example.org"]
        assert views[0].message.sender == "bounce@example.com"
        assert body.endswith(b"hello\r\n")
        views, _ = await stored(desk, await desk.send({"raw": raw.replace("/", "\\/"), "cc": ["z@example.org"]}))
        assert [view.address for view in views] == ["z@example.org"]

    run(story())


def test_large_content_is_the_same_in_turns(run: Run) -> None:
    """Base64 as PHP and .NET write it, megabytes of it."""

    async def story() -> None:
        desk = Desk()
        content = bytes(range(256)) * 8_000
        text = b64encode(content).decode().replace("/", "\\/").replace("+", "\\u002B")
        wire = (
            msgspec.json.encode(MESSAGE)[:-1]
            + b',"attachments":[{"file_name":"a.bin","content":"%b"}]}' % text.encode()
        )
        _, body = await stored(desk, await desk.send(wire))
        parsed = email.message_from_bytes(body, policy=email.policy.default)
        (attached,) = parsed.iter_attachments()
        assert attached.get_payload(decode=True) == content
        large = b"From: a@example.com\nTo: b@example.net\n\n" + b"line of text\n" * 100_000
        _, body = await stored(desk, await desk.send_mime(large))
        assert body.count(b"\r\n") == body.count(b"\n")

    run(story())


def test_mail_for_later_waits_and_has_its_whole_time_then(run: Run) -> None:
    """`not_before` up to thirty days; a duration counts from then; a time that has come means at once."""

    async def story() -> None:
        desk = Desk()
        later = NOON + 20 * 86_400 * SECOND  # 2027-02-04T08:00:00Z
        answered = await desk.send(MESSAGE | {"not_before": "2027-02-04T08:00:00Z", "deadline": "1h"})
        (view,), _ = await stored(desk, answered)
        assert view.next_at == later
        assert view.carriage is Carriage.QUEUED
        assert view.message.expires_at == later + 3_600 * SECOND
        answered = await desk.send(MESSAGE | {"not_before": "2020-01-01T00:00:00Z"})
        (view,), _ = await stored(desk, answered)
        assert view.next_at == NOON
        refused = await desk.send(MESSAGE | {"not_before": "2027-02-14T08:00:01Z"})
        assert (refused.status, refused.json["field"]) == (422, "not_before")

    run(story())
