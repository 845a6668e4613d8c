"""Hostile requests at the SES front, row by row: the answer, what the spool then holds, the log, and the longest block.

Rows stand in `tests/corpus/ses`: signatures (B71), JSON (B67), forms (B68), strings (B50-B52, B69, B70), limits (B73),
targets (B74), and HTTP itself (B66, as bytes).
"""

import base64
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.effort import leave_garbage, unless_each_time
from tests.scenarios.hostile import CORPUS, octets
from tests.scenarios.ses_stand import Line, Row, SesSite, SesStand, ask

FOLDER = CORPUS / "ses"


def rows(pattern: str) -> list[Row]:
    """The rows of the files of this name."""
    return [row for file in sorted(FOLDER.glob(pattern)) for row in json.loads(file.read_text())]


WHOLE = [row for row in rows("b*.json") if "wire" not in row]
WIRES = rows("b66_http.json")


@pytest.fixture(scope="module")
def stand() -> Iterator[SesStand]:
    """The server's thread."""
    one = SesStand()
    yield one
    one.close()


@pytest.fixture(scope="module")
def site(stand: SesStand) -> Iterator[SesSite]:
    """One front for all rows, as it is in life: what one row does to it, the next ones would show."""
    with stand.site() as one:
        yield one


@pytest.mark.hostile
@pytest.mark.parametrize("row", WHOLE, ids=[row["id"] for row in WHOLE])
@unless_each_time
def test_hostile_request_meets_its_answer(stand: SesStand, site: SesSite, row: Row) -> None:
    """Status and code as given, in the version's shape, with a request id; what is stored as given; a clean log."""
    stand.anew(site)
    answered = ask(site, row)
    expect = row["expect"]
    assert (str(answered.status), answered.code) == (expect["status"], expect.get("code", "")), answered.body
    assert answered.headers["x-amzn-requestid"]
    assert row.get("method") == "HEAD" or _well_formed(answered.headers["content-type"], answered.body)
    stored = stand.stored(site)
    assert len(stored) == expect.get("stored", 0)
    for one in stored:
        assert list(one.recipients) == row.get("recipients", list(one.recipients))
        assert one.message.sender == row.get("sender", one.message.sender)
        assert octets(row.get("present", "")) in one.body
        assert "absent" not in row or row["absent"].encode() not in one.body
    assert_site_is_sane(stand, site)


@pytest.mark.hostile
@pytest.mark.parametrize("row", WIRES, ids=[row["id"] for row in WIRES])
@unless_each_time
def test_hostile_http_is_no_request(stand: SesStand, site: SesSite, row: Row) -> None:
    """Bytes that two servers could read in two ways are answered once and the connection ends; nothing is smuggled."""
    stand.anew(site)
    with Line(site.port) as line:
        line.say(octets(row["wire"].replace("{host}", f"127.0.0.1:{site.port}")))
        got = []
        for _ in range(len(row["statuses"]) if not row.get("one_of") else 1):
            answered = line.answer()
            assert answered is not None
            got.append(str(answered.status))
        allowed = {*row["statuses"], row.get("first_may", "")}
        assert got[0] in allowed if row.get("one_of") or "first_may" in row else got == row["statuses"]
        if got[-1] == "400":
            assert line.answer() is None
    assert stand.stored(site) == []
    assert_site_is_sane(stand, site)


STRUCTURES = rows("structures.json")


@pytest.mark.hostile
@pytest.mark.parametrize("row", STRUCTURES, ids=[row["id"] for row in STRUCTURES])
@unless_each_time
def test_structure_of_any_kind_holds_nobody_up(stand: SesStand, site: SesSite, row: Row) -> None:
    """A large document of small things, under any name and standing twice: nobody waits over 50 ms for it."""
    stand.anew(site)
    body = f"{row['begin']}{row['repeat'] * row['times']}{row['end']}".encode()
    answered = ask(site, {"target": row["target"], "content": body})
    assert answered.status in (row.get("status", 400), 413), answered.body
    assert len(stand.stored(site)) == (answered.status == 200)
    assert_site_is_sane(stand, site)


MIB = 1 << 20
HEAD = b"From: shop@example.com\r\nTo: ada@example.net\r\n\r\n"


