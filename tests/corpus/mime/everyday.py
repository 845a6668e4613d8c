"""What applications send every day, and to whom."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import CSV, Mail, b64, b_words, body, both, html, logo, multi, page, part, pdf, plain, q_words, quoted, raw, top
from tests.corpus.mime.tongues import AR, DE, EN, JA, RU, ZH


def everyday() -> Iterator[Mail]:
    """What applications send every day."""
    code = "Your code is 123456. It is good for ten minutes.\r\n"
    yield Mail(family="everyday", name="one-time-code", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii", subject="123456 is your code") + "\r\n" + code))
    yield Mail(family="everyday", name="no-content-type", content=raw(top(EN) + "\r\n" + code))
    yield Mail(family="everyday", name="html-only", content=raw(top(DE) + page(DE)))
    yield Mail(family="everyday", name="flowed", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii; format=flowed; delsp=yes") + "\r\nThis line flows \r\non and on \r\nto its end.\r\n"))
    yield Mail(family="everyday", name="dots", content=raw(top(EN) + "\r\n.\r\n..\r\n...x\r\n.end\r\n"))
    yield Mail(family="everyday", name="eight-bit", content=raw(top(DE, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit") + "\r\n" + body(DE)))
    yield Mail(family="everyday", name="quoted-printable-odd", content=raw(top(DE, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable") + "\r\nGr=C3=BC=C3=9Fe =3D soft=\r\n and =20\r\n=46rom here\r\n"))
    yield Mail(family="everyday", name="newsletter", content=raw(top(EN, "List-ID: News <news.example.com>", "List-Unsubscribe: <https://example.com/u/1>, <mailto:u@example.com>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Precedence: bulk", "Feedback-ID: spring:news:example") + both(EN, "news")))
    yield Mail(family="everyday", name="reply", content=raw(top(EN, "In-Reply-To: <q@example.org>", "References: <a@example.org>\r\n <b@example.org>\r\n <q@example.org>", subject="Re: question", to="Anna <anna@example.org>") + "\r\n> so?\r\n\r\nyes\r\n"))
    yield Mail(family="everyday", name="auto-reply", content=raw(top(EN, "Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All") + "\r\nI am away.\r\n"))
    yield Mail(family="everyday", name="priority", content=raw(top(EN, "X-Priority: 1 (Highest)", "Importance: high", "X-Custom-Thing: a; b=c, d") + "\r\nnow\r\n"))
    yield Mail(family="everyday", name="reply-to", content=raw(top(DE, f"Reply-To: {b_words('Kundendienst für alle')} <help@example.com>") + both(DE, "rt")))
    yield Mail(family="everyday", name="invoice", content=raw(top(DE) + multi("mixed", [both(DE, "i1"), pdf('filename="invoice.pdf"'), part('text/csv; charset=utf-8; name="lines.csv"', b64(CSV.encode()), 'Content-Disposition: attachment; filename="lines.csv"', "Content-Transfer-Encoding: base64")], "i0")))
    yield Mail(family="everyday", name="two-images", content=raw(top(EN) + multi("related", [page(EN, "cid:a@x"), logo("a@x", "a.png"), logo("b@x", "b.png")], "two")))
    yield Mail(family="everyday", name="empty-body", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii") + "\r\n"))
    yield Mail(family="everyday", name="no-subject", content=raw(top(EN).replace(f"Subject: {EN.subject}\r\n", "") + "\r\nno subject at all\r\n"), sendgrid="no subject")
    yield Mail(family="everyday", name="empty-attachment", content=raw(top(EN) + multi("mixed", [plain(EN), part("application/octet-stream", "", 'Content-Disposition: attachment; filename="empty.bin"', "Content-Transfer-Encoding: base64")], "ea")), recompose="an empty file (part 2)")
    yield Mail(family="everyday", name="same-names", content=raw(top(EN) + multi("mixed", [plain(EN), pdf('filename="a.pdf"'), pdf('filename="a.pdf"')], "sn")))
    yield Mail(family="everyday", name="long-lines", content=raw(top(EN) + "\r\n" + "x" * 990 + "\r\n" + "y" * 990 + "\r\n"))
    flowed = "Content-Type: text/plain; charset=us-ascii; format=flowed"
    yield Mail(family="everyday", name="flowed-short", content=raw(top(EN, flowed, "Content-Language: en-US", "User-Agent: Mozilla Thunderbird") + "\r\nSee you on Thursday.\r\n\r\n-- \r\nKim\r\n"))
    yield Mail(family="everyday", name="flowed-stuffed", content=raw(top(EN, flowed) + "\r\n From here on\r\n"))
    yield Mail(family="everyday", name="flowed-quoted", content=raw(top(EN, flowed) + "\r\n> so?\r\nyes\r\n"))
    yield Mail(family="everyday", name="fixed", content=raw(top(EN, "Content-Type: text/plain; charset=us-ascii; format=fixed") + "\r\n a line \r\n> quoted\r\n"))
    empty = part("text/plain; charset=utf-8", "\r\n")
    yield Mail(family="everyday", name="empty-beside-html", content=raw(top(EN) + multi("alternative", [empty, page(EN)], "eb")))
    yield Mail(family="everyday", name="empty-with-file", content=raw(top(EN) + multi("mixed", [empty, pdf()], "ef")))
    yield Mail(family="everyday", name="empty-behind-file", content=raw(top(EN) + multi("mixed", [plain(EN), pdf(), empty], "eb1")))
    yield Mail(family="everyday", name="empty-around-file", content=raw(top(EN) + multi("mixed", [empty, pdf(), plain(EN)], "eb2")))
    yield Mail(family="everyday", name="two-texts-around-file", content=raw(top(EN) + multi("mixed", [plain(EN), pdf(), plain(EN)], "eb3")), recompose="another text/plain beside the text")
    yield Mail(family="everyday", name="flowed-empty-lines", content=raw(top(EN, flowed) + "\r\nHello, \r\n\r\nthis line flows \r\nto here. \r\n\r\nKim\r\n"))
    numbered = pdf().replace("Content-Transfer", "Content-ID: <f_lx1>\r\nX-Attachment-Id: f_lx1\r\nContent-Transfer", 1)
    yield Mail(family="everyday", name="webmail", content=raw(top(EN) + multi("mixed", [both(EN, "w0"), numbered], "w1")))
    yield Mail(family="everyday", name="webmail-named", content=raw(top(EN) + multi("mixed", [both(EN, "w0", "cid:f_lx1"), numbered], "w1")))
    yield Mail(family="everyday", name="webmail-named-oddly", content=raw(top(EN) + multi("mixed", [both(EN, "w0", "c&#105;d:f_lx1"), numbered], "w1")))
    modes = logo().replace('; name="logo.png"', ';\r\n\tx-unix-mode=0644;\r\n\tname="logo.png"')
    yield Mail(family="everyday", name="unix-mode", content=raw(top(EN) + multi("alternative", [plain(EN), multi("related", [page(EN, "cid:logo@example.com"), modes], "um1")], "um0")))
    described = logo().replace("Content-ID", "Content-Description: logo.png\r\nContent-ID", 1)
    yield Mail(family="everyday", name="described", content=raw(top(EN, "Thread-Topic: order", "Accept-Language: en-US", "Content-Language: en-US") + multi("related", [both(EN, "de1", "cid:logo@example.com"), described], "de0")))
    yield Mail(family="everyday", name="described-otherwise", content=raw(top(EN) + multi("related", [page(EN, "cid:logo@example.com"), described.replace("Description: logo.png", "Description: our logo")], "do")))
    yield Mail(family="everyday", name="language-of-a-part", content=raw(top(EN) + multi("mixed", [part("text/plain; charset=us-ascii", "hi\r\n", "Content-Language: en"), pdf()], "lp")))
    yield Mail(family="everyday", name="vcard", content=raw(top(EN) + multi("mixed", [plain(EN), part("text/vcard; charset=utf-8", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nEND:VCARD\r\n", 'Content-Disposition: attachment; filename="anna.vcf"')], "vc")))


def recipients() -> Iterator[Mail]:
    """Who receives it: several, groups, hidden ones, odd spellings."""
    many = [f"p{n}@example.org" for n in range(40)]
    yield Mail(family="recipients", name="to-and-cc", content=raw(top(EN, 'Cc: "Bob, the" <bob@example.net>, carol@example.net') + both(EN, "tc")), recipients=("anna@example.org", "bob@example.net", "carol@example.net"), sendgrid="comma")
    yield Mail(family="recipients", name="blind", content=raw(top(EN) + both(EN, "bl")), recipients=("anna@example.org", "hidden@example.net"))
    yield Mail(family="recipients", name="forty", content=raw(top(EN, to=",\r\n ".join(many)) + "\r\nall of you\r\n"), recipients=tuple(many))
    yield Mail(family="recipients", name="comma-at-the-end", content=raw(top(EN, "Cc: , bob@example.net,", to="anna@example.org,") + "\r\nhello\r\n"), recipients=("anna@example.org", "bob@example.net"))
    yield Mail(family="recipients", name="address-as-name", content=raw(top(EN, to="anna@example.org <anna@example.org>") + "\r\nhello\r\n"), recompose="malformed display name")
    yield Mail(family="recipients", name="undisclosed", content=raw(top(EN, to="undisclosed-recipients:;") + "\r\nyou know who\r\n"), recipients=("anna@example.org",), recompose="no plain form")
    yield Mail(family="recipients", name="a-list", content=raw(top(EN, to="list@lists.example.org") + "\r\nto the list\r\n"), recipients=("anna@example.org",), recompose="not among")
    yield Mail(family="recipients", name="comments", content=raw(top(EN, to="anna@example.org (Anna (the first))") + "\r\nhello\r\n"), recompose="no plain form")
    yield Mail(family="recipients", name="quoted-local", content=raw(top(EN, to='"anna smith"@example.org') + "\r\nhello\r\n"), recipients=('"anna smith"@example.org',), recompose="no plain form")
    yield Mail(family="recipients", name="group", content=raw(top(EN, to="Team: anna@example.org, bob@example.net;") + "\r\nteam\r\n"), recipients=("anna@example.org", "bob@example.net"), recompose="no plain form")
    yield Mail(family="recipients", name="upper-case", content=raw(top(EN, to="ANNA@EXAMPLE.ORG") + "\r\nhello\r\n"))
    for t in (DE, RU, JA, AR, ZH):
        yield Mail(family="recipients", name=f"named-{t.code}", content=raw(top(t, to=f"{b_words(t.name)} <anna@example.org>", subject=q_words(t.subject)) + both(t, f"nm-{t.code}")))
