"""Composing: what is given in fields arrives in MIME, decoded equal, and never becomes anything else."""

import asyncio
import email
import email.policy
import json
import re
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept import compose_parts
from posthorse.accept.compose import (
    SES_LIMITS,
    Attachment,
    Body,
    ComposeError,
    Disposition,
    Mailbox,
    StructuredMail,
    TransferEncoding,
    compose,
    compose_in_turns,
)
from posthorse.accept.headers import HeaderBlock, cut

PLAIN = StructuredMail(
    from_="Shop <shop@example.com>", to=("ada@example.net",), subject="Hello", text=Body(content="Hello Ada.\n")
)
REFUSED = json.loads((Path(__file__).parent.parent.parent / "corpus" / "api" / "compose.json").read_text())
VISIBLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=120)

_PUNCTUATION = "\t :;,\"\\<>=?()[]@/%'*a1\xe9\u540d\u202e"
TRICKY = st.text(_PUNCTUATION, max_size=60) | st.text(_PUNCTUATION + "\r\n\0\x85\u2028", max_size=12)


def parsed(mail: StructuredMail) -> EmailMessage:
    """The composed message as another library reads it, after a look at its lines."""
    octets = compose(mail)
    assert compose(mail) == octets
    assert octets.isascii()
    assert octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert octets.endswith(b"\r\n")
    assert isinstance(cut(octets), HeaderBlock)
    return email.message_from_bytes(octets, policy=email.policy.default)


def test_a_plain_message_is_readable_as_it_stands() -> None:
    """What is plain is written plainly."""
    assert compose(PLAIN) == (
        b"From: Shop <shop@example.com>\r\nTo: ada@example.net\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello Ada.\r\n"
    )


@given(subject=VISIBLE, name=VISIBLE, value=VISIBLE)
def test_texts_come_back_as_they_were(subject: str, name: str, value: str) -> None:
    """Subject, display name and a header of the client's own round-trip, white space at the ends aside."""
    if "=?" in subject + name + value:
        return
    author = Mailbox(address="shop@example.com", name=name)
    mail = replace(PLAIN, from_=author, subject=subject, headers=(("X-Note", value),))
    message = parsed(mail)
    assert _words(message["subject"]) == _words(subject)
    assert _words(message["x-note"]) == _words(value)
    # The newer parser of names leaves a space between encoded words, against RFC 2047 section 6.2.
    shown, address = parseaddr(email.message_from_bytes(compose(mail))["from"].replace("\r\n", ""))
    assert _words(str(make_header(decode_header(shown)))) == _words(name)
    assert address == "shop@example.com"


def _words(text: str) -> str:
    return re.sub(" +", " ", str(text)).strip(" ")


@given(content=st.text(st.characters(exclude_categories=["Cs"]), max_size=2_000))
def test_bodies_come_back_as_they_were(content: str) -> None:
    """Every character of text and HTML, with line ends made one kind."""
    message = parsed(replace(PLAIN, text=Body(content=content), html=Body(content=content)))
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    text, html = message.iter_parts()
    for part in (text, html):
        octets = cast(bytes, part.get_payload(decode=True))
        assert octets.decode().replace("\r\n", "\n") == lines


@given(content=st.binary(max_size=3_000), encoding=st.sampled_from(TransferEncoding))
def test_attachments_come_back_to_the_octet(content: bytes, encoding: TransferEncoding) -> None:
    """Whatever the content and the wish for an encoding."""
    message = parsed(replace(PLAIN, attachments=(Attachment(file_name="a.bin", content=content, encoding=encoding),)))
    (attached,) = message.iter_attachments()
    assert attached.get_payload(decode=True) == content


@pytest.mark.parametrize(
    "name",
    [
        "bill.pdf",
        'a"b\\c.pdf',
        "rechnung größe.pdf",
        "名" * 85 + ".pdf",
        "$(id).png",
        "a;b=c.txt",
        "../../x",
        "C:\\x",
        "a%0d%0ab",
        "x" * 255,
        "ümlaut;'*%.txt",
        "trailing.",
    ],
)
def test_file_names_come_back_as_they_were(name: str) -> None:
    """Special characters, scripts and long names survive RFC 2231."""
    message = parsed(replace(PLAIN, attachments=(Attachment(file_name=name, content=b"x"),)))
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == name