def mail_of(size_bytes: int, line: bytes = b"x" * 76 + b"\r\n") -> bytes:
    """A message of exactly so many bytes."""
    lines = HEAD + line * ((size_bytes - len(HEAD)) // len(line))
    return lines + b"x" * (size_bytes - len(lines) - 2) + b"\r\n"


def raw(content: bytes) -> str:
    """A request of v2 for this message."""
    return json.dumps({"Content": {"Raw": {"Data": base64.b64encode(content).decode()}}})


def form(content: bytes) -> str:
    """A request of v1 for this message."""
    return f"Action=SendRawEmail&RawMessage.Data={quote(base64.b64encode(content), safe='')}"


def simple(attachment: bytes, **more: object) -> str:
    """A request of v2 for composed mail with this attachment."""
    files = [{"FileName": "a.bin", "RawContent": base64.b64encode(attachment).decode()}]
    content = {"Subject": {"Data": "x"}, "Body": {"Html": {"Data": "x"}}, "Attachments": files} | more
    to = {"ToAddresses": ["ada@example.net"]}
    return json.dumps({"FromEmailAddress": "shop@example.com", "Destination": to, "Content": {"Simple": content}})


STRANGE = ["\u00e9 " * 950 + f"<u{number}@example.net>" for number in range(50)]
"""As long as a name may be, each letter a word of its own."""


def to_strange(content: object) -> str:
    """A request of v2 to fifty strange names."""
    mail = {"FromEmailAddress": "shop@example.com", "Destination": {"ToAddresses": STRANGE}, "Content": content}
    return json.dumps(mail, ensure_ascii=False)


LARGE: dict[str, tuple[str, Callable[[], str], int]] = {
    "40 MiB": ("/v2/email/outbound-emails", lambda: raw(mail_of(40 * MIB)), 200),
    "40 MiB and a byte": ("/v2/email/outbound-emails", lambda: raw(mail_of(40 * MIB + 1)), 400),
    "60 MiB": ("/v2/email/outbound-emails", lambda: raw(mail_of(60 * MIB)), 413),
    "39 MiB with bare LF": ("/v2/email/outbound-emails", lambda: raw(mail_of(39 * MIB, b"x" * 100 + b"\n")), 200),
    "30 MiB, slashes escaped": ("/v2/email/outbound-emails", lambda: raw(mail_of(30 * MIB)).replace("/", "\\/"), 200),
    "4 MiB, plus signs escaped": (
        "/v2/email/outbound-emails",
        lambda: raw(mail_of(4 * MIB, b"x\xfb\xef\xbe\r\n" * 10)).replace("+", "\\u002B"),
        200,
    ),
    "2 MiB, every letter escaped": (
        "/v2/email/outbound-emails",
        lambda: json.dumps({"Content": {"Raw": {"Data": "@"}}}).replace(
            "@", "".join(f"\\u00{letter:02x}" for letter in base64.b64encode(mail_of(2 * MIB)))
        ),
        200,
    ),
    "30 MiB, another author": (
        "/v2/email/outbound-emails",
        lambda: raw(mail_of(30 * MIB))[:-1] + ',"FromEmailAddress":"other@example.com"}',
        200,
    ),
    "10 MiB by v1": ("/", lambda: form(mail_of(10 * MIB)), 200),
    "10 MiB and a byte by v1": ("/", lambda: form(mail_of(10 * MIB + 1)), 400),
    "attachment of 12 MiB, nearly all slashes, escaped": (
        "/v2/email/outbound-emails",
        lambda: simple(b"\xff" * (12 * MIB)).replace("//", "\\/\\/"),
        200,
    ),
    "text of 4 MiB, nearly all escapes": (
        "/v2/email/outbound-emails",
        lambda: simple(b"", Body={"Text": {"Data": "a\n" * 2_900_000}}),
        200,
    ),
    "attachment of 28 MiB": ("/v2/email/outbound-emails", lambda: simple(b"\xff?" * (14 * MIB)), 200),
    "attachment of 33 MiB": ("/v2/email/outbound-emails", lambda: simple(b"\xff?" * (17 * MIB)), 400),
    "text of 9 MiB": (
        "/v2/email/outbound-emails",
        lambda: simple(b"", Body={"Text": {"Data": "a line of text\n" * (9 * MIB // 16)}}),
        200,
    ),
    "text of 9 MiB, escaped to 36": (
        "/v2/email/outbound-emails",
        lambda: simple(b"", Body={"Text": {"Data": "é\n" * (4 * MIB + MIB // 2)}}),
        400,
    ),
    "text of 30 MiB": (
        "/v2/email/outbound-emails",
        lambda: simple(b"", Body={"Text": {"Data": "a" * (30 * MIB)}}),
        400,
    ),
    "a million attachments": (
        "/v2/email/outbound-emails",
        lambda: simple(b"", Attachments=[{"FileName": "", "RawContent": ""}] * 1_000_000),
        400,
    ),
    "strange names around raw mail": (
        "/v2/email/outbound-emails",
        lambda: to_strange({"Raw": {"Data": base64.b64encode(HEAD).decode()}}),
        200,
    ),
    "strange names in composed mail": (
        "/v2/email/outbound-emails",
        lambda: to_strange({"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}}),
        400,
    ),
    "text of 9 MiB by v1": (
        "/",
        lambda: (
            "Action=SendEmail&Source=shop@example.com&Message.Subject.Data=x&Destination.ToAddresses.member.1="
            "ada@example.net&Message.Body.Text.Data=" + "%C3%A9+%0A" * MIB
        ),
        200,
    ),
}


@pytest.mark.hostile
@pytest.mark.parametrize("name", LARGE)
@unless_each_time
def test_large_mail_holds_nobody_up(stand: SesStand, site: SesSite, name: str) -> None:
    """Up to the limit of each version mail is taken, beyond it refused, and nobody waits over 50 ms for it."""
    target, make, status = LARGE[name]
    content = make().encode()
    leave_garbage()
    stand.anew(site)
    answered = ask(site, {"target": target, "content": content})
    assert answered.status == status, answered.body
    assert len(stand.stored(site)) == (status == 200)
    assert_site_is_sane(stand, site)


def assert_site_is_sane(stand: SesStand, site: SesSite) -> None:
    """Nobody was held up, the log is whole and tells no bug, no room is lost, and the next client is served."""
    stand.loop.check()
    before = len(stand.stored(site))
    assert ask(site, {"headers": [["amz-sdk-invocation-id", "the next client"]]}).status == 200
    assert len(stand.stored(site)) == before + 1
    assert site.entrance.reception.held_bytes == site.entrance.reception.pending == 0
    for line in b"".join(site.lines).splitlines():
        assert json.loads(line)["event"] != "bug", line
    assert site.unhandled == []


def _well_formed(kind: str, body: bytes) -> bool:
    if kind == "text/xml":
        return ET.fromstring(body) is not None  # noqa: S314 - our own answer
    return kind == "application/json" and isinstance(json.loads(body), dict)
