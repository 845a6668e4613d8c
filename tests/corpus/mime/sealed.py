"""What must not be touched: signed and encrypted mail; and invitations."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import Mail, b64, both, multi, page, part, plain, raw, top
from tests.corpus.mime.tongues import AR, DE, EN, JA, RU


def signed() -> Iterator[Mail]:
    """What must not be touched: signed, encrypted, or signed by a domain."""
    for t in (EN, DE, JA):
        pgp = multi("signed", [plain(t), part("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz=\r\n-----END PGP SIGNATURE-----\r\n")], "pgp").replace('multipart/signed;', 'multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature";')
        yield Mail(family="signed", name=f"openpgp-{t.code}", content=raw(top(t) + pgp), recompose="signed")
        smime = multi("signed", [plain(t), part('application/pkcs7-signature; name="smime.p7s"', b64(b"\x30\x82" + bytes(200)), "Content-Transfer-Encoding: base64")], "sm").replace('multipart/signed;', 'multipart/signed; micalg=sha-256; protocol="application/pkcs7-signature";')
        yield Mail(family="signed", name=f"smime-{t.code}", content=raw(top(t) + smime), recompose="signed")
        dkim = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=k1;\r\n h=from:to:subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n b=abcd"
        yield Mail(family="signed", name=f"dkim-{t.code}", content=raw(top(t, dkim) + both(t, "dk")), recompose="signed")
    yield Mail(family="signed", name="openpgp-encrypted", content=raw(top(EN) + multi("encrypted", [part("application/pgp-encrypted", "Version: 1\r\n"), part("application/octet-stream", "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----\r\n")], "enc").replace("multipart/encrypted;", 'multipart/encrypted; protocol="application/pgp-encrypted";')), recompose="encrypted")
    yield Mail(family="signed", name="smime-enveloped", content=raw(top(EN, 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"', "Content-Transfer-Encoding: base64") + "\r\n" + b64(b"\x30\x80" + bytes(300))), recompose="encrypted")
    yield Mail(family="signed", name="smime-opaque", content=raw(top(EN, "Content-Type: application/pkcs7-mime; smime-type=signed-data", "Content-Transfer-Encoding: base64") + "\r\n" + b64(b"\x30\x80" + bytes(300))), recompose="signed")
    yield Mail(family="signed", name="openpgp-inline", content=raw(top(EN) + "\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nhello\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz=\r\n-----END PGP SIGNATURE-----\r\n"), recompose="signed")
    yield Mail(family="signed", name="arc", content=raw(top(EN, "ARC-Seal: i=1; a=rsa-sha256; d=example.net; s=a; cv=none; b=xyz", "ARC-Message-Signature: i=1; a=rsa-sha256; d=example.net; s=a; h=from; bh=x; b=y") + "\r\nforwarded\r\n"), recompose="signed")


def calendars() -> Iterator[Mail]:
    """Invitations, which live in an alternative of their own."""
    ics = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\nDTSTART:20261201T100000Z\r\nSUMMARY:{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    for t in (EN, DE, RU, JA, AR):
        calendar = part("text/calendar; charset=utf-8; method=REQUEST", b64(ics.format(t.subject).encode()), "Content-Transfer-Encoding: base64")
        yield Mail(family="calendar", name=f"alternative-{t.code}", content=raw(top(t) + multi("alternative", [plain(t), page(t), calendar], "cal")), postmark="calendar as an alternative")
        attached = part('text/calendar; charset=utf-8; method=REQUEST; name="invite.ics"', b64(ics.format(t.subject).encode()), 'Content-Disposition: attachment; filename="invite.ics"', "Content-Transfer-Encoding: base64")
        yield Mail(family="calendar", name=f"attached-{t.code}", content=raw(top(t) + multi("mixed", [both(t, "ca"), attached], "cb")))
    yield Mail(family="calendar", name="alone", content=raw(top(EN, "Content-Type: text/calendar; charset=utf-8; method=REPLY") + "\r\n" + ics.format("Reply")), sendgrid="not REQUEST", postmark="calendar as an alternative")
