"""Letters of the world in every coat: charsets, transfer encodings, encoded words; and the odd corners of the format."""

import base64
from collections.abc import Iterator

from tests.corpus.mime.pieces import PDF, Mail, b64, raw, typed

HEAD = """From: Kim Berg <kim@example.com>
To: anna@example.org
Date: Tue, 24 Nov 2026 10:00:00 +0000
Message-ID: <{name}@example.com>
MIME-Version: 1.0
"""


def head(name: str, *fields: str, subject: str = "letters") -> bytes:
    """A header without its empty line; fields as they are typed, folded with a line feed."""
    return typed("".join([HEAD.format(name=name), f"Subject: {subject}\n", *(f"{field}\n" for field in fields)]))


def text(charset: str, encoding: str) -> tuple[str, str]:
    """The two fields of a text."""
    return f"Content-Type: text/plain; charset={charset}", f"Content-Transfer-Encoding: {encoding}"


def charsets() -> Iterator[Mail]:
    """Texts in charsets, with and without their names."""
    for name, charset, encoding, said in (
        ("iso-2022-jp-shifts", "ISO-2022-JP", "7bit", "会議は三時からです。\r\nABC と 日本語 が混ざる。\r\n"),
        ("shift-jis", "Shift_JIS", "8bit", "表示が崩れる文字:ソ 能 表\r\n"),
        ("euc-jp", "EUC-JP", "8bit", "午後は雨でしょう。\r\n"),
        ("koi8-r-eight-bit", "KOI8-R", "8bit", "Поезд опаздывает на час.\r\n"),
        ("koi8-u-eight-bit", "KOI8-U", "8bit", "Потяг запізнюється: є ще ґанок.\r\n"),
        ("windows-1251-eight-bit", "windows-1251", "8bit", "«Да», — сказал он.\r\n"),
        ("gb18030-eight-bit", "GB18030", "8bit", "今天下午開會,請準時。㐀\r\n"),
        ("gbk-eight-bit", "GBK", "8bit", "货物明天到。\r\n"),
        ("big5-eight-bit", "Big5", "8bit", "貨物許功蓋明天到。\r\n"),
        ("euc-kr-eight-bit", "EUC-KR", "8bit", "내일 만나요.\r\n"),
        ("windows-1255-right-to-left", "windows-1255", "8bit", "הפגישה ב-11:00 (בניין A), תודה!\r\n"),
        ("windows-1256-right-to-left", "windows-1256", "8bit", "الاجتماع في الساعة 11:00 (مبنى A).\r\n"),
        ("windows-1252-typography", "windows-1252", "8bit", "“Twenty” – that’s €20…\r\n"),
    ):
        yield Mail(family="charset", name=name, content=head(name, *text(charset, encoding)) + b"\r\n" + said.encode(charset))
    for name, charset, content, reason in (
        ("macintosh", "macintosh", "Œuvre à rendre — merci.\r\n".encode("mac-roman"), "the charset macintosh"),
        ("windows-letters-in-latin-1", "iso-8859-1", "a dash \x96 here\r\n".encode("latin-1"), "yes"),
        ("windows-letters-not-there", "iso-8859-1", b"no letter: \x81\r\n", "not in its charset iso-8859-1"),
        ("gbk-in-gb2312", "gb2312", "朱镕基，共€5\r\n".encode("gbk", "ignore") + "镕€\r\n".encode("gb18030"), "yes"),
        ("utf-16-base64", "utf-16", "the old way, in sixteen bits ñ\r\n".encode("utf-16"), "the charset utf-16"),
        ("utf-7", "utf-7", "Gr+APwA3w-e in seven bits\r\n".encode(), "the charset utf-7"),
        ("unknown-charset", "x-martian", b"\xb2\xb3 nobody can read this\r\n", "the charset x-martian"),
        ("no-charset-eight-bit", "", "Grüße ohne Angabe\r\n".encode("latin-1"), "not in its charset us-ascii"),
        ("no-charset-utf-8", "", "Grüße ohne Angabe, 午後\r\n".encode(), "yes"),
        ("wrong-charset", "utf-8", "not UTF-8: \xfcber\r\n".encode("latin-1"), "not in its charset utf-8"),
        ("ascii-with-letters", "us-ascii", "Grüße\r\n".encode(), "not in its charset us-ascii"),
        ("byte-order-mark", "utf-8", "\ufeffbegins with a mark\r\n".encode(), "yes"),
    ):
        kind = f"Content-Type: text/plain; charset={charset}" if charset else "Content-Type: text/plain"
        yield Mail(family="charset", name=name, content=head(name, kind, "Content-Transfer-Encoding: base64") + b"\r\n" + base64.encodebytes(content).replace(b"\n", b"\r\n"), recompose=reason)
    bidi = "\u202bעברית\u202c in \u2066English\u2069 \u200fend\u200e\r\n"
    yield Mail(family="charset", name="direction-marks", content=head("bidi", *text("utf-8", "8bit")) + b"\r\n" + raw(bidi))
    yield Mail(family="charset", name="unseen-characters", content=head("unseen", *text("utf-8", "8bit")) + b"\r\n" + raw("soft\u00adhyphen, zero\u200bwidth, no\u00a0break, e\u0301\r\n"))


