"""A simulated SMTP submission provider: an independent peer for the gateway's way out.

Duty: speak server-side SMTP (RFC 5321) with PIPELINING, SIZE, 8BITMIME, SMTPUTF8, AUTH and STARTTLS, strictly enough
to catch a sloppy client, and perform the lab's faults at the right place of the dialogue. Promise: every message
offered is remembered with its envelope, bytes, time and connection; refusals are complete replies. Runs on any asyncio
transport, in real or virtual time. Left out: relaying, DSN, CHUNKING, and limits on how often a client may try.
"""

import asyncio
import ssl
from collections.abc import Callable

from posthorse.lab.faults import GARBAGE, Fault, Stage
from posthorse.lab.peer import FaultyPeer
from posthorse.lab.refusals import SMTP_REFUSALS
from posthorse.lab.simulated import SimulatedProvider, Verdict
from posthorse.lab.smtp_terms import (
    PATH,
    AuthDialogue,
    SmtpMail,
    SmtpTerms,
    extensions,
    objection,
    open_mail,
    unstuffed,
)

LINE_LIMIT = 2_048
"""Longest command line taken, bytes (RFC 5321 section 4.5.3.1.4 asks for 512 and more with extensions)."""

OK = b"250 2.0.0 Ok\r\n"
GO_AHEAD = b"354 End data with <CR><LF>.<CR><LF>\r\n"


def smtp_factory(provider: SimulatedProvider, terms: SmtpTerms) -> Callable[[], "SmtpPeer"]:
    """What a listener needs: makes the protocol of each new connection."""
    return lambda: SmtpPeer(provider, terms)