def test_parts_stand_where_readers_look_for_them() -> None:
    """Alternatives, inline images beside the HTML that shows them, attachments beside all of it."""
    mail = replace(
        PLAIN,
        html=Body(content='<img src="cid:logo">'),
        attachments=(
            Attachment(file_name="logo.png", content=b"p", disposition=Disposition.INLINE, content_id="<logo>"),
            Attachment(file_name="bill.pdf", content=b"b", description="Deine Rechnung, größer"),
        ),
    )
    message = parsed(mail)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert image["content-id"] == "<logo>"
    assert image.get_content_disposition() == "inline"
    assert [part["content-description"] for part in message.iter_attachments()] == ["Deine Rechnung, größer"]


def test_no_boundary_is_the_beginning_of_another_one() -> None:
    """Readers that compare the beginning of a line only (RFC 2046 section 5.1.1) cut where all others do."""
    page = Body(content='<img src="cid:a@b">')
    images = [
        Attachment(file_name=f"{n}.png", content=b"x", content_id=f"a{n}@b", disposition=Disposition.INLINE)
        for n in range(12)
    ]
    files = (*images, Attachment(file_name="a.txt", content=b"x"))
    octets = compose(replace(PLAIN, html=page, attachments=files))
    found = re.findall(rb'boundary="([^"]+)"', octets)
    assert len(found) == 3
    assert not [(one, other) for one in found for other in found if one is not other and other.startswith(one)]


def test_attachments_alone_are_a_message() -> None:
    """A fax has neither text nor HTML, and stays an attachment."""
    message = parsed(replace(PLAIN, text=None, attachments=(Attachment(file_name="fax.tif", content=b"II"),)))
    assert [part.get_content_type() for part in message.walk()] == ["multipart/mixed", "image/tiff"]


@pytest.mark.parametrize(
    ("charset", "content", "named"),
    [
        ("ISO-8859-1", "größe", "iso-8859-1"),
        ("Shift_JIS", "日本", "shift_jis"),
        ("windows-1252", "10 €", "windows-1252"),
        ("iso-2022-jp", "日本", "iso-2022-jp"),
        ("ISO-8859-1", "10 €", "utf-8"),
        ("us-ascii", "größe", "utf-8"),
    ],
)
def test_bodies_have_the_charset_they_fit_in(charset: str, content: str, named: str) -> None:
    """The client's charset, or UTF-8 if that lacks a character: nothing is lost."""
    message = parsed(replace(PLAIN, text=Body(content=content, charset=charset)))
    assert message.get_content_charset() == named
    assert message.get_content().rstrip("\r\n") == content


def test_a_local_part_beyond_ascii_stays_as_it_is() -> None:
    """Only then the header block is not ASCII."""
    octets = compose(replace(PLAIN, to=("zoë@example.net",)))
    assert "To: zoë@example.net\r\n".encode() in octets
    with pytest.raises(ComposeError, match=r"to\[0\]"):
        compose(replace(PLAIN, to=("zoë@example.net",)), SES_LIMITS)


def test_many_recipients_are_folded_and_kept_apart() -> None:
    """Three hundred of them come back, names with commas too."""
    given_to = tuple(f'"Name, {number}" <user{number}@example.net>' for number in range(300))
    message = parsed(
        replace(PLAIN, to=given_to, cc=("cy@example.net",), reply_to=("re@example.com", "Zoë <z@e.example>"))
    )
    assert [one.addr_spec for one in message["to"].addresses] == [f"user{number}@example.net" for number in range(300)]
    assert message["to"].addresses[7].display_name == "Name, 7"
    assert [one.display_name for one in message["reply-to"].addresses] == ["", "Zoë"]


def test_long_words_get_a_line_of_their_own() -> None:
    """A URL is not broken; one that no line can hold is refused."""
    url = "<https://example.com/" + "u" * 900 + ">"
    assert parsed(replace(PLAIN, headers=(("List-Unsubscribe", url),)))["list-unsubscribe"] == url
    with pytest.raises(ComposeError, match="longer than a line"):
        compose(replace(PLAIN, headers=(("List-Unsubscribe", "u" * 1_500),)))


@pytest.mark.parametrize("row", REFUSED, ids=[row["id"] for row in REFUSED])
def test_what_would_become_something_else_is_refused(row: dict[str, Any]) -> None:
    """Line ends and controls in any field, headers that others make, types and ids that end their field."""
    changes = {name: _value(name, value) for name, value in row["mail"].items()}
    limits = SES_LIMITS if row.get("ses") else None
    with pytest.raises(ComposeError) as refused:
        compose(replace(PLAIN, **changes), *([limits] if limits else []))
    assert str(refused.value).startswith(row["where"])
    assert str(refused.value).isprintable()


