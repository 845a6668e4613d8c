"""Mail as our own composer makes it, in every shape it has: what the native API and SES's Simple content become."""

from collections.abc import Iterator
from itertools import product

from posthorse.accept.compose import Attachment, Body, Disposition, StructuredMail, compose

TEXTS = ("", "Thank you!\n", "Schöne Grüße\n" * 40)
PAGES = ("", "<p>Thank you!</p>\n", '<p>größer</p><img src="cid:logo@example.com">\n')
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
FILES = (
    Attachment(file_name="receipt.txt", content=b"12.00 EUR"),
    Attachment(file_name="Übersicht März.pdf", content=PNG, content_type="application/pdf"),
    Attachment(file_name="notes", content=b"kept", content_type="text/plain", description="what was said"),
    Attachment(file_name="r/2.csv", content=b"a;b", content_type="text/csv"),
)
LOGO = Attachment(file_name="logo.png", content=PNG, disposition=Disposition.INLINE, content_id="logo@example.com")


def every_shape() -> Iterator[tuple[str, bytes]]:
    """(what it is made of, the message), for anna@example.org and bob@example.net."""
    for text, page, files, inline in product(TEXTS, PAGES, (0, 1, 4), (False, True)):
        if (inline and "cid:" not in page) or not (text or page or files):
            continue
        mail = StructuredMail(
            from_="Größe <shop@example.com>",
            to=("Anna <anna@example.org>",),
            cc=("Bob <bob@example.net>",),
            reply_to=("help@example.com",),
            subject="Your receipt, größer",
            text=Body(content=text) if text else None,
            html=Body(content=page) if page else None,
            headers=(("X-Order", "7"),),
            attachments=(*((LOGO,) if inline else ()), *FILES[:files]),
        )
        date = b"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@example.com>\r\n"
        yield f"{len(text)} {len(page)} {files} {inline}", date + compose(mail)
