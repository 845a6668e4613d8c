"""Sending by the native API: what is asked for arrives in the spool, what cannot be meant is refused with its field."""

import email
import email.policy
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.load import Load
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, MessageId
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import RecipientView, Selector
from posthorse.spool.port import SpoolUnavailable
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


REFUSED = [
    ({"template": "welcome"}, 422, "templates_not_offered", "template"),
    ({"template": {"name": "welcome"}}, 422, "templates_not_offered", "template"),
    ({"from": None}, 422, "invalid_field", "from"),
    ({"from": "a@b.example, c@d.example"}, 422, "invalid_field", "from"),
    ({"to": ["ada@example.net", "nobody"]}, 422, "invalid_field", "to[1]"),
    ({"to": "ada@example.net"}, 422, "invalid_field", "to"),
    ({"to": []}, 422, "recipients", "to"),
    ({"text": None}, 422, "invalid_field", "text"),
    ({"text": 7}, 422, "invalid_field", "text"),
    ({"subject": "x\r\nBcc: evil@example.org"}, 422, "invalid_field", "subject"),
    ({"headers": [{"name": "From", "value": "evil@example.org"}]}, 422, "invalid_field", "headers[0]"),
    (
        {"headers": [{"name": "X-A", "value": "1"}, {"name": "Date", "value": "x"}, {"name": "date", "value": "x"}]},
        422,
        "repeated_field",
        None,
    ),
    ({"headers": [{"name": "X-Posthorse-Strem", "value": "once"}]}, 422, "control", None),
    ({"headers": [{"name": "X-Posthorse-Stream", "value": "soon"}]}, 422, "control", None),
    ({"attachments": [{"content": "%%%"}]}, 422, "invalid_field", "attachments[0].content"),
    ({"attachments": [{"content": "Zm9"}]}, 422, "invalid_field", "attachments[0].content"),
    ({"attachments": [{"content": 7}]}, 422, "invalid_field", "attachments[0].content"),
    ({"attachments": [{"content": "", "file_name": "a\u0000"}]}, 422, "invalid_field", "attachments[0].file_name"),
    ({"stream": "soon"}, 422, "invalid_field", "stream"),
    ({"deadline": "soon"}, 422, "invalid_field", "deadline"),
    ({"deadline": 0}, 422, "invalid_field", "deadline"),
    ({"deadline": "6d"}, 422, "invalid_field", "deadline"),
    ({"deadline": "2020-01-01T00:00:00Z"}, 422, "invalid_field", "deadline"),
    ({"not_before": "tomorrow"}, 422, "invalid_field", "not_before"),
    ({"not_before": "2027-13-01T00:00:00Z"}, 422, "invalid_field", "not_before"),
    ({"supersede_key": "a\r\nb"}, 422, "invalid_field", "supersede_key"),
    ({"configuration_set": "a b"}, 422, "invalid_field", "configuration_set"),
    ({"tags": {"a b": "c"}}, 422, "invalid_field", "tags"),
    ({"tags": {"posthorse:stream": "soon"}}, 422, "invalid_field", "tags"),
    ({"recipients": ["ada@example.net"]}, 422, "invalid_field", "recipients"),
    ({"attachments": [{"content": "", "name": "a"}]}, 422, "invalid_field", "attachments[0].name"),
    ({"attachments": [{"file_name": "a"}]}, 422, "invalid_field", "attachments[0].content"),
    ({"tags": {"a": 1}}, 422, "invalid_field", "tags[]"),
    ({"a\n": 1}, 422, "invalid_field", "body"),
    ({"subject": "x" * 70_000}, 422, "invalid_field", "subject"),
    ({"raw": "RnJvbTog"}, 422, "invalid_field", "subject"),
]


