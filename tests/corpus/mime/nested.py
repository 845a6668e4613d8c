"""Parts in parts."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import Mail, PNG, b64, both, html, logo, multi, page, part, pdf, plain, raw, top
from tests.corpus.mime.tongues import DE, EN, RU


def nested() -> Iterator[Mail]:
    """Parts in parts: forwarded mail, reports, digests, deep and wide ones."""
    inner = top(DE) + both(DE, "inner")
    yield Mail(family="nested", name="forwarded", content=raw(top(EN) + multi("mixed", [plain(EN), part("message/rfc822", inner, "Content-Disposition: attachment")], "fw")), recompose="message/rfc822")
    yield Mail(family="nested", name="forwarded-twice", content=raw(top(EN) + multi("mixed", [plain(EN), part("message/rfc822", top(RU) + multi("mixed", [plain(RU), part("message/rfc822", inner)], "f2"))], "f1")), recompose="message/rfc822")
    status = "Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; gone@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    yield Mail(family="nested", name="delivery-report", content=raw(top(EN, subject="Undelivered Mail") + multi("report", [plain(EN), part("message/delivery-status", status), part("message/rfc822", inner)], "dr").replace("multipart/report;", "multipart/report; report-type=delivery-status;")), recompose="report")
    yield Mail(family="nested", name="read-receipt", content=raw(top(EN) + multi("report", [plain(EN), part("message/disposition-notification", "Final-Recipient: rfc822; a@example.org\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n")], "mdn").replace("multipart/report;", "multipart/report; report-type=disposition-notification;")), recompose="report")
    yield Mail(family="nested", name="digest", content=raw(top(EN) + multi("digest", [f"\r\n{top(EN)}\r\none\r\n", f"\r\n{top(DE)}\r\ntwo\r\n"], "dig")), recompose="digest")
    yield Mail(family="nested", name="amp", content=raw(top(EN) + multi("alternative", [plain(EN), part("text/x-amp-html; charset=utf-8", "<!doctype html><html amp4email></html>\r\n"), page(EN)], "amp")), recompose="alternative")
    yield Mail(family="nested", name="enriched", content=raw(top(EN) + multi("alternative", [plain(EN), part("text/enriched", "<bold>hello</bold>\r\n")], "enr")), recompose="alternative")
    yield Mail(family="nested", name="text-image-text", content=raw(top(EN) + multi("mixed", [plain(EN), logo(), plain(DE)], "tit")), recompose="text")
    yield Mail(family="nested", name="related-outside", content=raw(top(EN) + multi("related", [both(EN, "ro1", "cid:logo@example.com"), logo()], "ro0")))
    yield Mail(family="nested", name="outlook", content=raw(top(EN) + multi("mixed", [multi("related", [both(EN, "o2", "cid:logo@example.com"), logo()], "o1"), pdf()], "o0")))
    yield Mail(family="nested", name="location", content=raw(top(EN) + multi("related", [page(EN, "logo.png"), part("image/png", b64(PNG), "Content-Location: logo.png", "Content-Transfer-Encoding: base64")], "loc")), recompose="location")
    yield Mail(family="nested", name="winmail", content=raw(top(EN) + multi("mixed", [plain(EN), part('application/ms-tnef; name="winmail.dat"', b64(b"x\x9f>\"" + bytes(100)), 'Content-Disposition: attachment; filename="winmail.dat"', "Content-Transfer-Encoding: base64")], "wm")))
    deep = plain(EN)
    for level in range(15):
        deep = multi("mixed", [deep], f"deep{level}")
    yield Mail(family="nested", name="fifteen-deep", content=raw(top(EN) + deep))
    yield Mail(family="nested", name="eighty-attachments", content=raw(top(EN) + multi("mixed", [plain(EN), *(part("text/plain", f"file {n}\r\n", f'Content-Disposition: attachment; filename="f{n}.txt"') for n in range(80))], "eighty")))
    yield Mail(family="nested", name="preamble", content=raw(top(EN) + both(EN, "pre").replace("\r\n\r\n--pre", "\r\n\r\nThis is mail in several parts.\r\n--pre", 1) + "an epilogue\r\n"))
    yield Mail(family="nested", name="boundary-odd", content=raw(top(EN) + both(EN, "b'()+_,-./:=? x")))
    yield Mail(family="nested", name="boundary-prefix", content=raw(top(EN) + multi("mixed", [multi("alternative", [plain(EN), page(EN)], "b12"), pdf()], "b1")), recompose="boundary")