def _value(name: str, value: Any) -> Any:
    match name:
        case "headers":
            return tuple((key, text * row_times) for key, text, row_times in value)
        case "attachments":
            return tuple(Attachment(**{"content": b"x", "file_name": "x", **one}) for one in value)
        case "to" | "cc" | "reply_to":
            return tuple(value)
        case "text" | "html":
            return None if value is None else Body(**_repeated(value))
        case _:
            return value


def _repeated(body: dict[str, Any]) -> dict[str, Any]:
    times = body.get("times", 1)
    return {name: text * times if name == "content" else text for name, text in body.items() if name != "times"}


def test_an_attached_message_keeps_its_lines() -> None:
    """A message inside is never in base64 (RFC 2046 section 5.2.1), so it must be safe as it is."""
    inner = compose(PLAIN)
    attached = Attachment(file_name="m.eml", content=inner, content_type="message/rfc822")
    assert inner in compose(replace(PLAIN, attachments=(attached,)))
    with pytest.raises(ComposeError, match=r"attachments\[0\]\.content:"):
        compose(replace(PLAIN, attachments=(replace(attached, content=b"mixed\r\nlines\n"),)))
    unix = replace(attached, content=inner.replace(b"\r\n", b"\n"))
    assert inner in compose(replace(PLAIN, attachments=(unix,))), "as files of mail are kept on most machines"


@pytest.mark.thorough
def test_large_mail_is_made_in_turns_and_is_the_same() -> None:
    """Whoever gives way between the steps gets the same octets, and no step takes long."""
    content = "ä line of text\r\n" * 200_000
    mail = replace(
        PLAIN,
        text=Body(content=content),
        attachments=(Attachment(file_name="a.bin", content=bytes(range(256)) * 40_000),),
    )

    async def both() -> None:
        assert await compose_in_turns(mail) == compose(mail)

    asyncio.run(both())
    text, attached = parsed(mail).iter_parts()
    assert cast(bytes, text.get_payload(decode=True)).decode() == content
    assert attached.get_payload(decode=True) == bytes(range(256)) * 40_000


@given(
    subject=TRICKY,
    name=TRICKY,
    value=TRICKY,
    header=st.just("Note-2") | st.text("ab-:\r\n \xe4", max_size=8),
    file_name=TRICKY,
    content_type=st.sampled_from(["", "text/plain", 'image/png; name="a b"']) | TRICKY,
    content_id=st.sampled_from(["", "<logo@x>"]) | TRICKY,
    description=TRICKY,
)
def test_whatever_is_given_becomes_nothing_else(
    subject: str,
    name: str,
    value: str,
    header: str,
    file_name: str,
    content_type: str,
    content_id: str,
    description: str,
) -> None:
    """Any text in any field is refused, or the message has exactly the fields and parts that were asked for."""
    attachment = Attachment(
        file_name=file_name,
        content=b"x",
        content_type=content_type,
        content_id=content_id,
        description=description,
    )
    mail = replace(
        PLAIN,
        from_=Mailbox(address="shop@example.com", name=name),
        subject=subject,
        headers=(("X-Note", value), (f"X-{header}", "y")),
        attachments=(attachment,),
    )
    try:
        octets = compose(mail)
    except ComposeError:
        return
    block = cut(octets)
    assert isinstance(block, HeaderBlock)
    names = [field.partition(b":")[0] for field in block.kept]
    own = f"X-{header}".encode()
    assert names == [b"From", b"To", b"Subject", b"X-Note", own, b"MIME-Version", b"Content-Type"]
    message = email.message_from_bytes(octets)
    _, text, attached = message.walk()
    assert text.get_content_type() == "text/plain"
    assert set(attached.keys()) <= {
        "Content-Type",
        "Content-Disposition",
        "Content-ID",
        "Content-Description",
        "Content-Transfer-Encoding",
    }
    assert attached.get_payload(decode=True) == b"x"


@given(content=st.text(st.sampled_from("\r\nab \xe4\u540d\U0001f600"), max_size=400), attached=st.binary(max_size=400))
def test_steps_do_not_change_what_is_made(content: str, attached: bytes) -> None:
    """Wherever a large body or file is cut: between CR and LF, inside a line of base64."""
    attachment = Attachment(file_name="a.bin", content=attached)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose_parts, "STEP", 57)
        text, file = parsed(replace(PLAIN, text=Body(content=content), attachments=(attachment,))).iter_parts()
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    assert cast(bytes, text.get_payload(decode=True)).decode().replace("\r\n", "\n") == lines
    assert file.get_payload(decode=True) == attached
