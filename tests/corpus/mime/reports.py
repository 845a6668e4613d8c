"""What mail systems say to one another: bounces, complaints, statistics, receipts."""

import gzip
import io
import zipfile
from collections.abc import Iterator

from tests.corpus.mime.pieces import Mail, b64, typed


TO = "To: anna@example.org\n"
WHEN = "Date: Tue, 24 Nov 2026 10:00:00 +0000\n"
DMARC = """<?xml version="1.0" encoding="UTF-8"?>
<feedback><report_metadata><org_name>Example Net</org_name><report_id>4711</report_id></report_metadata>
<policy_published><domain>example.org</domain><p>none</p></policy_published></feedback>
"""


def zipped(name: str, text: str) -> str:
    """A zip with one file, the same bytes every time."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 11, 24, 0, 0, 0)), text)
    return b64(kept.getvalue()).replace("\r\n", "\n")


def gzipped(text: str) -> str:
    """The same by gzip, stored: compressors of different versions differ."""
    packed = gzip.compress(text.encode(), 0, mtime=0)
    return b64(packed[:8] + b"\x00\xff" + packed[10:]).replace("\r\n", "\n")


def reports() -> Iterator[Mail]:
    """One report of each kind."""

    def one(name: str, text: str, **more: str) -> Mail:
        return Mail(family="machine", name=name, content=typed(text), **more)  # type: ignore[arg-type]

    yield one("postfix-bounce", f"""
{WHEN}From: MAILER-DAEMON@mx1.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
{TO}Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="1A2B3C.1764000000/mx1.example.net"
Content-Transfer-Encoding: 8bit
Message-Id: <20261124100000.4D5E6F@mx1.example.net>

This is a MIME-encapsulated message.

--1A2B3C.1764000000/mx1.example.net
Content-Description: Notification
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

This is the mail system at host mx1.example.net.

<gone@example.com>: host mx.example.com[192.0.2.25] said: 550 5.1.1 no such user
    here (in reply to RCPT TO command)

--1A2B3C.1764000000/mx1.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx1.example.net
X-Postfix-Queue-ID: 1A2B3C
Arrival-Date: Tue, 24 Nov 2026 09:59:58 +0000 (UTC)

Final-Recipient: rfc822; gone@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user here

--1A2B3C.1764000000/mx1.example.net
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 8bit

Date: Tue, 24 Nov 2026 09:59:00 +0000
From: anna@example.org
To: gone@example.com
Subject: hello

--1A2B3C.1764000000/mx1.example.net--
""", recompose="report")
    yield one("delay-warning", f"""
{WHEN}From: Mail Delivery Subsystem <MAILER-DAEMON@mx2.example.net>
Message-Id: <202611241000.aBcDeF01@mx2.example.net>
{TO}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="aBcDeF01.1764000000/mx2.example.net"
Subject: Warning: could not send message for past 4 hours
Auto-Submitted: auto-generated (warning-timeout)

--aBcDeF01.1764000000/mx2.example.net

    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **********************************************

--aBcDeF01.1764000000/mx2.example.net
Content-Type: message/delivery-status

Reporting-MTA: dns; mx2.example.net

Final-Recipient: RFC822; slow@example.com
Action: delayed
Status: 4.4.1
Will-Retry-Until: Sun, 29 Nov 2026 10:00:00 +0000

--aBcDeF01.1764000000/mx2.example.net--
""", recompose="report")
    yield one("abuse-report", f"""
From: <abuse@isp.example.net>
{WHEN}Subject: FW: a complaint
{TO}Message-ID: <arf.1@isp.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for a message received from IP 192.0.2.1.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

From: <news@example.org>
To: <somebody@example.net>
Subject: news

news

--part1_13d.2e68ed54_boundary--
""", recompose="report")
    yield one("dmarc-zip", f"""
{WHEN}From: dmarc-noreply@example.net
{TO}Subject: Report domain: example.org Submitter: example.net Report-ID: 4711
Message-ID: <dmarc.4711@example.net>
MIME-Version: 1.0
Content-Type: application/zip;
\tname="example.net!example.org!1763856000!1763942399.zip"
Content-Disposition: attachment;
\tfilename="example.net!example.org!1763856000!1763942399.zip"
Content-Transfer-Encoding: base64

{zipped("example.net!example.org!1763856000!1763942399.xml", DMARC)}
""")
    yield one("dmarc-gzip", f"""
{WHEN}From: "DMARC Aggregate Report" <dmarcreport@example.net>
{TO}Subject: Report Domain: example.org Submitter: example.net Report-ID: <4712>
Message-ID: <dmarc.4712@example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="_mpm_0a1b2c_pmp_"

--_mpm_0a1b2c_pmp_
Content-Type: multipart/related; boundary="_mpm_3d4e5f_pmp_"

--_mpm_3d4e5f_pmp_
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: 7bit

<div>This is a DMARC aggregate report.</div>
--_mpm_3d4e5f_pmp_--

--_mpm_0a1b2c_pmp_
Content-Type: application/gzip
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
  filename="example.net!example.org!1763856000!1763942399!4712.xml.gz"

{gzipped(DMARC)}
--_mpm_0a1b2c_pmp_--
""")
    yield one("tls-report", f"""
{WHEN}From: tlsrpt@example.net
{TO}Subject: Report Domain: example.org Submitter: example.net Report-ID: <2026.11.24@example.org>
TLS-Report-Domain: example.org
TLS-Report-Submitter: example.net
TLS-Required: No
Message-ID: <tls.1@example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type="tlsrpt"; boundary="----=_NextPart_000_024E"

------=_NextPart_000_024E
Content-Type: text/plain; charset="us-ascii"

This is an aggregate TLS report.

------=_NextPart_000_024E
Content-Type: application/tlsrpt+gzip
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="example.net!example.org!1!2!001.json.gz"

{gzipped('{"organization-name":"Example Net"}')}
------=_NextPart_000_024E--
""", recompose="report")
    yield one("vacation", f"""
{WHEN}From: Kim Berg <kim@example.com>
{TO}Subject: Auto: lunch?
Message-ID: <dovecot-sieve-1@example.com>
In-Reply-To: <lunch@example.org>
References: <lunch@example.org>
Auto-Submitted: auto-replied (vacation)
Precedence: bulk
X-Auto-Response-Suppress: OOF, AutoReply
X-Sieve: Pigeonhole Sieve
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Ich bin bis zum 7. Dezember in den Bergen – ohne Netz.
""")
    yield one("read-receipt", f"""
{WHEN}From: Anna's phone <phone@example.com>
{TO}Subject: Read: please confirm
Message-ID: <read.1@example.com>
MIME-Version: 1.0
References: <confirm@example.org>
Content-Type: multipart/report; report-type=disposition-notification; boundary="=-mdn-1"

--=-mdn-1
Content-Type: text/plain; charset=utf-8

It was displayed.

--=-mdn-1
Content-Type: message/disposition-notification

Reporting-UA: phone.example.com; Mail 1.0
Original-Recipient: rfc822;phone@example.com
Final-Recipient: rfc822;phone@example.com
Original-Message-ID: <confirm@example.org>
Disposition: automatic-action/MDN-sent-automatically; displayed

--=-mdn-1--
""", recompose="report")
