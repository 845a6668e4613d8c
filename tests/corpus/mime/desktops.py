"""What people write with Thunderbird, mutt and other programs of their own machines."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import PNG, Mail, b64, typed


TO = "To: Anna <anna@example.org>\n"


def desktops() -> Iterator[Mail]:
    """Letters of programs that people choose."""
    image = b64(PNG).replace("\r\n", "\n")

    def one(name: str, text: str, **more: str) -> Mail:
        return Mail(family="program", name=name, content=typed(text), **more)  # type: ignore[arg-type]

    yield one("mutt", f"""
Date: Tue, 24 Nov 2026 10:00:00 +0100
From: Kim Berg <kim@example.com>
{TO}Subject: Re: patch 2/3
Message-ID: <20261124090000.GA4711@example.com>
References: <20261123.1@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Disposition: inline
In-Reply-To: <20261123.1@example.org>
User-Agent: Mutt/2.2.13 (2024-03-09)

On Mon, Nov 23, 2026 at 06:10:00PM +0100, Anna wrote:
> Does it apply?

It does, with some fuzz.
""")
    yield one("mutt-patch", f"""
Date: Tue, 24 Nov 2026 10:00:00 +0100
From: Kim Berg <kim@example.com>
{TO}Subject: [PATCH] one line less
Message-ID: <20261124090001.GA4712@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="OgqxwSJOaUobr8KG"
Content-Disposition: inline
User-Agent: Mutt/2.2.13 (2024-03-09)


--OgqxwSJOaUobr8KG
Content-Type: text/plain; charset=us-ascii
Content-Disposition: inline

Attached.

--OgqxwSJOaUobr8KG
Content-Type: text/x-diff; charset=us-ascii
Content-Disposition: attachment; filename="one.patch"

--- a/one
+++ b/one
@@ -1,2 +1 @@
 first
-second

--OgqxwSJOaUobr8KG--
""")
    yield one("thunderbird", f"""
Message-ID: <2c5d3a7e-1111-4a5b-8f00-aabbccddeeff@example.com>
Date: Tue, 24 Nov 2026 10:00:00 +0100
MIME-Version: 1.0
User-Agent: Mozilla Thunderbird
From: Kim Berg <kim@example.com>
Subject: =?UTF-8?Q?Fotos_vom_Ausflug_=E2=80=93_die_sch=C3=B6nsten?=
{TO}Content-Language: de-DE
Autocrypt: addr=kim@example.com; keydata=
 xjMEZabcdRYJKwYBBAHaRw8BAQdAexampleexampleexampleexampleexample=
Content-Type: multipart/mixed; boundary="------------hV0bYk1mQ0Zc0r1sT2uV3wX4"

This is a multi-part message in MIME format.
--------------hV0bYk1mQ0Zc0r1sT2uV3wX4
Content-Type: multipart/alternative;
 boundary="------------aaaaYk1mQ0Zc0r1sT2uV3wX4"

--------------aaaaYk1mQ0Zc0r1sT2uV3wX4
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: 8bit

Die schönsten hängen an.

--------------aaaaYk1mQ0Zc0r1sT2uV3wX4
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: 8bit

<!DOCTYPE html>
<html><head><meta http-equiv="content-type" content="text/html; charset=UTF-8"></head>
<body><p>Die schönsten hängen an.</p></body></html>

--------------aaaaYk1mQ0Zc0r1sT2uV3wX4--
--------------hV0bYk1mQ0Zc0r1sT2uV3wX4
Content-Type: image/png; name="=?UTF-8?Q?Gr=C3=BC=C3=9Fe=2Epng?="
Content-Disposition: attachment; filename*=UTF-8''%47%72%C3%BC%C3%9F%65%2E%70%6E%67
Content-Transfer-Encoding: base64

{image}
--------------hV0bYk1mQ0Zc0r1sT2uV3wX4--
""")
    yield one("evolution", f"""
Message-ID: <0a1b2c3d4e.camel@example.com>
Subject: minutes
From: Kim Berg <kim@example.com>
{TO}Date: Tue, 24 Nov 2026 10:00:00 +0100
Content-Type: multipart/mixed; boundary="=-9kJ+vQ2lYH7mRcF3xZ1A"
User-Agent: Evolution 3.54.2
MIME-Version: 1.0


--=-9kJ+vQ2lYH7mRcF3xZ1A
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: 7bit

As promised.


--=-9kJ+vQ2lYH7mRcF3xZ1A
Content-Type: text/x-tex; name="minutes.tex"; charset="UTF-8"
Content-Disposition: attachment; filename="minutes.tex"
Content-Transfer-Encoding: base64

XGRvY3VtZW50Y2xhc3N7YXJ0aWNsZX0K


--=-9kJ+vQ2lYH7mRcF3xZ1A--
""")
    yield one("alpine", f"""
Date: Tue, 24 Nov 2026 10:00:00 +0100 (CET)
From: Kim Berg <kim@example.com>
{TO}Subject: Re: old machines
In-Reply-To: <old@example.org>
Message-ID: <alpine.LNX.2.26.0.2611241000.4711@example.com>
References: <old@example.org>
MIME-Version: 1.0
Content-Type: text/plain; format=flowed; charset=US-ASCII

It still runs.

Kim
""")
    yield one("alpine-description", f"""
Date: Tue, 24 Nov 2026 10:00:00 +0100 (CET)
From: Kim Berg <kim@example.com>
{TO}Subject: log
Message-ID: <alpine.LNX.2.26.1.2611241000.4711@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; BOUNDARY="-1463811839-1-1000000000=:4711"

  This message is in MIME format.  The first part should be readable text,
  while the remaining parts are likely unreadable without MIME-aware tools.

---1463811839-1-1000000000=:4711
Content-Type: TEXT/PLAIN; charset=US-ASCII

The log of last night.
---1463811839-1-1000000000=:4711
Content-Type: TEXT/PLAIN; charset=US-ASCII; NAME=night.log
Content-Transfer-Encoding: BASE64
Content-Description: last night
Content-Disposition: attachment; FILENAME=night.log

MDM6MDAgYWxsIHF1aWV0DQo=

---1463811839-1-1000000000=:4711--
""")
    yield one("gnus", f"""
From: Kim Berg <kim@example.com>
{TO}Subject: Re: lisp
References: <lisp@example.org>
X-Face: ,4Bk=`0o6d?WX'^c%>0"Example
Face: iVBORw0KGgo=
Mail-Followup-To: Anna <anna@example.org>
Date: Tue, 24 Nov 2026 10:00:00 +0100
In-Reply-To: <lisp@example.org> (Anna's message of "Mon, 23 Nov 2026
\t18:00:00 +0100")
Message-ID: <87lhx1.fsf@example.com>
User-Agent: Gnus/5.13 (Gnus v5.13)
MIME-Version: 1.0
Content-Type: text/plain

Anna writes:

> Is it?

It is (quote t).
""")