@pytest.mark.parametrize(("changes", "status", "code", "field"), REFUSED)
def test_what_cannot_be_meant_is_refused(
    run: Run, changes: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    """With a stable code and the field it stands in; nothing is stored."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.send(MESSAGE | changes)
        assert answered.headers["content-type"] == "application/problem+json"
        told = answered.json
        assert (answered.status, told["status"], told["code"], told.get("field")) == (status, status, code, field)
        assert told["type"] == f"/api/docs#{code}"
        assert told["detail"].isprintable()
        assert not await desk.spool.select(Selector(), 10)
        assert desk.told.bugs == []

    run(story())


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"deadline": 1.5}, "deadline: is a whole number or a string or null"),
        ({"to": "ada@example.net"}, "to: is a list"),
        ({"to": [None]}, "to[0]: is a string"),
        ({"stream": "soon"}, "stream: is one of urgent, standard, once, bulk"),
        (
            {"attachments": [{"content": "", "disposition": "x"}]},
            "attachments[0].disposition: is one of attachment, inline",
        ),
        ({"colour": 1}, "colour: there is no such field"),
        ({"headers": [{"name": "X-A"}]}, "headers[0].value: is missing"),
        (7, "A message is a JSON object."),
        ([], "A message is a JSON object."),
    ],
)
def test_what_is_wrong_with_json_is_said_in_words_for_people(run: Run, body: Any, detail: str) -> None:
    """Alone and in a batch; no words of the decoder."""

    async def story() -> None:
        desk = Desk()
        assert (await desk.send(body)).json["detail"] == detail
        batch = await desk.send({"messages": [body]}, to="messages/batch")
        assert batch.json["results"][0]["problem"]["detail"] == detail

    run(story())


@pytest.mark.parametrize(
    ("mail", "query", "code"),
    [
        (b"From: a@example.com\nTo: b@example.net\n\nx\0\n", "", "malformed_message"),
        (b"From: a@example.com\nTo: b@example.net\n\nx\ry\n", "", "malformed_message"),
        (b"From: a@example.com\nTo: b@example.net\n\n" + b"x" * 1_500, "", "malformed_message"),
        (b"From: a@example.com\nTo: b@@example.net\n\nx\n", "", "malformed_message"),
        (b"From: a@example.com, b@example.com\nTo: b@example.net\n\nx\n", "", "malformed_message"),
        (
            b"From: a@example.com\nFrom: b@example.com\nTo: b@example.net\n\nx\n",
            "from=a%40example.com",
            "repeated_field",
        ),
        (b"To: b@example.net\n\nx\n", "from=a%40example.com", "malformed_message"),
        (b"From: a@example.com\n\nx\n", "", "recipients"),
        (b"", "from=a%40example.com&to=b%40example.net", "malformed_message"),
        (b"From: a@example.com\n\nx\n", "to=b", "invalid_field"),
        (b"From: a@example.com\n\nx\n", "from=a&to=b%40example.net", "invalid_field"),
        (b"From: a@example.com\n\nx\n", "to=b%40example.net&colour=red", "malformed_request"),
        (b"From: a@example.com\n\nx\n", "stream=once&stream=bulk", "malformed_request"),
        (b"From: a@example.com\n\nx\n", "tag=kind", "malformed_request"),
        (b"From: a@example.com\n\nx\n", "stream=soon", "invalid_field"),
        (b"From: a@example.com\n\nx\n", "stream", "malformed_request"),
        (b"From: a@example.com\n\nx\n", "to=%ff", "malformed_request"),
    ],
)
def test_mime_that_cannot_be_taken_is_refused(run: Run, mail: bytes, query: str, code: str) -> None:
    """Line ends that could be read in two ways, headers without a single meaning, a query with a slip."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.send_mime(mail, query)
        assert (answered.json["code"], answered.status < 500) == (code, True)
        assert not await desk.spool.select(Selector(), 10)
        assert desk.told.bugs == []

    run(story())


def test_only_known_types_of_body_are_read(run: Run) -> None:
    """Neither JSON nor MIME, another charset, or compressed: 415."""

    async def story() -> None:
        desk = Desk()
        body = msgspec.json.encode(MESSAGE)
        wrong: list[dict[str, Any]] = [
            {"content_type": "text/plain"},
            {"content_type": ""},
            {"content_type": "application/json; charset=utf-16"},
            {"content_type": "application/json", "content_encoding": "gzip"},
        ]
        for headers in wrong:
            answered = await desk.ask("POST", "/api/v1/messages", body, **headers)
            assert (answered.status, answered.json["code"]) == (415, "unsupported_media_type")
        answered = await desk.ask("POST", "/api/v1/messages", body, content_type='application/json; charset="UTF-8"')
        assert answered.status == 202

    run(story())


def test_refusals_of_admission_keep_their_meaning(run: Run) -> None:
    """Whose domain it is, how many recipients, how large, how full: each with its status, and when to come back."""

    async def story() -> None:
        policy = AdmissionPolicy(
            domains={MAIN_TENANT: frozenset({"example.com"})}, max_recipients=2, max_size_bytes=10_000
        )
        desk = Desk(policy, messages_per_s=0.1)
        answered = await desk.send(MESSAGE | {"from": "a@example.org"})
        assert (answered.status, answered.json["code"]) == (403, "sender_domain")
        answered = await desk.send(MESSAGE | {"to": [f"u{number}@example.net" for number in range(3)]})
        assert (answered.status, answered.json["code"]) == (422, "recipients")
        answered = await desk.send(MESSAGE | {"text": "x\n" * 10_000})
        assert (answered.status, answered.json["code"]) == (413, "too_big")
        assert (await desk.send()).status == 202
        answered = await desk.send()
        assert (answered.status, answered.json["code"], answered.headers["retry-after"]) == (429, "rate", "1")
        desk.down = SpoolUnavailable("no")
        answered = await desk.send(MESSAGE | {"stream": "urgent"})
        assert (answered.status, answered.json["code"], "retry-after" in answered.headers) == (503, "spool", True)
        desk.down = SpoolUnavailable("full", disk_full=True)
        answered = await desk.send(MESSAGE | {"stream": "urgent"})
        assert (answered.status, answered.json["code"], "retry-after" in answered.headers) == (503, "disk_low", True)
        desk.load = Load(queued=10**9)
        desk.clock.advance(1)
        answered = await desk.send()
        assert (answered.status, answered.json["code"], "retry-after" in answered.headers) == (503, "overload", True)

    run(story())


def test_a_bug_of_ours_is_a_problem_too(run: Run) -> None:
    """500 with nothing of it, told to the journal."""

    async def story() -> None:
        desk = Desk()
        desk.down = ZeroDivisionError("secret")
        answered = await desk.send()
        assert (answered.status, answered.json["code"]) == (500, "bug")
        assert b"secret" not in answered.body
        assert isinstance(desk.told.bugs[0], ZeroDivisionError)
        assert desk.reception.held_bytes == desk.reception.pending == 0

    run(story())


def test_a_batch_takes_or_refuses_each_for_itself(run: Run) -> None:
    """In order, each with its receipt or its problem; a hundred at most."""

    async def story() -> None:
        desk = Desk()
        broken = [MESSAGE, MESSAGE | {"to": ["nobody"]}, 7, {"template": "x"}, MESSAGE | {"subject": "last"}]
        answered = await desk.send({"messages": broken}, to="messages/batch")
        assert answered.status == 200
        told = answered.json
        assert (told["accepted"], told["refused"]) == (2, 3)
        assert [result["status"] for result in told["results"]] == [202, 422, 422, 422, 202]
        assert told["results"][1]["problem"]["field"] == "to[0]"
        assert len(await desk.spool.select(Selector(), 10)) == 2
        answered = await desk.send({"messages": [MESSAGE] * 100}, to="messages/batch")
        assert answered.json["accepted"] == 100
        bad: list[Any] = [{"messages": [MESSAGE] * 101}, {"messages": []}, {}, [], {"messages": [MESSAGE], "more": 1}]
        for body in bad:
            refused = await desk.send(body, to="messages/batch")
            assert (refused.status, refused.json["code"]) == (422, "invalid_field")

    run(story())


@pytest.mark.parametrize("path", ["", "message", "messages/", "messages/x/y", "messages/batch/x", "../v2/email", "%2e"])
def test_other_paths_do_not_exist(run: Run, path: str) -> None:
    """404 as a problem, whatever is asked for there."""

    async def story() -> None:
        answered = await Desk().ask("GET", f"/api/v1/{path}")
        assert (answered.status, answered.json["code"]) == (404, "not_found")

    run(story())


def test_other_methods_are_told_which_there_are(run: Run) -> None:
    """405 with Allow; HEAD has no body."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.ask("PUT", "/api/v1/messages")
        assert (answered.status, answered.headers["allow"]) == (405, "POST, GET, HEAD")
        answered = await desk.ask("GET", "/api/v1/messages/batch")
        assert (answered.status, answered.json["code"]) == (405, "method_not_allowed")
        answered = await desk.ask("HEAD", "/api/v1/messages")
        assert (answered.status, answered.body) == (200, b"")

    run(story())
