"""What the native API does not take: a stable code and the field it stands in, in words for people."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.load import Load
from posthorse.mail.ids import MAIN_TENANT
from posthorse.spool.desk_port import Selector
from posthorse.spool.port import SpoolUnavailable
from tests.unit.accept.api.desk import MESSAGE, Desk

Run = Callable[[Any], Any]

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
    ({"tags": {"posthorse:stream": "soon"}}, 422, "invalid_field", "tags.posthorse:stream"),
    ({"tags": {"kind": "a code"}}, 422, "invalid_field", "tags.kind"),
    ({"tags": {"posthorse:steam": "bulk"}}, 422, "invalid_field", "tags"),
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


QUERIES = [
    (
        "POST",
        "messages?strm=urgent",
        "The query's parameter `strm` is not known; known are configuration_set, deadline, ",
    ),
    ("POST", "messages?from=a%40b.example&from=c%40d.example", "The query's parameter `from` stands there twice."),
    (
        "GET",
        "messages?stat=x",
        "The query's parameter `stat` is not known; known are before, limit, recipient_domain, ",
    ),
    ("GET", "messages?limit=0", "limit: is a number from 1 to 200"),
    ("GET", "messages?state=sent", "state: is one of queued, leased, released, in_doubt, handed_over, rejected, "),
    ("GET", "messages?before=7", "before: is the id of a message, 32 hexadecimal digits"),
    ("POST", "messages/", "There is nothing here; messages are at /api/v1/messages."),
]


@pytest.mark.parametrize(("method", "path", "detail"), QUERIES)
def test_what_is_wrong_with_the_address_is_named(run: Run, method: str, path: str, detail: str) -> None:
    """The parameter, and what it may be."""

    async def story() -> None:
        more: dict[str, Any] = {"content_type": "message/rfc822"} if method == "POST" else {}
        answered = await Desk().ask(method, f"/api/v1/{path}", b"From: a@example.com\n\nx\n", **more)
        assert answered.json["detail"].startswith(detail), answered.json

    run(story())


@pytest.mark.parametrize(
    ("to", "body"), [("messages", b'{"from": "a@example.com",}'), ("messages/batch", b'{"messages": [{}      ],}')]
)
def test_what_is_no_json_is_told_with_its_place(run: Run, to: str, body: bytes) -> None:
    """A comma too many is found at once."""

    async def story() -> None:
        answered = await Desk().send(body, to=to)
        told = f"The body is no JSON that is taken here: trailing comma in object (byte {len(body) - 1})."
        assert (answered.status, answered.json["detail"]) == (400, told)

    run(story())


def test_a_deadline_before_the_mail_may_go_is_told_as_that(run: Run) -> None:
    """It is in the future all the same."""

    async def story() -> None:
        times = {"not_before": "2027-01-17T08:00:00Z", "deadline": "2027-01-16T08:00:00Z"}
        assert (await Desk().send(MESSAGE | times)).json["detail"] == "deadline: is not after not_before"

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
