"""Mail in many languages and their old charsets."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import Mail, b64, b_words, body, both, logo, multi, page, part, pdf, plain, q_words, qp, quoted, raw, rfc2231, top
from tests.corpus.mime.tongues import TONGUES


def every_tongue() -> Iterator[Mail]:
    """Each language in one of the four commonest shapes."""
    for number, t in enumerate(TONGUES):
        match number % 4:
            case 0:
                yield Mail(family="text-base64", name=t.code, content=raw(top(t, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64") + "\r\n" + b64(body(t).encode())))
            case 1:
                yield Mail(family="alternative", name=t.code, content=raw(top(t, subject=q_words(t.subject)) + both(t, f"alt-{t.code}")))
            case 2:
                mixed = multi("mixed", [both(t, f"in-{t.code}"), pdf(f"filename*={rfc2231(t.file)}")], f"=_mix_{t.code}")
                yield Mail(family="attachment-2231", name=t.code, content=raw(top(t) + mixed))
            case _:
                related = multi("related", [page(t, "cid:logo@example.com"), logo()], f"rel.{t.code}")
                yield Mail(family="inline-image", name=t.code, content=raw(top(t) + multi("alternative", [plain(t), related], f"alt.{t.code}")))


def old_charsets() -> Iterator[Mail]:
    """Mail as older programs write it: the language's own charset in words, text and file names."""
    for t in TONGUES:
        if t.charset in ("utf-8", "us-ascii"):
            continue
        said = body(t).encode(t.charset, "replace")
        seven = t.charset == "iso-2022-jp"
        encoding = "7bit" if seven else "base64"
        inside = said if seven else b64(said).encode()
        head = top(t, f"Content-Type: text/plain; charset={t.charset}", f"Content-Transfer-Encoding: {encoding}", subject=b_words(t.subject, t.charset), sender=f"{b_words(t.name, t.charset)} <noreply@example.com>")
        yield Mail(family="old-charset", name=t.code, content=raw(head + "\r\n") + inside)
        name = f'filename="{b_words(t.file, t.charset)}"'
        attached = multi("mixed", [part(f"text/plain; charset={t.charset}", qp(body(t), t.charset), "Content-Transfer-Encoding: quoted-printable"), pdf(name)], "----=_NextPart_000_0001")
        yield Mail(family="outlook-name", name=t.code, content=raw(top(t, "X-Mailer: Outlook Express") + attached))
