"""What people write in a browser or on a phone."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import PDF, PNG, Mail, b64, typed


TO = "To: Anna <anna@example.org>\n"


def webmail() -> Iterator[Mail]:
    """Letters by webmail and phone."""
    image = b64(PNG).replace("\r\n", "\n")
    file = b64(PDF).replace("\r\n", "\n")

    def one(name: str, text: str, **more: str) -> Mail:
        return Mail(family="program", name=name, content=typed(text), **more)  # type: ignore[arg-type]

    yield one("gmail-reply", f"""
MIME-Version: 1.0
References: <CAF1xA@mail.example.com> <CAF2xB@mail.example.org>
In-Reply-To: <CAF2xB@mail.example.org>
From: Kim Berg <kim@example.com>
Date: Tue, 24 Nov 2026 10:00:00 +0100
Message-ID: <CAF3xC+k=2r_Q@mail.example.com>
Subject: Re: Lunch?
{TO}Content-Type: multipart/alternative; boundary="0000000000009c1b5e0627a1b2c3"

--0000000000009c1b5e0627a1b2c3
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: quoted-printable

Yes, at one =F0=9F=8D=9D

On Tue, 24 Nov 2026 at 09:58, Anna <anna@example.org> wrote:

> Lunch?
>

--0000000000009c1b5e0627a1b2c3
Content-Type: text/html; charset="UTF-8"
Content-Transfer-Encoding: quoted-printable

<div dir=3D"ltr">Yes, at one =F0=9F=8D=9D</div><br><div class=3D"gmail_quote=
"><div dir=3D"ltr" class=3D"gmail_attr">On Tue, 24 Nov 2026 at 09:58, Anna w=
rote:<br></div><blockquote class=3D"gmail_quote">Lunch?<br></blockquote></di=
v>

--0000000000009c1b5e0627a1b2c3--
""")
    yield one("gmail-forward-with-image", f"""
MIME-Version: 1.0
Date: Tue, 24 Nov 2026 10:00:00 +0100
From: Kim Berg <kim@example.com>
{TO}Message-ID: <CAF9xZ@mail.example.com>
Subject: Fwd: where it is
Content-Type: multipart/related; boundary="00000000000011aa22bb"

--00000000000011aa22bb
Content-Type: multipart/alternative; boundary="00000000000011aa22bc"

--00000000000011aa22bc
Content-Type: text/plain; charset="UTF-8"

---------- Forwarded message ---------
From: Bob <bob@example.net>
Subject: where it is

[image: image.png]

--00000000000011aa22bc
Content-Type: text/html; charset="UTF-8"

<div dir="ltr">---------- Forwarded message ---------<br><img src="cid:ii_m1" alt="image.png" width="90"></div>

--00000000000011aa22bc--
--00000000000011aa22bb
Content-Type: image/png; name="image.png"
Content-Disposition: inline; filename="image.png"
Content-Transfer-Encoding: base64
X-Attachment-Id: ii_m1
Content-ID: <ii_m1>

{image}
--00000000000011aa22bb--
""")
    yield one("apple-between", f"""
From: Kim Berg <kim@example.com>
Content-Type: multipart/alternative;
\tboundary="Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000001"
Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3826.300.87.4.3\\))
Subject: Keys
Message-Id: <1B4E28BA-2FA1-11D2-883F-0016D3CCA427@example.com>
Date: Tue, 24 Nov 2026 10:00:00 +0100
{TO}X-Mailer: Apple Mail (2.3826.300.87.4.3)


--Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000001
Content-Transfer-Encoding: 7bit
Content-Type: text/plain;
\tcharset=us-ascii

The keys are under the third stone.

--Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000001
Content-Type: multipart/mixed;
\tboundary="Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000002"


--Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000002
Content-Transfer-Encoding: 7bit
Content-Type: text/html;
\tcharset=us-ascii

<html><body>The keys are under the third stone.</body></html>
--Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000002
Content-Disposition: inline;
\tfilename="map.pdf"
Content-Type: application/pdf;
\tx-unix-mode=0644;
\tname="map.pdf"
Content-Transfer-Encoding: base64

{file}
--Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000002
Content-Transfer-Encoding: 7bit
Content-Type: text/html;
\tcharset=us-ascii

<html><body><br>Kim</body></html>
--Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000002--

--Apple-Mail=_5D7C0B62-1F0E-4A40-9E5A-000000000001--
""", recompose="multipart/mixed as an alternative")
    yield one("iphone", f"""
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable
From: Kim Berg <kim@example.com>
Mime-Version: 1.0 (1.0)
Date: Tue, 24 Nov 2026 10:00:00 +0100
Subject: Re: late
Message-Id: <8D3A@example.com>
References: <late@example.org>
In-Reply-To: <late@example.org>
{TO}X-Mailer: iPhone Mail (23B85)

Ten minutes=E2=80=A6

Sent from my phone

> On 24 Nov 2026, at 09:50, Anna <anna@example.org> wrote:
>=20
> =EF=BB=BFWhere are you?
""")
    yield one("roundcube-inline", f"""
MIME-Version: 1.0
Date: Tue, 24 Nov 2026 10:00:00 +0100
From: Kim Berg <kim@example.com>
{TO}Subject: the door
User-Agent: Roundcube Webmail/1.6.9
Message-ID: <9d8c7b6a@example.com>
X-Sender: kim@example.com
Content-Type: multipart/alternative;
 boundary="=_aabbccddeeff00112233445566778899"

--=_aabbccddeeff00112233445566778899
Content-Transfer-Encoding: 7bit
Content-Type: text/plain; charset=US-ASCII;
 format=flowed

The door is painted.
--=_aabbccddeeff00112233445566778899
Content-Type: multipart/related;
 boundary="=_00112233445566778899aabbccddeeff"

--=_00112233445566778899aabbccddeeff
Content-Transfer-Encoding: quoted-printable
Content-Type: text/html; charset=UTF-8

<html><body><p>The door is painted.</p><img src=3D"cid:1764000000@example.com" /></body></html>

--=_00112233445566778899aabbccddeeff
Content-Transfer-Encoding: base64
Content-ID: <1764000000@example.com>
Content-Type: image/png;
 name=door.png
Content-Disposition: inline;
 filename=door.png;
 size=70

{image}
--=_00112233445566778899aabbccddeeff--

--=_aabbccddeeff00112233445566778899--
""")
    yield one("yahoo", f"""
Date: Tue, 24 Nov 2026 09:00:00 +0000 (UTC)
From: Kim Berg <kim@example.com>
{TO}Message-ID: <1234567890.42.1764000000000@mail.example.com>
Subject: train times
MIME-Version: 1.0
Content-Type: multipart/alternative;
\tboundary="----=_Part_41_1234567890.1764000000000"
References: <1234567890.42.1764000000000.ref@mail.example.com>
X-Mailer: WebService/1.1.24 ExampleMail

------=_Part_41_1234567890.1764000000000
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 7bit

10:04 and 11:04.
------=_Part_41_1234567890.1764000000000
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: 7bit

<html><head></head><body><div class="yp1">10:04 and 11:04.</div></body></html>
------=_Part_41_1234567890.1764000000000--
""")
