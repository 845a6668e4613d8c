"""What people write with Outlook, Notes and other programs of offices."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import PNG, Mail, b64, typed


TO = "To: Anna <anna@example.org>\n"


def office() -> Iterator[Mail]:
    """Letters of an office."""
    image = b64(PNG).replace("\r\n", "\n")

    def one(name: str, text: str, **more: str) -> Mail:
        return Mail(family="program", name=name, content=typed(text), **more)  # type: ignore[arg-type]

    yield one("outlook-reply", f"""
From: Kim Berg <kim@example.com>
To: Anna <anna@example.org>
Subject: RE: Meeting room on Friday
Thread-Topic: Meeting room on Friday
Thread-Index: AQHbPm7r0o1zT0e0bUq7x3m9xT3m2w==
Date: Tue, 24 Nov 2026 09:12:44 +0000
Message-ID: <AB1PR01MB0001A9F3@AB1PR01MB0001.example.com>
References: <f00d@example.org>
In-Reply-To: <f00d@example.org>
Accept-Language: en-GB, en-US
Content-Language: en-GB
X-MS-Has-Attach:
X-MS-TNEF-Correlator:
x-originating-ip: [192.0.2.7]
Content-Type: multipart/alternative;
\tboundary="_000_AB1PR01MB0001A9F3AB1PR01MB0001_"
MIME-Version: 1.0

--_000_AB1PR01MB0001A9F3AB1PR01MB0001_
Content-Type: text/plain; charset="Windows-1252"
Content-Transfer-Encoding: quoted-printable

The room on the third floor is free =96 I have taken it.

From: Anna <anna@example.org>
Sent: 23 November 2026 17:03
Subject: Meeting room on Friday

Who has a room?

--_000_AB1PR01MB0001A9F3AB1PR01MB0001_
Content-Type: text/html; charset="Windows-1252"
Content-Transfer-Encoding: quoted-printable

<html xmlns:o=3D"urn:schemas-microsoft-com:office:office">
<head><style><!-- p.MsoNormal {{margin:0cm}} --></style></head>
<body lang=3D"EN-GB"><p class=3D"MsoNormal">The room on the third floor is =
free &#8211; I have taken it.<o:p></o:p></p>
<div style=3D"border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Anna</p></div>
<p>Who has a room?</p></body></html>

--_000_AB1PR01MB0001A9F3AB1PR01MB0001_--
""")
    yield one("outlook-signature-image", f"""
From: "Berg, Kim" <kim@example.com>
{TO}Subject: Offer 2026-114
Date: Tue, 24 Nov 2026 10:00:00 +0100
Message-ID: <000001dc5d2e$6b1b2c40$415184c0$@example.com>
MIME-Version: 1.0
Content-Type: multipart/related;
\tboundary="----=_NextPart_000_0001_01DC5D36.CCE02390"
X-Mailer: Microsoft Outlook 16.0
Thread-Index: AdxdLmsbAAAAAAAAQAAAAAAAAAAAAA==
Content-Language: de

This is a multipart message in MIME format.

------=_NextPart_000_0001_01DC5D36.CCE02390
Content-Type: multipart/alternative;
\tboundary="----=_NextPart_001_0002_01DC5D36.CCE02390"

------=_NextPart_001_0002_01DC5D36.CCE02390
Content-Type: text/plain;
\tcharset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

Dear Anna, our offer stands until the end of the month.

------=_NextPart_001_0002_01DC5D36.CCE02390
Content-Type: text/html;
\tcharset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

<html><body><p>Dear Anna, our offer stands until the end of the month.</p>
<img width=3D90 src=3D"cid:image001.png@01DC5D36.6B1A1AD0"></body></html>

------=_NextPart_001_0002_01DC5D36.CCE02390--

------=_NextPart_000_0001_01DC5D36.CCE02390
Content-Type: image/png;
\tname="image001.png"
Content-Transfer-Encoding: base64
Content-ID: <image001.png@01DC5D36.6B1A1AD0>

{image}
------=_NextPart_000_0001_01DC5D36.CCE02390--
""")
    yield one("outlook-express-uuencode", f"""
From: "Kim" <kim@example.com>
{TO}Subject: the picture you wanted
Date: Tue, 24 Nov 2026 10:00:00 +0100
Message-ID: <003b01c2a@example.com>
X-Priority: 3
X-MSMail-Priority: Normal
X-Mailer: Microsoft Outlook Express 5.50.4807.1700

Here it is.

begin 666 dot.gif
M1TE&.#EA`0`!`(```/___P```"'Y!`$`````+``````!``$```("1`$`.P``
`
end
""")
    yield one("notes", f"""
{TO}Subject: Report
MIME-Version: 1.0
X-KeepSent: 0A1B2C3D:4E5F6071-C1258D00:0031A2B3;
 type=4; name=$KeepSent
X-Mailer: HCL Notes Release 12.0.2
Message-ID: <OF0A1B2C3D.4E5F6071-ONC1258D00.0031A2B3-C1258D00.0031B4C5@example.com>
From: Kim Berg <kim@example.com>
Date: Tue, 24 Nov 2026 10:00:00 +0100
X-MIMETrack: Serialize by Router on MAIL1/Example(Release 12.0.2) at 24.11.2026 10:00:00
Content-Type: multipart/alternative; boundary="=_alternative 0031B4C0C1258D00_="

--=_alternative 0031B4C0C1258D00_=
Content-Transfer-Encoding: quoted-printable
Content-Type: text/plain; charset="ISO-8859-1"

The report is in the database.

--=_alternative 0031B4C0C1258D00_=
Content-Transfer-Encoding: quoted-printable
Content-Type: text/html; charset="ISO-8859-1"

<font size=3D2 face=3D"sans-serif">The report is in the database.</font>

--=_alternative 0031B4C0C1258D00_=--
""")
    yield one("eudora", f"""
X-Mailer: QUALCOMM Windows Eudora Version 7.1.0.9
Date: Tue, 24 Nov 2026 10:00:00 +0100
To: Anna <anna@example.org>
From: Kim Berg <kim@example.com>
Subject: figures
Message-Id: <7.1.0.9.2.20261124@example.com>
Mime-Version: 1.0
Content-Type: multipart/mixed;
        boundary="=====================_4711==_"

--=====================_4711==_
Content-Type: text/plain; charset="us-ascii"; format=flowed

The figures of the year.
--=====================_4711==_
Content-Type: application/octet-stream; name="figures.wk1";
 x-mac-type="4C575353"; x-mac-creator="4C4F5455"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="figures.wk1"

AAACAAYEBgAIAA==
--=====================_4711==_--
""")
    yield one("receipt-wanted", f"""
From: Kim Berg <kim@example.com>
{TO}Subject: please confirm
Date: Tue, 24 Nov 2026 10:00:00 +0100
Message-ID: <confirm@example.com>
MIME-Version: 1.0
Disposition-Notification-To: Kim Berg <kim@example.com>
Return-Receipt-To: kim@example.com
Importance: high
X-Priority: 1 (Highest)
X-MSMail-Priority: High
Content-Type: text/plain; charset=us-ascii

Please confirm that you have read this.
""")
    yield one("resent", f"""
Resent-From: Bob <bob@example.net>
Resent-To: anna@example.org
Resent-Date: Tue, 24 Nov 2026 11:00:00 +0100
Resent-Message-ID: <resent@example.net>
Date: Tue, 24 Nov 2026 10:00:00 +0100
From: Kim Berg <kim@example.com>
{TO}Subject: bounced on to you
Message-ID: <bounced@example.com>

Bob thinks that this is for you.
""", recompose="Resent-From")
