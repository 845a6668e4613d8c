"""Hostile requests to the native API, row by row: the answer, what the spool then holds, the log, the longest block."""

import email
import email.policy
import json
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.effort import unless_each_time
from tests.scenarios.api_stand import Answered, ApiSite, ApiStand
from tests.scenarios.hostile import CORPUS, octets

ROWS: list[dict[str, Any]] = json.loads((CORPUS / "api" / "requests.json").read_text())
BASE = {"from": "Shop <a@example.com>", "to": ["b@example.net"], "subject": "Hello", "text": "Hello.\n"}
JSON = {"content_type": "application/json"}
KNOWN_FIELDS = {"received", "x-posthorse-id", "message-id", "date", "from", "to", "cc", "reply-to", "subject"} | {
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "__proto__",
    "constructor",
}


@pytest.fixture(scope="module")
def stand() -> Iterator[ApiStand]:
    """The server's thread."""
    one = ApiStand()
    yield one
    one.close()


def request_of(row: dict[str, Any]) -> tuple[bytes, str]:
    """The body of a row and its type."""
    if "mime" in row:
        return octets(row["mime"]), "message/rfc822"
    if "body" in row:
        text = octets(row["body"])
        # `[[` and `]]` stand for braces, which have a meaning of their own in the corpus.
        return text.replace(b"[[", b"{").replace(b"]]", b"}") if row.get("open") else text, "application/json"
    mail = BASE | row.get("mail", {})
    for name, (pattern, count) in row.get("mail_list", {}).items():
        mail[name] = [pattern.replace("{n}", str(number)) for number in range(count)]
    for name, count in row.get("mail_map", {}).items():
        mail[name] = {f"n{number}": "x" for number in range(count)}
    return octets(json.dumps(mail)) if "{" in json.dumps(row.get("mail", {}))[1:] else json.dumps(mail).encode(), (
        "application/json"
    )


def ask(site: ApiSite, row: dict[str, Any]) -> Answered:
    """Send a row."""
    body, kind = request_of(row)
    method = row.get("method", "POST")
    query = f"?{row['query']}" if "query" in row else ""
    headers = {name: octets(value).decode() for name, value in row.get("headers", {}).items()}
    return site.ask(
        method,
        row.get("path", "/api/v1/messages") + query,
        body if method == "POST" else b"",
        content_type=kind,
        **headers,
    )


@pytest.mark.hostile
@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
@unless_each_time
def test_hostile_requests_meet_their_answer(stand: ApiStand, row: dict[str, Any]) -> None:
    """Status, code and what is stored as given; nothing smuggled, no long block, a clean log, a sane server."""
    with stand.site() as site:
        stand.anew()
        answered = ask(site, row)
        assert answered.status == row["status"], answered.body[:500]
        if "code" in row:
            assert answered.headers["content-type"] == "application/problem+json"
            assert answered.json["code"] == row["code"]
            assert answered.json["detail"].isprintable()
        stand.loop.check()
        stored = stand.stored(site)
        assert len(stored) == row.get("stored", 0)
        for one in stored:
            assert not any("evil" in address for address in (one.message.sender, *one.recipients))
            assert len(one.recipients) == row.get("recipients", 1)
            assert one.body.count(b"\r") == one.body.count(b"\n") == one.body.count(b"\r\n")
            for word in row.get("never", []):
                assert word.encode() not in one.body
            assert row.get("wire", "").encode() in one.body
            read = email.message_from_bytes(one.body, policy=email.policy.compat32)
            assert {name.lower() for name in read.keys()} <= KNOWN_FIELDS  # noqa: SIM118 - a message is no mapping
        assert (
            site.ask("POST", "/api/v1/messages", json.dumps(BASE).encode(), content_type="application/json").status
            == 202
        )
        assert site.reception.held_bytes == site.reception.pending == 0
        site.log.flush()
        for line in b"".join(site.lines).splitlines():
            assert line.decode("ascii").isprintable()
            assert json.loads(line)["event"] != "bug"
            assert not [word for word in (b"evil", b"@example", b"shop secret") if word in line]
    assert site.unhandled == []


