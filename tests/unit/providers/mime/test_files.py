"""Files of a message: what is kept of them, where they are shown, what no reader shows."""

import base64

import pytest

from posthorse.providers.mime.dissect import dissect
from posthorse.providers.mime.dissection import Dissected, File, Undissected

TOP = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


def mixed(*parts: str, page: str = "") -> Dissected | Undissected:
    """A message of these parts behind a text, or an HTML."""
    text = f"Content-Type: text/html\r\n\r\n{page}" if page else "\r\nHello"
    inside = "".join(f"--b\r\n{part}\r\n" for part in (text, *parts))
    return dissect(TOP + f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{inside}--b--\r\n".encode())


def files(dissection: Dissected | Undissected) -> tuple[File, ...]:
    """Those of a message that was taken apart."""
    assert isinstance(dissection, Dissected), dissection
    return dissection.files


PNG = "Content-Type: image/png\r\nContent-ID: <a@x>"
SHOWN = [
    ("named in the page", PNG, '<img src="cid:a@x">', "a@x"),
    ("named, and attached", PNG + "\r\nContent-Disposition: attachment", "<img src='cid:a@x'>", "a@x"),
    ("named in other letters", PNG, "<img src=CID:A@X>", "a@x"),
    ("an id in other letters", PNG.replace("a@x", "A@x"), '<img src="cid:a@x">', "A@x"),
    ("named with an escape", PNG, '<img src="cid:a%40x">', "a@x"),
    ("named with an entity", PNG, '<img src="c&#105;d:a&#64;x">', "a@x"),
    ("an id with brackets", PNG.replace("a@x", "a(1).png@x"), '<img src="cid:a(1).png@x">', "a(1).png@x"),
    ("an id with a quote", PNG.replace("a@x", "it's@x"), '<img src="cid:it\'s@x">', "it's@x"),
    ("an id with an escape in it", PNG.replace("a@x", "a%41@x"), '<img src="cid:a%41@x">', "a%41@x"),
    ("named in a list", PNG, '<img srcset="cid:a@x,cid:b@x 2x">', "a@x"),
    ("named in a style", PNG, '<p style="background: url(cid:a@x)">', "a@x"),
    ("another is named", PNG, '<img src="cid:other@x">', ""),
    ("a longer one is named", PNG, '<img src="cid:a@xy">', ""),
    ("none is named, attached", PNG + "\r\nContent-Disposition: attachment", "<p>", ""),
    ("none is named, inline", PNG + "\r\nContent-Disposition: inline", "<p>", ""),
    ("no id, inline", "Content-Type: image/png\r\nContent-Disposition: inline", "<p>", ""),
]


@pytest.mark.parametrize(("part", "page", "content_id"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_what_the_page_names_is_shown_in_it(part: str, page: str, content_id: str) -> None:
    """The HTML decides, however it spells the id; what it does not name is an attachment, whatever it says."""
    (file,) = files(mixed(f"{part}\r\n\r\nx", page=page))
    assert file.content_id == content_id


NAMES = [
    ("Content-Type: application/pdf; name=a.pdf", "a.pdf"),
    ("Content-Type: application/pdf; filename=a.pdf", "a.pdf"),
    ('Content-Type: application/pdf; name="a/b.pdf"\r\nContent-Disposition: attachment; filename="a/b.pdf"', "a/b.pdf"),
    ("Content-Type: application/pdf", "unnamed-1.pdf"),
    ("Content-Type: application/unheard-of", "unnamed-1.dat"),
    ("Content-Type: image/jpeg\r\nContent-Disposition: inline; name=x; size=1; voting=no", "unnamed-1.jpg"),
]


@pytest.mark.parametrize(("head", "name"), NAMES)
def test_a_file_has_its_name_or_one_made_up(head: str, name: str) -> None:
    """From any of the three places, folders included; a file without one is numbered."""
    (file,) = files(mixed(f"{head}\r\n\r\nx"))
    assert file.name == name


@pytest.mark.parametrize("name", ["../a", "a/../b", "./a", "/a", "a/", "a//b", "a\\\\b", " a", "a.", "a.txt/.."])
def test_names_that_lead_elsewhere_have_no_place(name: str) -> None:
    """They would be cut or changed on the way."""
    dissection = mixed(f'Content-Type: application/pdf; name="{name}"\r\n\r\nx')
    assert dissection == Undissected(why="a file name that would not arrive as it is (part 2)")


def test_fields_that_nobody_shows_are_let_go() -> None:
    """Descriptions, languages, checksums, old parameters."""
    head = "Content-Type: application/pdf; x-mac-type=1; name=a.pdf\r\nContent-Description: our offer\r\nContent-MD5: x"
    (file,) = files(mixed(f"{head}\r\nContent-Language: en\r\nContent-Disposition:\r\n\r\nx"))
    assert (file.name, file.parameters) == ("a.pdf", ())


CHARSETS = [
    ("iso-2022-jp", b"\x1b$B@h\x1b(B,1", True),
    ("utf-7", b"+AOk-,1", True),
    ("iso-8859-1", b"e,1", False),
    ("iso-8859-1", b"\xe9,1", True),
    ("UTF-8", b"\xc3\xa9,1", False),
    ("us-ascii", b"e,1", False),
]


@pytest.mark.parametrize(("charset", "octets", "kept"), CHARSETS)
def test_the_charset_of_a_file_is_let_go_only_where_it_says_nothing(charset: str, octets: bytes, kept: bool) -> None:
    """Octets of ASCII may be letters of another world, where the charset switches to them."""
    head = TOP + f"Content-Type: text/csv; charset={charset}; name=a.csv\r\n".encode()
    dissection = dissect(head + b"Content-Disposition: attachment\r\n\r\n" + octets + b"\r\n")
    (file,) = files(dissection)
    assert file.parameters == ((("charset", charset),) if kept else ())


WHOLE = [
    ("application/pdf; name=a.pdf", "", "a.pdf"),
    ("text/plain; charset=utf-8", "Content-Disposition: attachment; filename=a.txt\r\n", "a.txt"),
    ("image/png", "Content-ID: <a@x>\r\n", "unnamed-1.png"),
]


@pytest.mark.parametrize(("kind", "more", "name"), WHOLE)
def test_a_file_may_be_the_whole_message(kind: str, more: str, name: str) -> None:
    """Beside it stands an empty line, as a text is demanded."""
    dissection = dissect(TOP + f"Content-Type: {kind}\r\n{more}\r\nx\r\n".encode())
    (file,) = files(dissection)
    assert isinstance(dissection, Dissected)
    assert (file.name, base64.b64decode(file.content)) == (name, b"x\r\n")
    assert bytes(dissection.text or b"") == b'"\\r\\n"'
    assert not dissection.fields


REFUSED = [
    ("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n", "message/rfc822 attached"),
    ("Content-Type: application/pdf; name=a.pdf\r\n\r\n", "an empty file"),
    ("Content-Type: text/plain; name=a.txt\r\n\r\nx", "another text/plain beside the text, not attached"),
    ("Content-Type: text/html\r\nContent-Disposition: inline\r\n\r\nx", "another text/html beside the text"),
    ("Content-Type: image/png; name=a\r\nContent-Disposition: form-data\r\n\r\nx", "a disposition other than"),
    ("Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--", "multipart/mixed in multipart/mixed"),
    ("Content-Type: image/png\r\nContent-Location: http://a/b.png\r\n\r\nx", "name by its Content-Location"),
    ("Content-Type: image/png\r\nContent-ID: a@x\r\n\r\nx", "a malformed Content-ID"),
]


@pytest.mark.parametrize(("part", "why"), REFUSED)
def test_what_has_no_place_is_named_with_its_number(part: str, why: str) -> None:
    """The reason says what it is, and which part."""
    dissection = mixed(
        "Content-Type: application/pdf; name=x\r\n\r\nx", part, page='<img src="cid:z"><img src="b.png">'
    )
    assert isinstance(dissection, Undissected)
    assert why in dissection.why
    assert dissection.why.endswith("(part 3)")