class SmtpPeer(FaultyPeer):
    """One connection of a client to a simulated SMTP provider."""

    def __init__(self, provider: SimulatedProvider, terms: SmtpTerms) -> None:
        super().__init__(provider)
        self._terms = terms
        self._input = bytearray()
        self._in_tls = self._upgrading = False
        self._upgrade: asyncio.Task[None] | None = None
        self._forget_client()

    def _forget_client(self) -> None:
        self._said_hello = False
        self._auth = AuthDialogue(self._terms, lambda: self._refusal(Stage.AUTH))
        self._mail: SmtpMail | None = None
        self._in_content = False
        self._searched = 0

    def greet(self) -> None:
        """Speak first."""
        if self._refuses(Stage.GREETING):
            self.end()
        else:
            self._reply(f"220 {self.provider.name}.lab.invalid ESMTP")

    def take(self, data: bytes) -> None:
        """Obey what is complete."""
        self._input += data
        while not (self.is_over or self._upgrading or self.withheld is not None):
            if self._in_content:
                if not self._take_content():
                    return
                continue
            end = self._input.find(b"\r\n")
            if end < 0:
                if len(self._input) > LINE_LIMIT:
                    self.end(b"500 5.5.2 Line too long\r\n")
                return
            line = bytes(self._input[:end])
            del self._input[: end + 2]
            if self._auth.is_waiting:
                self._reply(self._auth.go_on(line))
            else:
                self._obey(line)

    # --- the dialogue -----------------------------------------------------------------------------------------------

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"MAIL":
            self._mail_from(line)
        elif verb == b"RCPT":
            self._rcpt_to(line)
        elif verb == b"DATA":
            self._data()
        elif verb in (b"EHLO", b"HELO"):
            self._hello(extended=verb == b"EHLO")
        elif verb == b"AUTH":
            self._authenticate(line)
        elif line.upper() == b"STARTTLS":
            self._start_tls()
        elif verb == b"RSET":
            self._mail = None
            self.say(OK)
        elif verb == b"NOOP":
            self.say(OK)
        elif verb == b"QUIT":
            self.end(b"221 2.0.0 Bye\r\n")
        else:
            self._reply("502 5.5.1 Command not implemented")

    def _hello(self, *, extended: bool) -> None:
        self._said_hello, self._mail = True, None
        lines = [f"{self.provider.name}.lab.invalid"]
        if extended:
            lines += extensions(self._terms, in_tls=self._in_tls)
        self._reply("".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}")

    def _authenticate(self, line: bytes) -> None:
        if not self._terms.username or (self._terms.demands_tls and not self._in_tls):
            self._reply("503 5.5.1 AUTH not available")
        elif self._auth.passed or self._mail is not None or not self._said_hello:
            self._reply("503 5.5.1 Bad sequence of commands")
        else:
            self._reply(self._auth.begin(line))

    def _mail_from(self, line: bytes) -> None:
        terms = self._terms
        if not self._said_hello or self._mail is not None:
            self._reply("503 5.5.1 Bad sequence of commands")
        elif terms.demands_tls and not self._in_tls:
            self._reply("530 5.7.0 Must issue a STARTTLS command first")
        elif self.fault is Fault.AUTH_REVOKED or (terms.username and not self._auth.passed):
            self._reply("530 5.7.0 Authentication required")
        elif not self._refuses(Stage.MAIL):
            mail = open_mail(line, terms)
            self._mail = mail if isinstance(mail, SmtpMail) else None
            self._reply(mail) if isinstance(mail, str) else self.say(OK)

    def _rcpt_to(self, line: bytes) -> None:
        mail = self._mail
        found = PATH.fullmatch(line)
        if mail is None:
            self._reply("503 5.5.1 Bad sequence of commands")
        elif found is None or not found[1]:
            self._reply("501 5.5.4 Syntax: RCPT TO:<address>")
        elif len(mail.recipients) >= self._terms.max_recipients:
            self._reply("452 4.5.3 Too many recipients")
        elif not self._refuses(Stage.RCPT):
            self._add_recipient(mail, found[1].decode("utf-8", "replace"))

    def _add_recipient(self, mail: SmtpMail, address: str) -> None:
        script = self.provider.scripted(address)
        if script is not None and script.startswith("dot "):
            mail.at_dot, script = script.removeprefix("dot "), None
        if script is None or script.startswith("2"):
            mail.recipients.append(address)
        self.say(OK) if script is None else self._reply(script)

    def _data(self) -> None:
        if self._mail is None or not self._mail.recipients:
            self._reply("503 5.5.1 No valid recipients")
        else:
            self._in_content, self._searched = True, 0
            self.say(GO_AHEAD)

    def _take_content(self) -> bool:
        """Look for the final dot; answers whether the content is complete."""
        if self._input.startswith(b".\r\n"):
            end, content = 0, b""
        else:
            end = self._input.find(b"\r\n.\r\n", self._searched)
            if end < 0:
                self._searched = max(0, len(self._input) - 4)
                return False
            end += 2
            content = bytes(self._input[:end])
        del self._input[: end + 3]
        self._in_content = False
        self._judge(unstuffed(content))
        return True

    # --- the final dot ----------------------------------------------------------------------------------------------

    def _judge(self, content: bytes) -> None:
        """The message is complete: take it, refuse it, or let the fault have it."""
        mail, self._mail = self._mail, None
        assert mail is not None
        refusal = mail.at_dot or self._refusal(Stage.DOT) or objection(mail, content, self._terms)
        if refusal and not refusal.startswith("2"):
            self._remember(mail, content, Verdict.REFUSED, refusal)
            self._reply(refusal)
            return
        number = f"{self.number:x}.{self.provider.now():x}"
        answer = f"250 2.0.0 Ok: queued as {number}"
        setting = self.provider.fault
        unanswered = Verdict.TAKEN_UNANSWERED if setting and setting.takes_mail else Verdict.LOST
        match setting.fault if setting else None:
            case Fault.RESET_AFTER_LAST_BYTE:
                self._remember(mail, content, unanswered, "")
                self.reset()
            case Fault.HALF_ANSWER:
                self._remember(mail, content, unanswered, "250 2.0")
                self.end(b"250 2.0")
            case Fault.GARBAGE_200:
                self._remember(mail, content, unanswered, GARBAGE)
                self._reply(GARBAGE)
            case Fault.HANG_AFTER_DOT:
                self._remember(mail, content, unanswered, "")
                self.withheld = f"{answer}\r\n".encode()
            case Fault.NEVER_ANSWER:
                self._remember(mail, content, unanswered, "")
                self.silence()
            case Fault.ACCEPT_AND_DROP if setting and not setting.takes_mail:
                self._remember(mail, content, Verdict.DROPPED, answer)
                self._reply(answer)
            case _:
                self._remember(mail, content, Verdict.TAKEN, answer)
                self._reply(answer)

    def _remember(self, mail: SmtpMail, content: bytes, verdict: Verdict, answer: str) -> None:
        self.remember(verdict, answer, sender=mail.sender, recipients=tuple(mail.recipients), content=content)

    # --- refusals and answers ---------------------------------------------------------------------------------------

    def _refusal(self, stage: Stage) -> str | None:
        """The reply of the present fault at this stage; None: it does not refuse here."""
        setting = self.provider.fault
        refusal = SMTP_REFUSALS.get(setting.fault) if setting else None
        if setting is None or refusal is None or (setting.stage or refusal.stage) is not stage:
            return None
        return refusal.reply

    def _refuses(self, stage: Stage) -> bool:
        """Give the present fault's refusal, if it has one here."""
        reply = self._refusal(stage)
        if reply is None:
            return False
        self.provider.counts[Verdict.REFUSED] += 1
        self._reply(reply)
        return True

    def _reply(self, line: str) -> None:
        self.say(line.encode() + b"\r\n")

    # --- STARTTLS ---------------------------------------------------------------------------------------------------

    def _start_tls(self) -> None:
        if self._terms.tls is None or self._in_tls:
            self._reply("503 5.5.1 STARTTLS not available")
            return
        self.transport.pause_reading()
        self._input.clear()  # nothing said in clear counts inside TLS (RFC 3207 section 4.2)
        self._upgrading = True
        self._upgrade = asyncio.get_running_loop().create_task(self._put_tls_on(self._terms.tls))

    async def _put_tls_on(self, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.provider.answer_delay_s)
        self.transport.write(b"220 2.0.0 Ready to start TLS\r\n")
        try:
            transport = await loop.start_tls(self.transport, self, context, server_side=True)
        except (OSError, ssl.SSLError):
            self.transport.abort()
            return
        if transport is not None:
            self.transport = transport
            self.answers.use(transport)
            self._forget_client()
            self._in_tls, self._upgrading = True, False
            self.take(b"")