def words() -> Iterator[Mail]:
    """Encoded words and raw letters in fields."""
    for name, subject, reason in (
        ("folded-between", "=?utf-8?B?R3LDvMOf?=\n =?utf-8?B?ZSBhdXMgV2llbg==?=", "yes"),
        ("folded-inside-a-letter", "=?utf-8?Q?Gr=C3?=\n =?utf-8?Q?=BC=C3=9Fe?=", "not in its charset utf-8"),
        ("folded-inside-a-shift", "=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\n =?ISO-2022-JP?B?GyRCJE4bKEI=?= OK", "yes"),
        ("with-a-language", "=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?= an alle", "yes"),
        ("lower-case", "=?UTF-8?q?gr=c3=bc=c3=9fe?=", "yes"),
        ("space-in-q", "=?utf-8?Q?Gr=C3=BC=C3=9Fe aus Wien?=", "a malformed encoded word"),
        ("longer-than-75", "=?utf-8?Q?" + "=C3=BC" * 30 + "?=", "yes"),
        ("in-quotes", '"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=" said Kim', "runs into other text"),
        ("glued", "pre=?utf-8?Q?=C3=BC?=post", "runs into other text"),
        ("empty-word", "=?utf-8?Q??= nothing", "yes"),
        ("unknown-encoding", "=?utf-8?X?abc?= odd", "a malformed encoded word"),
        ("unknown-charset", "=?x-martian?Q?abc?=", "the charset x-martian"),
        ("underscores", "a_b =?utf-8?Q?c_d=5Fe_=E2=82=AC?= f_g", "yes"),
        ("line-feed-inside", "=?utf-8?B?b25lCnR3bw==?=", "control characters"),
        ("raw-letters", "Grüße – roh", "8-bit characters"),
        ("many-spaces", "  three   spaces   inside  ", "yes"),
        ("folded-at-spaces", "one\n two\n  three\n\tfour", "control characters"),
    ):
        yield Mail(family="words", name=name, content=head(name, *text("us-ascii", "7bit"), subject=subject) + b"\r\nsee the subject\r\n", recompose=reason)


def coats() -> Iterator[Mail]:
    """Transfer encodings as they are found."""
    table = (
        ("quoted-soft-break-in-a-letter", "quoted-printable", b"Gr=C3=\r\n=BC=C3=9Fe\r\n", "yes"),
        ("quoted-trailing-space", "quoted-printable", b"space at the end \r\nand=20\r\n", "yes"),
        ("quoted-lower-case", "quoted-printable", b"gr=c3=bc=c3=9fe\r\n", "yes"),
        ("quoted-broken", "quoted-printable", b"100 =% sure, a=b, =ZZ\r\n", "malformed quoted-printable"),
        ("quoted-raw-letters", "quoted-printable", "Grüße roh und =C3=BC\r\n".encode(), "malformed quoted-printable"),
        ("base64-one-line", "base64", base64.b64encode("Grüße in einer Zeile, die länger ist als sonst üblich, viel länger.\r\n".encode()) + b"\r\n", "yes"),
        ("base64-short-lines", "base64", b"R3LD\r\nvMOf\r\nZSBr\r\ndXJ6\r\n", "yes"),
        ("base64-no-padding", "base64", b"R3LDvMOfZSE\r\n", "malformed base64"),
        ("base64-rubbish", "base64", b"R3LD vMOf-ZSE=\r\n-- \r\nsent by a list\r\n", "malformed base64"),
        ("base64-two-ends", "base64", b"R3LDvMOfZQ==\r\nIHVuZCBtZWhy\r\n", "malformed base64"),
        ("uuencode-declared", "x-uuencode", b"begin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n", "the transfer encoding x-uuencode"),
        ("unknown-coat", "x-wrapped", b"nobody knows how this is wrapped\r\n", "the transfer encoding x-wrapped"),
        ("binary-declared", "binary", "Grüße, binär genannt\r\n".encode(), "yes"),
        ("long-line", "7bit", b"w" * 998 + b"\r\nshort\r\n", "yes"),
        ("very-long-line", "8bit", "ü".encode() * 3_000 + b"\r\n", "yes"),
        ("form-feed-and-bell", "7bit", b"page one\x0cpage two\x07\r\n", "control characters"),
        ("only-empty-lines", "7bit", b"\r\n\r\n\r\n", "yes"),
        ("from-line", "7bit", b"From here on\r\n>From there\r\n", "yes"),
        ("looks-like-a-header", "7bit", b"Subject: not a field\r\n\r\nBcc: neither\r\n", "yes"),
    )
    for name, encoding, content, reason in table:
        yield Mail(family="coat", name=name, content=head(name, *text("utf-8", encoding)) + b"\r\n" + content, recompose=reason)


