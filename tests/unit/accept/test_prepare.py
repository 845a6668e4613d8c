"""What becomes of the bytes: listed fields go, ours come, everything else stays as it is."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.headers import (
    DUTIES,
    MAX_BLOCK_BYTES,
    MAX_FIELD_BYTES,
    MAX_FIELDS,
    OPTION_PREFIXES,
    Duty,
    duty_of,
)
from posthorse.accept.prepare import MAX_HOPS, Prepared, Preparer, clean, rfc5322_date
from posthorse.accept.refusal import RefusalKind, Refused
from posthorse.mail.message import Caller
from tests.unit.accept.kit import ALICE, HOSTNAME, MAIL, NOON, submission

ID = "0123456789abcdef" * 2
DATED = b"Message-ID: <1@example.com>\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
FROM = b"From: shop@example.com\r\n"
STAMP = (
    f"Received: from app.example.com ([192.0.2.7]) by {HOSTNAME} (Posthorse) with ESMTPA id {ID}; "
    f"Fri, 15 Jan 2027 08:00:00 +0000\r\nX-Posthorse-Id: {ID}\r\n"
).encode()


def prepare(content: bytes, **changes: object) -> Prepared | Refused:
    """Prepare one submission at noon."""
    return Preparer(HOSTNAME).prepare(submission(content, **changes), ID, NOON)


def body_of(content: bytes, **changes: object) -> bytes:
    """What is carried of it."""
    prepared = prepare(content, **changes)
    assert isinstance(prepared, Prepared), prepared
    return prepared.body(content)


def refusal_of(content: bytes) -> Refused:
    """Why it is not carried."""
    refused = prepare(content)
    assert isinstance(refused, Refused), refused
    return refused


def test_a_complete_message_gets_our_trace_and_nothing_else() -> None:
    """Received and X-Posthorse-Id at the top, then the client's bytes."""
    assert body_of(DATED + MAIL) == STAMP + DATED + MAIL


def test_missing_date_and_message_id_are_added() -> None:
    """Receivers expect both (RFC 5322 section 3.6, RFC 6409 section 8)."""
    added = f"Message-ID: <{ID}@{HOSTNAME}>\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n".encode()
    assert body_of(MAIL) == STAMP + added + MAIL


REMOVED = [
    b"X-Posthorse-Stream: urgent",
    b"x-posthorse-DEADLINE:\r\n 10m",
    b"X-Posthorse-Supersede: a",
    b"X-Posthorse-Idempotency-Key: b",
    b"X-Posthorse-Id: 00",
    b"X-SES-CONFIGURATION-SET: codes",
    b"X-SES-MESSAGE-TAGS: a=b,\r\n c=d",
    b"X-SES-SOURCE-ARN: arn:aws:ses:us-east-1:1:identity/x",
    b"Bcc: secret@example.net,\r\n other@example.net",
    b"BCC:",
    b"Resent-Bcc: secret@example.net",
    b"Return-Path: <bounce@example.com>",
    b'X-SMTPAPI: {"category": "x"}',
    b'X-MSYS-API: {"options": {"open_tracking": true}}',
    b"X-Mailgun-Tag: x",
    b"X-PM-Tag: x",
    b"X-MJ-CustomID: x",
    b"X-Mailjet-Campaign: x",
    b"X-MC-Tags: x",
    b"X-Mailin-Tag: x",
    b"X-MT-Category: x",
]


@pytest.mark.parametrize("field", REMOVED)
def test_control_option_and_bcc_fields_are_removed(field: bytes) -> None:
    """Wherever they stand, with all their folds; the fields around them stay byte for byte."""
    before, after = DATED + FROM, b"Subject: a\r\n\tb\r\nX-Mailer:x\r\n"
    body = b"\r\nbody\r\n" + field + b"\r\n"
    assert body_of(before + field + b"\r\n" + after + body) == STAMP + before + after + body
    assert body_of(field + b"\r\n" + before + after + body) == STAMP + before + after + body
    assert body_of(before + after + field + b"\r\n" + body) == STAMP + before + after + body


ONCE = sorted(name for name, duty in DUTIES.items() if duty is Duty.ONCE)


def test_ses_list_of_single_fields_is_complete() -> None:
    """About sixty fields, among them those that matter most."""
    assert len(ONCE) >= 55
    assert {b"from", b"to", b"cc", b"date", b"message-id", b"subject", b"reply-to", b"dkim-signature"} <= set(ONCE)


