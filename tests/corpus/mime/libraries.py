"""What libraries make of everyday mail."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import CSV, Mail, PDF, PNG, b64, b_words, both, html, logo, multi, page, part, pdf, plain, quoted, raw, top
from tests.corpus.mime.tongues import DE, EN


def libraries() -> Iterator[Mail]:
    """What the libraries of applications make, each in its own spelling."""
    def one(name: str, content: str, **more: str) -> Mail:
        return Mail(family="library", name=name, content=raw(top(EN) + content), **more)  # type: ignore[arg-type]

    def attached(kind: str, name: str, content: bytes = PDF, *more: str) -> str:
        return part(kind, b64(content), f'Content-Disposition: attachment; filename="{name}"', "Content-Transfer-Encoding: base64", *more)

    ics = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:7@example.com\r\nSUMMARY:Gr\xc3\xb6\xc3\x9fe\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    shown = page(EN, "cid:logo@x")
    image = b64(PNG)
    invitation = part("text/calendar; charset=utf-8; method=REQUEST", b64(ics), "Content-Transfer-Encoding: base64")
    # Python's email.message and Django
    nameless = part("image/png", image, "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>", "MIME-Version: 1.0", "Content-Disposition: inline")
    yield one("python-related", multi("mixed", [multi("alternative", [plain(EN), multi("related", [shown, nameless], "p2")], "p1"), attached("text/csv; charset=utf-8", "a.csv", CSV.encode())], "p0"))
    yield one("python-attachment-alone", multi("mixed", [attached("application/pdf", "a.pdf")], "pa"))
    yield one("python-empty-text", part("text/plain; charset=utf-8", "\r\n", "Content-Transfer-Encoding: 7bit"))
    yield one("django-image", multi("mixed", [multi("alternative", [plain(EN), shown], "d1"), part("image/png", image, "MIME-Version: 1.0", "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>")], "d0"))
    yield one("django-no-text", multi("mixed", [part("text/plain; charset=utf-8", "", "MIME-Version: 1.0", "Content-Transfer-Encoding: 7bit"), attached("application/pdf", "a.pdf")], "dn"))
    yield one("django-parameter", multi("mixed", [plain(EN), attached('text/csv; header="present"; charset="utf-8"', "a.csv", CSV.encode())], "dp"))
    yield one("django-message", multi("mixed", [plain(EN), part("message/rfc822", top(DE) + plain(DE), "MIME-Version: 1.0", 'Content-Disposition: attachment; filename="f.eml"')], "dm"), recompose="message/rfc822 attached: it would arrive encoded, and few readers could open it (part 2)")
    yield one("django-calendar", multi("alternative", [plain(EN), part('text/calendar; method="REQUEST"; charset="utf-8"', ics.decode().replace("Größe", "Size"), "MIME-Version: 1.0", "Content-Transfer-Encoding: 7bit")], "dc"), postmark="calendar as an alternative")
    # nodemailer
    yield one("nodemailer-attachment-alone", part("application/pdf; name=a.pdf", b64(PDF), "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=a.pdf"))
    yield one("nodemailer-two-attachments", multi("mixed", [attached("application/pdf; name=a.pdf", "a.pdf"), attached("text/csv; name=b.csv", "b.csv", CSV.encode())], "--_NmP-1"))
    yield one("nodemailer-invitation", multi("mixed", [multi("alternative", [plain(EN), page(EN), invitation], "--_NmP-2"), attached("application/ics; name=invite.ics", "invite.ics", ics)], "--_NmP-1"), postmark="calendar as an alternative")
    yield one("nodemailer-folder", multi("mixed", [plain(EN), attached('text/csv; name="r/2.csv"', "r/2.csv", CSV.encode())], "--_NmP-1"))
    yield one("nodemailer-message", multi("mixed", [plain(EN), part("message/rfc822; name=m.eml", top(DE) + plain(DE), "Content-Disposition: inline; filename=m.eml")], "--_NmP-1"), recompose="message/rfc822")
    # Rails: a file name in Content-Type, an id on every file
    def rails(kind: str, name: str, disposition: str, cid: str) -> str:
        return part(f"{kind};\r\n filename={name}", b64(PNG), "Content-Transfer-Encoding: base64", f"Content-Disposition: {disposition};\r\n filename={name}", f"Content-ID: <{cid}>")
    yield one("rails-mixed", multi("mixed", [multi("alternative", [plain(EN), page(EN, "cid:1@a.mail")], "--==_m1"), rails("image/png", "logo.png", "inline", "1@a.mail"), rails("application/pdf", "a.pdf", "attachment", "2@a.mail")], "--==_m0", "Content-Transfer-Encoding: 7bit"))
    yield one("rails-attachment-alone", rails("application/pdf", "a.pdf", "attachment", "3@a.mail"))
    # Spring and Jakarta Mail
    yield one("spring-text", multi("mixed", [multi("related", [plain(EN)], "----=_Part_1_2.3"), attached("application/pdf; name=a.pdf", "a.pdf", PDF, "Content-Description: our receipt")], "----=_Part_0_1.2"))
    yield one("spring-inline", multi("mixed", [multi("related", [shown, part("image/png", image, "Content-Transfer-Encoding: base64", "Content-Disposition: inline", "Content-ID: <logo@x>")], "----=_Part_1_2.3")], "----=_Part_0_1.2"))
    yield one("flowed-deep", part("text/plain; charset=us-ascii; format=flowed", ">> one \r\n>> two\r\n> three \r\n>four \r\nfive \r\n six\r\n>\r\n-- \r\nKim \r\n-- \r\nend\r\n"))
    yield one("jakarta-file-first", multi("mixed", [attached("application/pdf; name=a.pdf", "a.pdf"), plain(EN)], "----=_Part_0_1.2"))
    # Symfony, PHPMailer, .NET, Exchange
    yield one("symfony-inline", multi("related", [both(EN, "sf1", "cid:logo@x"), part('image/png; name="logo"', image, "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>", 'Content-Disposition: inline; name="logo"; filename="logo"')], "sf0"))
    yield one("dotnet-linked", multi("mixed", [multi("alternative", [plain(EN), multi("related", [shown, part("image/png", image, "Content-Transfer-Encoding: base64", "Content-ID: <logo@x>")], "--boundary_2")], "--boundary_1"), part("application/octet-stream; name=a.bin", b64(PDF), "Content-Transfer-Encoding: base64", "Content-Disposition: attachment")], "--boundary_0"), postmark=".bin")
    yield one("exchange-invitation", multi("alternative", [plain(EN), page(EN), invitation.replace("method=REQUEST", "method=CANCEL")], "_000_", "Content-Class: urn:content-classes:calendarmessage"), sendgrid="not REQUEST", postmark="calendar as an alternative")
    cron = raw(top(EN, "X-Cron-Env: <SHELL=/bin/sh>", "X-Cron-Env: <PATH=/usr/bin:/bin>", "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit", sender="root@example.com (Cron Daemon)") + "\r\ndone\r\n")
    yield Mail(family="library", name="cron", content=cron, sendgrid="more than once")
    yield Mail(family="library", name="php-mail", content=raw(top(EN).replace("MIME-Version: 1.0\r\n", "X-PHP-Originating-Script: 0:a.php\r\n") + page(EN)))
    yield Mail(family="library", name="quoted-word", content=raw(top(DE, sender=f'"{b_words("Müller & Söhne")}" <noreply@example.com>') + plain(DE)))
    yield Mail(family="library", name="php-eight-bit", content=raw(top(DE, "Content-type: text/html; charset=utf-8").replace("MIME-Version: 1.0\r\n", "") + "\r\n" + html(DE)))
    yield one("empty-fields", plain(EN).replace("Content-Type", "Cc: \r\nReply-To:\r\nX-Empty:\r\nContent-Type", 1))
    # what both, or one, cannot have
    yield one("script-for-postmark", multi("mixed", [plain(EN), attached("application/octet-stream", "setup.exe")], "ex"), postmark="ends in .exe")
    yield one("old-charset-file", multi("mixed", [plain(DE), attached("text/csv; charset=iso-8859-1", "a.csv", "Größe;1\r\n".encode("latin-1"))], "oc"), sendgrid="parameter charset")
    yield one("attached-first-of-texts", multi("mixed", [part("text/plain; charset=utf-8", "a file\r\n", 'Content-Disposition: attachment; filename="first.txt"'), page(EN)], "af"))
    yield one("nameless-unheard-of", multi("mixed", [plain(EN), part("application/vnd.example", b64(PDF), "Content-Transfer-Encoding: base64", "Content-Disposition: attachment")], "nu"))
    yield one("inline-file", multi("mixed", [plain(EN), part('application/pdf; name="a.pdf"', b64(PDF), 'Content-Disposition: inline; filename="a.pdf"', "Content-Transfer-Encoding: base64")], "if"))
    yield one("footer", multi("mixed", [plain(EN), part("text/plain; charset=utf-8", "-- \r\na list\r\n")], "fo"), recompose="another text/plain beside the text, not attached (part 2)")
    yield one("text-and-empty-html", multi("alternative", [plain(EN), part("text/html", "\r\n")], "te"), recompose="an empty HTML")
    yield one("html-before-text", multi("alternative", [page(EN), plain(EN)], "ht"), recompose="alternatives")
    yield one("climbing-name", multi("mixed", [plain(EN), attached("application/pdf", "../../a.pdf")], "cn"), recompose="file name")
    yield one("id-without-brackets", multi("mixed", [shown, part("image/png", image, "Content-ID: logo@x", "Content-Transfer-Encoding: base64")], "ib"), recompose="malformed Content-ID")
