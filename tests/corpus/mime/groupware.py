"""Calendars, cards, keys and seals."""

import base64
from collections.abc import Iterator

from tests.corpus.mime.pieces import PNG, Mail, b64, typed


TO = "To: anna@example.org\n"
WHEN = "Date: Tue, 24 Nov 2026 10:00:00 +0000\n"
ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
END:VTIMEZONE
"""


def event(method: str, more: str = "") -> str:
    """A calendar with one meeting, its time zone and an alarm."""
    return (
        f"BEGIN:VCALENDAR\nPRODID:-//Example//Calendar//EN\nVERSION:2.0\nMETHOD:{method}\n{ZONE}BEGIN:VEVENT\nUID:8@example.com\n"
        f"DTSTAMP:20261124T100000Z\nDTSTART;TZID=Europe/Berlin:20261201T110000\nDTEND;TZID=Europe/Berlin:20261201T113000\n"
        f"ORGANIZER;CN=Kim:mailto:kim@example.com\nATTENDEE;RSVP=TRUE:mailto:anna@example.org\nSUMMARY:Room on the third floor\n{more}"
        "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n"
    )


def groupware() -> Iterator[Mail]:
    """Calendars first, then cards, keys and seals."""
    image = b64(PNG).replace("\r\n", "\n")

    def one(name: str, text: str, **more: str) -> Mail:
        return Mail(family="machine", name=name, content=typed(text), **more)  # type: ignore[arg-type]

    for method, kind, reasons in (
        ("REQUEST", "alternative", {"postmark": "a calendar as an alternative"}),
        ("CANCEL", "alternative", {"recompose": "a calendar"}),
        ("REPLY", "alternative", {"recompose": "a calendar"}),
        ("PUBLISH", "mixed", {"sendgrid": "parameter method"}),
    ):
        more = {"CANCEL": "STATUS:CANCELLED\n", "REPLY": ""}.get(method, "STATUS:CONFIRMED\n")
        disposition = '\nContent-Disposition: attachment; filename="meeting.ics"' if kind == "mixed" else ""
        yield one(f"calendar-{method.lower()}", f"""
{WHEN}From: Kim Berg <kim@example.com>
{TO}Subject: Invitation: Room on the third floor
Message-ID: <calendar-{method}@example.com>
MIME-Version: 1.0
Content-Type: multipart/{kind}; boundary="cal-{method}"

--cal-{method}
Content-Type: text/plain; charset="UTF-8"

Room on the third floor, Tuesday at eleven.

--cal-{method}
Content-Type: text/calendar; charset="UTF-8"; method={method}{disposition}
Content-Transfer-Encoding: 7bit

{event(method, more)}
--cal-{method}--
""", **reasons)
    yield one("card-with-photo", f"""
{WHEN}From: Kim Berg <kim@example.com>
{TO}Subject: my new number
Message-ID: <card.1@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="card"

--card
Content-Type: text/plain; charset=utf-8

It is in the card.
--card
Content-Type: text/vcard; charset=utf-8; profile=vcard; name="Kim Berg.vcf"
Content-Disposition: attachment; filename="Kim Berg.vcf"

BEGIN:VCARD
VERSION:3.0
N:Berg;Kim;;;
FN:Kim Berg
TEL;TYPE=CELL:+49 555 0100
PHOTO;ENCODING=b;TYPE=PNG:{base64.b64encode(PNG).decode()}
END:VCARD

--card--
""", sendgrid="parameter profile")
    yield one("smime-signed-with-file", f"""
{WHEN}From: Kim Berg <kim@example.com>
{TO}Subject: signed contract
Message-ID: <smime.7@example.com>
MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg="sha-256"; boundary="----sig7"

This is an S/MIME signed message

------sig7
Content-Type: multipart/mixed; boundary="inside7"

--inside7
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

The contract, signed.

--inside7
Content-Type: image/png; name="seal.png"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="seal.png"

{image}
--inside7--

------sig7
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7s"

MIIBeQYJKoZIhvcNAQcCoIIBajCCAWYCAQExDzANBglghkgBZQMEAgEFADALBgkq

------sig7--
""", recompose="signed")
    yield one("openpgp-key-attached", f"""
{WHEN}From: Kim Berg <kim@example.com>
{TO}Subject: my key
Message-ID: <key.1@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="key"

--key
Content-Type: text/plain; charset=utf-8; format=flowed

Here is my key.

--key
Content-Type: application/pgp-keys; name="OpenPGP_0x4711.asc"
Content-Disposition: attachment; filename="OpenPGP_0x4711.asc"
Content-Description: OpenPGP public key
Content-Transfer-Encoding: quoted-printable

-----BEGIN PGP PUBLIC KEY BLOCK-----

xjMEZabcdRYJKwYBBAHaRw8BAQdA
=3DAb1C
-----END PGP PUBLIC KEY BLOCK-----

--key--
""")
    yield one("openpgp-signed-by-mutt", f"""
{WHEN}From: Kim Berg <kim@example.com>
{TO}Subject: release 3
Message-ID: <pgp.9@example.com>
MIME-Version: 1.0
Content-Type: multipart/signed; micalg=pgp-sha512;
\tprotocol="application/pgp-signature"; boundary="7iMSBzlTiPOCCT2k"
Content-Disposition: inline


--7iMSBzlTiPOCCT2k
Content-Type: text/plain; charset=us-ascii
Content-Disposition: inline
Content-Transfer-Encoding: quoted-printable

Release 3 is out.

>=46rom now on signed.

--7iMSBzlTiPOCCT2k
Content-Type: application/pgp-signature; name="signature.asc"

-----BEGIN PGP SIGNATURE-----

iHUEABYKAB0WIQRexample
=Ab1C
-----END PGP SIGNATURE-----

--7iMSBzlTiPOCCT2k--
""", recompose="signed")