@pytest.mark.parametrize("name", ONCE, ids=lambda name: name.decode())
def test_a_field_that_may_stand_once_is_refused_twice(name: bytes) -> None:
    """In SES's words, in any case, even with the same value."""
    extra = b"" if name == b"from" else FROM
    refused = refusal_of(
        extra + name.title() + b": x@example.com\r\nX: y\r\n" + name.upper() + b": x@example.com\r\n\r\n"
    )
    assert refused.kind is RefusalKind.REPEATED_FIELD
    assert f"Duplicate header '{name.upper().decode()}'" in refused.text


@pytest.mark.parametrize("name", [b"X-Posthorse-Stream", b"X-SES-MESSAGE-TAGS"])
def test_a_control_header_is_refused_twice(name: bytes) -> None:
    """Nobody could say which of the two counts."""
    field = name + b": a=b\r\n" if b"TAGS" in name else name + b": bulk\r\n"
    assert refusal_of(FROM + field + field + b"\r\n").kind is RefusalKind.REPEATED_FIELD


BROKEN = [
    b"",
    b"\r\n",
    b"\r\nbody only\r\n\r\nX: y\r\n",
    b"body only\r\n",
    b"Subject: no sender\r\n\r\nx\r\n",
    FROM + b":x\r\n\r\n",
    FROM + b"no colon\r\n\r\n",
    FROM + b"Subject\r\n\r\n",
    FROM + b"Bcc : hidden@example.net\r\n\r\n",
    FROM + b"X y: z\r\n\r\n",
    FROM + b"X\xc3\xa9: z\r\n\r\n",
    FROM + b"X\x01: z\r\n\r\n",
    b"From shop@example.com Fri Jan 15 08:00:00 2027\r\n" + FROM + b"\r\n",
    b" folded at once\r\n" + FROM + b"\r\n",
    FROM + b"X-Posthorse-Strem: urgent\r\n\r\n",
    FROM + b"X-SES-LIST-MANAGEMENT-OPTIONS: l; topic=t\r\n\r\n",
    FROM + b"X-Posthorse-Stream\r\n\r\n",
    FROM + b"X: " + b"y" * MAX_FIELD_BYTES + b"\r\n\r\n",
    FROM + b"X: y\r\n" * MAX_FIELDS + b"\r\n",
    FROM + b"X: y\r\n" * (MAX_BLOCK_BYTES // 6) + b"\r\n",
    FROM + b"X: " + b"\r\n y" * (MAX_BLOCK_BYTES // 4),
]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_broken_header_blocks_are_refused_for_good(content: bytes) -> None:
    """What two readers could read differently is not carried."""
    refused = refusal_of(content)
    assert not refused.temporary
    assert refused.text.isascii()
    assert refused.text.isprintable()


KEPT = [
    b"__proto__: x",
    b"constructor: x",
    b"__class__: x",
    b"X" * 300 + b": y",
    b"Subject: \xe2\x82\xac raw UTF-8",
    b"Subject: =?utf-8?q?x=0d=0aBcc:evil@x?=",
    b"X:",
    b"X: a\r\n \r\n b",
    b"Comments: (((((",
    b"Resent-From: a@example.com\r\nResent-From: b@example.com",
    b"Received: from a by b; Fri, 15 Jan 2027 08:00:00 +0000",
]


@pytest.mark.parametrize("field", KEPT)
def test_odd_fields_are_carried_unchanged(field: bytes) -> None:
    """Odd is not broken."""
    content = DATED + FROM + field + b"\r\n\r\nx\r\n"
    assert body_of(content) == STAMP + content


def test_a_header_block_without_blank_line_is_carried_unchanged() -> None:
    """A message may have no body (RFC 5322 section 3.5)."""
    assert body_of(DATED + FROM) == STAMP + DATED + FROM


def test_loops_are_ended() -> None:
    """A hundred hops, or one of them ours."""
    hop = b"Received: from a by b; Fri, 15 Jan 2027 08:00:00 +0000\r\n"
    assert isinstance(prepare(hop * (MAX_HOPS - 1) + FROM + b"\r\n"), Prepared)
    assert refusal_of(hop * MAX_HOPS + FROM + b"\r\n").kind is RefusalKind.LOOP
    assert refusal_of(body_of(MAIL)).kind is RefusalKind.LOOP


PROTOCOLS = [
    ({}, "ESMTPA"),
    ({"tls": True}, "ESMTPSA"),
    ({"smtputf8": True}, "UTF8SMTPA"),
    ({"caller": Caller(tenant=ALICE.tenant, credential="trusted:10.0.0.0/8", peer="2001:db8::1")}, "ESMTP"),
]


@pytest.mark.parametrize(("changes", "keyword"), PROTOCOLS)
def test_the_trace_names_the_protocol(changes: dict[str, object], keyword: str) -> None:
    """As registered for the `with` clause."""
    assert f" with {keyword} id ".encode() in body_of(MAIL, **changes)


def test_ipv6_peers_are_written_as_such() -> None:
    """An address literal of IPv6 has its tag."""
    caller = Caller(tenant=ALICE.tenant, credential="k", peer="2001:db8::1")
    assert b"([IPv6:2001:db8::1])" in body_of(MAIL, caller=caller)


@given(st.text(max_size=400))
def test_no_helo_breaks_the_trace(helo: str) -> None:
    """What a client calls itself stays in one short line, whatever it is."""
    first, _, rest = body_of(DATED + MAIL, helo=helo).partition(b"\r\n")
    assert rest == STAMP.partition(b"\r\n")[2] + DATED + MAIL
    assert len(first) < 998
    assert first.isascii()
    assert first.decode().isprintable()
    assert clean(clean(helo)) == clean(helo)


names = st.from_regex(r"[!-9;-~]{1,20}", fullmatch=True).map(str.encode)
values = st.binary(max_size=60).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b""))
folds = st.lists(values, min_size=1, max_size=3).map(b"\r\n ".join)
fields = st.tuples(names, folds).map(lambda pair: pair[0] + b":" + pair[1])


