"""The pieces that messages are made of: encoded words, encodings, parts, and the entry of a whole message."""

import base64
import quopri
from collections.abc import Callable
from dataclasses import dataclass

from tests.corpus.mime.tongues import Tongue


PDF = b"%PDF-1.4\n" + bytes(range(256)) * 3 + b"\n%%EOF\n"


PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


CSV = "order;amount\r\n4711;12,50\r\n4712;1.000,00\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message of the corpus."""

    family: str
    name: str
    content: bytes
    recompose: str = "yes"
    sendgrid: str = ""
    postmark: str = ""
    """Where this provider is another matter; empty: it is not."""
    recipients: tuple[str, ...] = ("anna@example.org",)


def b_words(text: str, charset: str = "utf-8") -> str:
    """Encoded words in base64, short enough each, folded."""
    return _words(text, charset, lambda raw: f"=?{charset}?B?{base64.b64encode(raw).decode()}?=")


def q_words(text: str, charset: str = "utf-8") -> str:
    """Encoded words in Q."""

    def word(raw: bytes) -> str:
        safe = "".join(chr(c) if chr(c).isascii() and chr(c).isalnum() else "_" if c == 32 else f"={c:02X}" for c in raw)
        return f"=?{charset}?Q?{safe}?="

    return _words(text, charset, word)


def _words(text: str, charset: str, word: Callable[[bytes], str]) -> str:
    if text.isascii():
        return text
    found, piece = [], ""
    for character in text:
        if len(word((piece + character).encode(charset, "replace"))) > 70:
            found.append(word(piece.encode(charset, "replace")))
            piece = ""
        piece += character
    return "\r\n ".join([*found, word(piece.encode(charset, "replace"))])


def b64(raw: bytes) -> str:
    """Base64 in lines."""
    return base64.encodebytes(raw).decode().replace("\n", "\r\n")


def qp(text: str, charset: str = "utf-8") -> str:
    """Quoted-printable in lines."""
    raw = quopri.encodestring(text.encode(charset, "replace"), quotetabs=False).decode()
    return raw.replace("\r\n", "\n").replace("\n", "\r\n")


def rfc2231(text: str) -> str:
    """A file name as one extended parameter (RFC 2231)."""
    return "utf-8''" + "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() or b == 46 else f"%{b:02X}" for b in text.encode())


def rfc2231_parts(text: str, key: str = "filename") -> str:
    """A file name continued over several parameters."""
    raw = "".join(f"%{b:02X}" for b in text.encode())
    pieces = [raw[at : at + 30] for at in range(0, len(raw), 30)]
    first = f"{key}*0*=utf-8''{pieces[0]}"
    return ";\r\n ".join([first, *(f"{key}*{n}*={piece}" for n, piece in enumerate(pieces[1:], 1))])


def top(t: Tongue, *more: str, subject: str | None = None, to: str = "Anna <anna@example.org>", sender: str | None = None) -> str:
    """The usual header."""
    lines = [
        f"From: {sender or f'{quoted(t.name)} <noreply@example.com>'}",
        f"To: {to}",
        f"Subject: {b_words(t.subject) if subject is None else subject}",
        "Date: Tue, 24 Nov 2026 10:00:00 +0100",
        f"Message-ID: <{t.code}.{len(more)}@example.com>",
        "MIME-Version: 1.0",
        *more,
    ]
    return "\r\n".join(lines) + "\r\n"


def quoted(name: str) -> str:
    """A display name."""
    return f'"{name}"' if name.isascii() else b_words(name)


def body(t: Tongue) -> str:
    """Some text."""
    return f"{t.hello}\r\n\r\n{t.text}\r\n\r\n-- \r\n{t.name}\r\n"


def html(t: Tongue, image: str = "") -> str:
    """The same as a page."""
    picture = f'<img src="{image}" alt="logo">' if image else ""
    return f'<!DOCTYPE html>\r\n<html lang="{t.code}"><body>{picture}<h1>{t.hello}</h1>\r\n<p>{t.text} &amp; more</p></body></html>\r\n'


def part(kind: str, text: str, *more: str) -> str:
    """One part with its header."""
    return "\r\n".join([f"Content-Type: {kind}", *more]) + "\r\n\r\n" + text


def plain(t: Tongue) -> str:
    """A text part in quoted-printable."""
    return part("text/plain; charset=utf-8", qp(body(t)), "Content-Transfer-Encoding: quoted-printable")


def page(t: Tongue, image: str = "") -> str:
    """An HTML part in base64."""
    return part("text/html; charset=utf-8", b64(html(t, image).encode()), "Content-Transfer-Encoding: base64")


def multi(kind: str, parts: list[str], boundary: str, *more: str) -> str:
    """A multipart: its Content-Type field, an empty line, its parts."""
    inside = "".join(f"--{boundary}\r\n{one.removesuffix(chr(13) + chr(10))}\r\n" for one in parts)
    head = "\r\n".join([f'Content-Type: multipart/{kind}; boundary="{boundary}"', *more])
    return f"{head}\r\n\r\n{inside}--{boundary}--\r\n"


def pdf(name: str = 'filename="receipt.pdf"', kind: str = "application/pdf") -> str:
    """An attachment."""
    return part(kind, b64(PDF), f"Content-Disposition: attachment;\r\n {name}", "Content-Transfer-Encoding: base64")


def logo(cid: str = "logo@example.com", name: str = "logo.png") -> str:
    """An inline image."""
    return part(f'image/png; name="{name}"', b64(PNG), f"Content-ID: <{cid}>", f'Content-Disposition: inline; filename="{name}"', "Content-Transfer-Encoding: base64")


def both(t: Tongue, boundary: str, image: str = "") -> str:
    """Text and HTML as alternatives."""
    return multi("alternative", [plain(t), page(t, image)], boundary)


def raw(text: str) -> bytes:
    """As bytes."""
    return text.encode("utf-8")


def typed(text: str) -> bytes:
    """A whole message as it is typed here: lines end in CRLF, letters are UTF-8."""
    return text.lstrip("\n").replace("\n", "\r\n").encode()
