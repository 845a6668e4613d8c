"""File names and header blocks in every spelling."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import Mail, PDF, b64, b_words, both, multi, part, pdf, plain, q_words, quoted, raw, rfc2231, rfc2231_parts, top
from tests.corpus.mime.tongues import DE, EN, RU


def names() -> Iterator[Mail]:
    """File names in every spelling."""
    spellings = {
        "continued": rfc2231_parts("Rechnung für die sehr große Bestellung im März des Jahres.pdf"),
        "continued-plain": 'filename*0="a very long name that goes on ";\r\n filename*1="and on.pdf"',
        "quoted-pairs": 'filename="a \\"b\\" \\\\ c.pdf"',
        "unquoted": "filename=plain.pdf",
        "both-forms": f"filename=\"fallback.pdf\"; filename*={rfc2231('größe.pdf')}",
        "latin1-2231": "filename*=iso-8859-1'de'gr%F6%DFe.pdf",
        "spaces": 'filename="  two  spaces .pdf"',
        "path": 'filename="C:\\\\Users\\\\anna\\\\file.pdf"',
        "comma": 'filename="a, b; c.pdf"',
        "long": f'filename="{"n" * 200}.pdf"',
        "word-in-2231": "filename*=utf-8''%3D%3Futf-8%3Fq%3Fabc%3F%3D",
        "word-in-continued": rfc2231_parts("=?utf-8?q?abc?= und noch viel mehr.pdf"),
        "word-in-plain-pieces": 'filename*0="=?utf-8?q?a";\r\n filename*1="bc?=.pdf"',
        "word-in-both": "filename=\"=?utf-8?q?abc?=\"; filename*=utf-8''%3D%3Futf-8%3Fq%3Fabc%3F%3D",
    }
    for name, spelled in spellings.items():
        reason = {"quoted-pairs": "file name", "spaces": "file name", "path": "file name", "both-forms": "two meanings", "word-in-2231": "file name", "word-in-continued": "file name", "word-in-plain-pieces": "two meanings", "word-in-both": "two meanings"}.get(name, "yes")
        yield Mail(family="names", name=name, content=raw(top(EN) + multi("mixed", [plain(EN), pdf(spelled)], "nm")), recompose=reason)
    yield Mail(family="names", name="in-type-only", content=raw(top(EN) + multi("mixed", [plain(EN), part('application/pdf; name="only-here.pdf"', b64(PDF), "Content-Disposition: attachment", "Content-Transfer-Encoding: base64")], "nt")))
    yield Mail(family="names", name="none", content=raw(top(EN) + multi("mixed", [plain(EN), part("application/pdf", b64(PDF), "Content-Disposition: attachment", "Content-Transfer-Encoding: base64")], "nn")))


def headers() -> Iterator[Mail]:
    """Huge and unusual header blocks."""
    yield Mail(family="headers", name="references", content=raw(top(EN, "References: " + "\r\n ".join(f"<{n:060}@example.org>" for n in range(200))) + "\r\nlong thread\r\n"))
    yield Mail(family="headers", name="hundred-own", content=raw(top(EN, *(f"X-Own-{n}: value {n}" for n in range(100))) + "\r\nmany\r\n"))
    yield Mail(family="headers", name="eight-kilobytes", content=raw(top(EN, "X-Large: " + "\r\n ".join("v" * 70 for _ in range(110))) + "\r\nlarge\r\n"))
    yield Mail(family="headers", name="folded-with-tabs", content=raw(top(EN, "X-Folded: one\r\n\ttwo\r\n \t three") + "\r\nfolded\r\n"))
    yield Mail(family="headers", name="repeated", content=raw(top(EN, "X-Again: first", "X-Again: second", "Comments: one") + "\r\nrepeated\r\n"), sendgrid="more than once")
    yield Mail(family="headers", name="received", content=raw("Received: from a by b; Tue, 24 Nov 2026 09:00:00 +0100\r\nReceived: from c by a; Tue, 24 Nov 2026 08:59:59 +0100\r\n" + top(EN) + "\r\nrelayed\r\n"))
    yield Mail(family="headers", name="odd-case", content=raw(top(EN, "x-lOwEr: a", "CONTENT-TYPE: TEXT/PLAIN; CHARSET=UTF-8") + "\r\nhello\r\n"))
    yield Mail(family="headers", name="encoded-own", content=raw(top(DE, f"X-Name: {q_words('Größenänderung für alle')}") + both(DE, "en")))
    yield Mail(family="headers", name="long-subject", content=raw(top(RU, subject=b_words(" ".join([RU.subject] * 12))) + both(RU, "ls")))
    yield Mail(family="headers", name="mixed-words", content=raw(top(EN, subject="plain =?utf-8?Q?gr=C3=BC=C3=9Fe?= and =?iso-8859-1?B?5Pb8?=\r\n =?koi8-r?B?8NLJ18XU?= end") + "\r\nwords\r\n"))
    yield Mail(family="headers", name="from-two", content=raw(top(EN, "Sender: anna@example.com", sender="anna@example.com, bob@example.com") + "\r\nboth of us\r\n"), recompose="more than one author")
    yield Mail(family="headers", name="sender-is-author", content=raw(top(EN, "Sender: noreply@example.com") + "\r\nhello\r\n"))
    yield Mail(family="headers", name="sender", content=raw(top(EN, "Sender: robot@example.com") + "\r\non behalf\r\n"), recompose="Sender")