@given(st.lists(fields, max_size=12), st.binary(max_size=200))
def test_any_header_block_round_trips_save_the_listed_fields(extra: list[bytes], body: bytes) -> None:
    """What is carried is what came, minus the fields named as removed, plus ours at the top."""
    content = DATED + FROM + b"".join(field + b"\r\n" for field in extra) + b"\r\n" + body
    prepared = prepare(content)
    duties = [duty_of(field.partition(b":")[0].lower()) for field in extra]
    if isinstance(prepared, Refused):
        assert {Duty.ONCE, Duty.CONTROL, Duty.UNKNOWN_CONTROL} & set(duties)
        return
    kept = [field for field, duty in zip(extra, duties, strict=True) if duty not in (Duty.DROP, Duty.CONTROL)]
    carried = STAMP + DATED + FROM + b"".join(field + b"\r\n" for field in kept) + b"\r\n" + body
    assert prepared.body(content) == carried
    assert asyncio.run(prepared.body_in_turns(content)) == (carried, content.isascii())


@pytest.mark.parametrize("extra", [b"", b"Bcc: b@example.org\r\n"], ids=["nothing removed", "Bcc removed"])
@pytest.mark.parametrize("place", [0, 1 << 20, (2 << 20) - 1])
def test_a_large_body_is_put_together_in_turns(extra: bytes, place: int) -> None:
    """It is the same as at once, one byte above ASCII is seen wherever it stands, and others had their turns."""
    lines = bytearray(b"x" * (2 << 20))
    lines[place] = 0xE9
    content = FROM + extra + DATED + b"\r\n" + bytes(lines)
    prepared = prepare(content)
    assert isinstance(prepared, Prepared)

    async def put_together() -> tuple[tuple[bytes, bool], int]:
        others = [asyncio.ensure_future(asyncio.sleep(0)) for _ in range(3)]
        made = await prepared.body_in_turns(content)
        return made, sum(other.done() for other in others)

    assert asyncio.run(put_together()) == ((prepared.body(content), False), 3)


def test_every_option_prefix_is_used() -> None:
    """No prefix is there without a case above."""
    lowered = [field.lower() for field in REMOVED]
    assert all(any(field.startswith(prefix) for field in lowered) for prefix in OPTION_PREFIXES)


@pytest.mark.parametrize(
    ("second", "text"),
    [(0, "Thu, 01 Jan 1970 00:00:00 +0000"), (951_827_696, "Tue, 29 Feb 2000 12:34:56 +0000")],
)
def test_dates_are_written_without_regard_to_the_locale(second: int, text: str) -> None:
    """English names, four-digit years, UTC."""
    assert rfc5322_date(second) == text