@pytest.mark.hostile
def test_fifty_twins_over_the_network_send_once(stand: ApiStand) -> None:
    """Whatever each is told, one message is stored, and the key then names it."""
    body = json.dumps(BASE).encode()
    with stand.site() as site:
        codes: list[int] = []

        def twin() -> None:
            answered = site.ask(
                "POST", "/api/v1/messages", body, content_type="application/json", idempotency_key="twin"
            )
            codes.append(answered.status)

        threads = [threading.Thread(target=twin) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(codes) == 50
        assert set(codes) <= {202, 409}
        assert len(stand.stored(site)) == 1


@pytest.mark.hostile
def test_large_mail_holds_nobody_up(stand: ApiStand) -> None:
    """Twenty-eight megabytes as JSON and as MIME, 39 in base64 inside: no block of the loop is over 50 ms."""
    content = b64encode(bytes(range(256)) * 112_000).decode()
    requests = [
        (json.dumps(BASE | {"attachments": [{"content": content, "file_name": "a.bin"}]}).encode(), "application/json"),
        (
            json.dumps(BASE | {"attachments": [{"content": content, "file_name": "a.bin"}]})
            .replace("/", "\\/")
            .encode(),
            "application/json",
        ),
        (b"From: a@example.com\nTo: b@example.net\n\n" + b"a line of text\n" * 1_900_000, "message/rfc822"),
        (
            json.dumps(
                {"raw": b64encode(b"From: a@example.com\nTo: b@example.net\n\n" + b"line\n" * 5_600_000).decode()}
            ).encode(),
            "application/json",
        ),
        (json.dumps(BASE | {"text": "a line of t\u00e4xt\r\n" * 300_000}).encode(), "application/json"),
    ]
    with stand.site() as site:
        for body, kind in requests:
            stand.anew()
            answered = site.ask("POST", "/api/v1/messages", body, content_type=kind)
            assert answered.status == 202, answered.body
            print(f"{len(body) / 1e6:.0f} MB as {kind}: longest block {stand.loop.longest_s * 1e3:.0f} ms")
            stand.loop.check()


BATCHES: dict[str, tuple[int, dict[str, Any]]] = {
    "long texts": (20, {"text": "a line of text\n" * 95_000}),
    "middling texts": (100, {"text": "a line of text\n" * 17_000}),
    "many recipients": (100, {"to": [f"u{number}@example.net" for number in range(50)], "text": "x" * 250_000}),
    "a few files": (100, {"attachments": [{"content": "QUJD" * 22_000, "file_name": "a.bin"}] * 3}),
    "many small files": (100, {"attachments": [{"content": "QUJD", "file_name": "a.bin"}] * 100}),
}


@pytest.mark.hostile
@pytest.mark.parametrize("shape", BATCHES)
@unless_each_time
def test_a_large_batch_holds_nobody_up(stand: ApiStand, shape: str) -> None:
    """Up to thirty megabytes in many messages, with a key and without: no turn of the loop is over 50 ms."""
    count, mail = BATCHES[shape]
    body = json.dumps({"messages": [BASE | mail] * count}).encode()
    for more in ({}, {"idempotency_key": "once"}):
        with stand.site() as site:
            stand.anew()
            answered = site.ask("POST", "/api/v1/messages/batch", body, content_type="application/json", **more)
            assert answered.json["accepted"] == count, answered.body[:500]
            stand.loop.check()


@pytest.mark.hostile
@pytest.mark.parametrize("field", ["to", "bcc"])
@unless_each_time
def test_strange_names_hold_nobody_up(stand: ApiStand, field: str) -> None:
    """Forty-nine of nearly 2,000 characters each: read in turns, and not written where no field could hold them."""
    names = ["\u00e9 " * 950 + f"<u{number}@example.net>" for number in range(49)]
    with stand.site() as site:
        stand.anew()
        answered = site.ask("POST", "/api/v1/messages", json.dumps(BASE | {field: names}).encode(), **JSON)
        assert answered.status == (422 if field == "to" else 202)
        assert answered.json.get("field") == ("to" if field == "to" else None)
        stand.loop.check()


STRANGE = [f"x{number}@" + "\u00e4\u00f6." * 20 + "i.example" for number in range(120)]
STRANGE_MAIL = {
    "one message": (json.dumps(BASE | {"to": STRANGE[:1], "bcc": STRANGE[1:49]}).encode(), "application/json", 202),
    "its header": (
        ("From: a@example.com\r\nTo: " + ",\r\n ".join(STRANGE) + "\r\n\r\nx\r\n").encode(),
        "message/rfc822",
        422,
    ),
    "its headers": (
        ("From: a@example.com\r\n" + "".join(f"Cc: {one}\r\n" for one in STRANGE) + "\r\nx\r\n").encode(),
        "message/rfc822",
        422,
    ),
}


@pytest.mark.hostile
@pytest.mark.parametrize("where", STRANGE_MAIL)
@unless_each_time
def test_domains_in_letters_of_the_world_hold_nobody_up(stand: ApiStand, where: str) -> None:
    """Each takes half a millisecond to read; many are read in turns."""
    body, kind, status = STRANGE_MAIL[where]
    with stand.site() as site:
        stand.anew()
        assert site.ask("POST", "/api/v1/messages", body, content_type=kind).status == status
        print(f"{stand.loop.longest_s * 1e3:.0f} ms, {where}")
        stand.loop.check()


def test_rows_have_names_of_their_own() -> None:
    """Ids are unique, titles are sentences or nearly."""
    assert [name for name, times in Counter(row["id"] for row in ROWS).items() if times > 1] == []
    assert [row["id"] for row in ROWS if len(row["title"]) < 6] == []
