"""What web applications and shops write by themselves."""

from collections.abc import Iterator

from tests.corpus.mime.pieces import PDF, Mail, b64, typed


TO = "To: anna@example.org\n"
WHEN = "Date: Tue, 24 Nov 2026 10:00:00 +0000\n"


def web_applications() -> Iterator[Mail]:
    """One message of each."""
    file = b64(PDF).replace("\r\n", "\n")

    def one(name: str, text: str, **more: str) -> Mail:
        return Mail(family="application", name=name, content=typed(text), **more)  # type: ignore[arg-type]

    yield one("wordpress", f"""
{WHEN}{TO}From: WordPress <wordpress@blog.example.com>
Subject: [Garden Notes] Password Reset
Message-ID: <Zx81@blog.example.com>
X-Mailer: PHPMailer 6.9.2 (https://example.com/PHPMailer)
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8

Someone wants a new password for this account:

Site: Garden Notes
User: anna

If it was not you, nothing happens. Else go to:

<https://blog.example.com/wp-login.php?action=rp&key=q1w2e3&login=anna>
""")
    yield one("php-boundaries", f"""
{TO}Subject: =?UTF-8?B?QmVzdMOkdGlndW5nIElocmVyIEFuZnJhZ2U=?=
{WHEN}From: =?UTF-8?B?R8OkcnRuZXJlaQ==?= <info@example.com>
Reply-To: info@example.com
X-Mailer: PHP/8.3.14
Message-ID: <php.1@example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1_0cc175b9c0f1b6a831c399e269772661"
Content-Transfer-Encoding: 8bit

This is a multi-part message in MIME format.

--b1_0cc175b9c0f1b6a831c399e269772661
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit

Wir rufen zurück.


--b1_0cc175b9c0f1b6a831c399e269772661
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: 8bit

<p>Wir rufen <b>zurück</b>.</p>


--b1_0cc175b9c0f1b6a831c399e269772661--
""")
    yield one("forge-merge-request", f"""
{WHEN}From: Kim Berg <forge@example.com>
Reply-To: Tools / lathe <incoming+4711-token@example.com>
{TO}Message-ID: <merge_request_42@forge.example.com>
In-Reply-To: <merge_request_42@forge.example.com>
References: <reply-0a1b2c@forge.example.com>
 <merge_request_42@forge.example.com>
Subject: Re: lathe | Turn slower at the end (!42)
Mime-Version: 1.0
Content-Type: multipart/alternative;
 boundary="--==_mimepart_674300_1a2b3c";
 charset=UTF-8
Content-Transfer-Encoding: 7bit
X-GitLab-Project: lathe
X-GitLab-Project-Id: 7
X-GitLab-Project-Path: tools/lathe
X-GitLab-MergeRequest-IID: 42
X-GitLab-NotificationReason: review_requested
List-Id: tools/lathe <7.lathe.tools.forge.example.com>
List-Unsubscribe: <https://forge.example.com/-/sent_notifications/0a1b2c/unsubscribe?force=true>,<mailto:incoming+0a1b2c-unsubscribe@example.com>
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All


----==_mimepart_674300_1a2b3c
Content-Type: text/plain;
 charset=UTF-8
Content-Transfer-Encoding: quoted-printable

Kim Berg commented: looks good =F0=9F=91=8D

-- =

Reply to this email directly or view it: https://forge.example.com/tools/l=
athe/-/merge_requests/42
----==_mimepart_674300_1a2b3c
Content-Type: text/html;
 charset=UTF-8
Content-Transfer-Encoding: quoted-printable

<!DOCTYPE html><html><body><p>looks good <span title=3D"thumbs up">=F0=9F=
=91=8D</span></p></body></html>=

----==_mimepart_674300_1a2b3c--
""")
    yield one("issue-tracker", f"""
{WHEN}From: "Kim Berg" <notifications@code.example.com>
Reply-To: example/saw <reply+AAB4X@reply.code.example.com>
{TO}Cc: Subscribed <subscribed@noreply.code.example.com>
Message-ID: <example/saw/issues/17/2491@code.example.com>
In-Reply-To: <example/saw/issues/17@code.example.com>
Subject: Re: [example/saw] Blade stops at knots (Issue #17)
Mime-Version: 1.0
Content-Type: text/plain;
 charset=UTF-8
Content-Transfer-Encoding: 7bit
Precedence: list
X-Code-Sender: kim
X-Code-Reason: subscribed
List-ID: example/saw <saw.example.code.example.com>
List-Archive: https://code.example.com/example/saw
List-Post: <mailto:reply+AAB4X@reply.code.example.com>

It does not, since this morning.
""", recompose="not among")
    yield one("error-report", f"""
Content-Type: multipart/alternative; boundary="===============4711471147114711471=="
MIME-Version: 1.0
Subject: [shop] ERROR (EXTERNAL IP): Internal Server Error: /basket/
From: root@localhost.example.com
{TO}{WHEN}Message-ID: <176400000000.1.4711@web1.example.com>

--===============4711471147114711471==
Content-Type: text/plain; charset="utf-8"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit

Internal Server Error: /basket/

KeyError at /basket/
'size'

Traceback (most recent call last):
  File "/srv/shop/views.py", line 31, in basket
    size = wanted["size"]
           ~~~~~~^^^^^^^^
KeyError: 'size'

--===============4711471147114711471==
Content-Type: text/html; charset="utf-8"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit

<!DOCTYPE html>
<html lang="en"><head><title>KeyError at /basket/</title></head><body><h1>KeyError</h1><pre>'size'</pre></body></html>

--===============4711471147114711471==--
""")
    yield one("invoice-html-and-pdf", f"""
Date: Tue, 24 Nov 2026 10:00:00 +0000 (GMT)
From: Ironmonger <billing@example.com>
Reply-To: accounts@example.com
{TO}Message-ID: <1234.0.1764000000000.JavaMail.app@web2>
Subject: =?UTF-8?Q?Invoice_2026-0815_=E2=82=AC_149,00?=
MIME-Version: 1.0
Content-Type: multipart/mixed;
\tboundary="----=_Part_0_2011482127.1764000000000"

------=_Part_0_2011482127.1764000000000
Content-Type: text/html;charset=UTF-8
Content-Transfer-Encoding: quoted-printable

<table><tr><td>Nails, 2=C2=A0kg</td><td align=3D"right">149,00=C2=A0=E2=82=AC<=
/td></tr></table>
------=_Part_0_2011482127.1764000000000
Content-Type: application/pdf; name=Invoice_2026-0815.pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=Invoice_2026-0815.pdf

{file}
------=_Part_0_2011482127.1764000000000--
""")
    yield one("marketing", f"""
{WHEN}From: "Ironmonger" <news@mail.example.com>
Reply-To: "Ironmonger" <reply-fe8c@mail.example.com>
{TO}Subject: =?utf-8?Q?=E2=8F=B0_Only_today=3A_all_saws_=E2=88=9220=25?=
Message-ID: <0.0.A1.B2.1DC5D2E6B1B2C3.0@mail.example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="_----------=_MCPart_1764000000"
List-Unsubscribe: <https://mail.example.com/u?id=7&e=0a1b2c>, <mailto:leave-fe8c@mail.example.com?subject=unsubscribe>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-ID: Ironmonger customers <4711.mail.example.com>
X-Campaign: saws-november
X-Report-Abuse: Please report abuse here: https://mail.example.com/abuse?u=7
X-CSA-Complaints: csa-complaints@example.net
Feedback-ID: 4711:saws:customers:ironmonger
Precedence: bulk

--_----------=_MCPart_1764000000
Content-Type: text/plain; charset="utf-8"; format="fixed"
Content-Transfer-Encoding: quoted-printable

All saws are 20=C2=A0% off today.

** Buy (https://example.com/saws?utm_source=3Dmail&utm_campaign=3Dnovember)
------------------------------------------------------------
--_----------=_MCPart_1764000000
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

<!doctype html><html><body><span style=3D"display:none;max-height:0">Saws!&nb=
sp;&zwnj;&nbsp;&zwnj;</span><a href=3D"https://example.com/saws?utm_source=3D=
mail&amp;utm_campaign=3Dnovember">Buy</a><img src=3D"https://mail.example.com=
/o.gif?e=3D0a1b2c" width=3D"1" height=3D"1" alt=3D""></body></html>
--_----------=_MCPart_1764000000--
""")
    yield one("dotnet", f"""
MIME-Version: 1.0
From: "Parking" <parking@example.com>
{TO}{WHEN}Subject: =?utf-8?Q?Parkausweis_verl=C3=A4ngern?=
Message-ID: <dotnet.1@example.com>
Content-Type: multipart/mixed;
 boundary=--boundary_0_d3adb33f-0000-4711-8000-000000000001


----boundary_0_d3adb33f-0000-4711-8000-000000000001
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+SWhyIFBhcmthdXN3ZWlzIGzDpHVmdCBhYi48L3A+
----boundary_0_d3adb33f-0000-4711-8000-000000000001
Content-Type: application/octet-stream; name="=?utf-8?B?YXVzd2Vpcy1ncsO8bi5wZGY=?="
Content-Transfer-Encoding: base64
Content-Disposition: attachment

{file}
----boundary_0_d3adb33f-0000-4711-8000-000000000001--
""")
    yield one("contact-form", f"""
{TO}From: "Form" <www-data@example.com>
Sender: www-data@example.com
Reply-To: "O'Neil, Pat" <pat@example.net>
{WHEN}Subject: Question from the web site
Message-ID: <form.1@example.com>
X-Originating-IP: 192.0.2.44
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: base64

TmFtZTogUGF0DQpRdWVzdGlvbjogSG93IGxvbmcgaXMgdGhlIHNhdz8NCg==
""")