def corners() -> Iterator[Mail]:
    """Where the format is at its oddest."""

    def one(name: str, fields: str, body: str, **more: str) -> Mail:
        return Mail(family="corner", name=name, content=head(name) + typed(f"{fields}\n\n{body}"), **more)  # type: ignore[arg-type]

    file = b64(PDF).replace("\r\n", "\n")
    yield one("subject-twice", "Subject: another", "two subjects\n", recompose="Subject given twice")
    yield one("date-twice", "Date: Tue, 24 Nov 2026 11:00:00 +0000", "two dates\n")
    yield one("type-twice", "Content-Type: text/plain\nContent-Type: text/html", "<b>which?</b>\n", recompose="Content-Type given twice")
    yield one("commented", "Content-Type: text/plain (plain indeed); charset=us-ascii (really)", "comments\n", recompose="a malformed MIME parameter")
    yield one("comment-in-date", "X-Note: (a note)\nComments: (none)\nKeywords: one,\n two", "comments\n")
    yield one("no-space", "X-Tight:value\nX-Loose:   value\nX-Tab:\tvalue", "spaces\n")
    yield one("space-before-colon", "X-Odd : value", "old style\n", recompose="a malformed header line")
    yield one("very-long-field", "X-Long: " + "a" * 980, "one long line\n")
    yield one("digest-fields", "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\nContent-Language: en\nContent-Location: http://example.com/a\nContent-Base: http://example.com/", "with a checksum\n")
    yield one("semicolon-at-the-end", "Content-Type: text/plain; charset=utf-8;", "an extra semicolon\n")
    yield one("no-subtype", "Content-Type: text", "no subtype\n", recompose="text in multipart/mixed")
    yield one("no-end", 'Content-Type: multipart/mixed; boundary="n"', "--n\nContent-Type: text/plain\n\nnever closed\n", recompose="a multipart without an end")
    yield one("no-parts", 'Content-Type: multipart/mixed; boundary="n"', "--n--\n", recompose="a multipart without parts")
    yield one("empty-parts", 'Content-Type: multipart/mixed; boundary="n"', "--n\n\n\n--n\nContent-Type: text/plain\n\n\n--n--\n")
    yield one("bare-parts", 'Content-Type: multipart/mixed; boundary="n"', "--n\n\na part without fields\n--n--\n")
    yield one("boundary-with-spaces-behind", 'Content-Type: multipart/alternative; boundary="n"', "--n  \nContent-Type: text/plain\n\none\n--n\t\nContent-Type: text/html\n\n<p>one</p>\n--n--  \n")
    yield one("epilogue-like-a-part", 'Content-Type: multipart/mixed; boundary="n"', "before\n--n\nContent-Type: text/plain\n\none\n--n--\nafter\n--n\nContent-Type: text/plain\n\nnot a part\n")
    yield one("missing-boundary", "Content-Type: multipart/mixed", "--n\n\nwhich?\n--n--\n", recompose="without a proper boundary")
    yield one("encoded-multipart", 'Content-Type: multipart/mixed; boundary="n"\nContent-Transfer-Encoding: base64', "--n\n\none\n--n--\n", recompose="an encoded multipart")
    yield one("single-alternative", 'Content-Type: multipart/alternative; boundary="n"', "--n\nContent-Type: text/html; charset=utf-8\n\n<p>alone</p>\n--n--\n")
    yield one("binary-name", 'Content-Type: multipart/mixed; boundary="n"', f'--n\nContent-Type: text/plain\n\nsee the file\n--n\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="Gr\u00fc\u00dfe roh.pdf"\nContent-Transfer-Encoding: base64\n\n{file}--n--\n', recompose="8-bit characters")
    yield one("name-with-control", 'Content-Type: multipart/mixed; boundary="n"', f"--n\nContent-Type: text/plain\n\nsee the file\n--n\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''a%0Ab.pdf\nContent-Transfer-Encoding: base64\n\n{file}--n--\n", recompose="control characters")
    yield one("continued-out-of-order", 'Content-Type: multipart/mixed; boundary="n"', f"--n\nContent-Type: text/plain\n\nsee the file\n--n\nContent-Type: application/pdf\nContent-Disposition: attachment;\n filename*1*=%C3%9Fe.pdf;\n filename*0*=utf-8''Gr%C3%BC\nContent-Transfer-Encoding: base64\n\n{file}--n--\n")
    yield one("continued-with-a-gap", 'Content-Type: multipart/mixed; boundary="n"', f"--n\nContent-Type: text/plain\n\nsee the file\n--n\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*0=a; filename*2=b.pdf\nContent-Transfer-Encoding: base64\n\n{file}--n--\n", recompose="a piece missing")
    yield one("partial", 'Content-Type: message/partial; id="p@example.com"; number=1; total=2', "Subject: the whole\n\nfirst half\n", recompose="message/partial")
    yield one("external-body", 'Content-Type: message/external-body; access-type=URL; URL="https://example.com/a.pdf"', "Content-Type: application/pdf\nContent-ID: <x@example.com>\n\n", recompose="message/external-body")
    yield one("html-with-a-mark", "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit", "\ufeff<!DOCTYPE html><html><body>Gr\u00fc\u00dfe</body></html>\n")
    yield one("html-says-another-charset", "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit", '<html><head><meta charset="iso-8859-1"></head><body>Gr\u00fc\u00dfe</body></html>\n')
