"""One connection to a simulated provider with an HTTP API, whichever: requests in, faults, fates, answers out.

Duty: cut requests, keep their order, perform the faults around a request that would be taken, and decide what becomes
of each recipient. A wire gives `handle` (routes, authentication, its own shapes) and calls `offer` for mail. Promises:
what is remembered is what was offered, what arrives is what the provider makes of it; only what would be answered with
a yes can be struck by a fault behind the last byte. Runs on any asyncio transport, in real or virtual time. Left out:
the words (`SesPeer`, `SendgridPeer`, `PostmarkPeer`).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from posthorse.lab.fates import Mailing
from posthorse.lab.faults import GARBAGE, Fault, Wire
from posthorse.lab.http_words import Answer, BadRequest, Request, RequestReader
from posthorse.lab.peer import FaultyPeer
from posthorse.lab.refusals import HttpRefusal, refusal_of
from posthorse.lab.simulated import SimulatedProvider, Verdict


class HttpRefused(Exception):
    """A complete no."""

    def __init__(self, refusal: HttpRefusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail that a request asks to send."""

    mailing: Mailing
    """As it will be told of; its recipients get the mail unless their fate says otherwise."""
    arriving: Callable[[], bytes]
    """Makes the MIME that arrives; called only if any does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What one request asks to send, and the yes to it."""

    letters: tuple[Letter, ...]
    content: bytes
    """As offered: raw MIME, or the request's JSON."""
    answer: Answer
    note: str
    """First line of the yes, for the memory."""

    @property
    def sender(self) -> str:
        """Who sends."""
        return self.letters[0].mailing.sender

    @property
    def recipients(self) -> tuple[str, ...]:
        """All recipients of all letters."""
        return tuple(one for letter in self.letters for one in letter.mailing.recipients)


_OF_ALL = (Fault.ANSWER_5XX, Fault.ANSWER_429)
"""Refusals of every operation, not of sending alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTerms:
    """What one simulated account asks of its clients; each wire adds its credentials."""

    verified: frozenset[str] = frozenset()
    """Sending domains that the account may use, in lower case; empty: all."""


T = TypeVar("T", bound=HttpTerms)


class HttpPeer(FaultyPeer, Generic[T]):
    """One connection of a client to a simulated HTTP API."""

    wire: Wire
    """Given by each wire."""
    sending: str
    """Path of the operation that sends mail; given by each wire."""

    def __init__(self, provider: SimulatedProvider, terms: T) -> None:
        super().__init__(provider)
        self.terms = terms
        self._reader = RequestReader()

    # --- what a wire gives ------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> None:
        """Act on one request: `offer` its mail, `answer` it, or raise `HttpRefused`."""
        raise NotImplementedError

    def refused(self, refusal: HttpRefusal) -> Answer:
        """The answer of a no, in this provider's shape."""
        raise NotImplementedError

    # --- requests ---------------------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Answer the requests that are complete."""
        try:
            if data:
                self._reader.feed(data)
        except BadRequest:
            page = Answer(status=400, body=b"<html><body>Bad Request</body></html>", content_type="text/html")
            self.end(page.render(close=True))
            return
        if self._reader.expects_continue:
            self._reader.expects_continue = False
            self.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        while self._reader.complete and self.withheld is None and not self.is_over:
            request = self._reader.complete.popleft()
            try:
                self.handle(request)
            except HttpRefused as no:
                self.answer(request, self.refused(no.refusal))

    def answer(self, request: Request, answer: Answer) -> None:
        """Answer a request, and close if its client wants that."""
        if request.keeps_open:
            self.say(answer.render())
        else:
            self.end(answer.render(close=True))

    def refuse_early(self, request: Request) -> None:
        """Raise what an operation is refused for before its body is looked at; a refused message is remembered."""
        sends = request.path == self.sending
        refusal = refusal_of(self.wire, self.fault)
        if refusal is not None and (self.fault is Fault.AUTH_REVOKED or (self.fault in _OF_ALL and not sends)):
            self.provider.counts[Verdict.REFUSED] += sends
            raise HttpRefused(refusal)

    # --- mail -------------------------------------------------------------------------------------------------------

    def offer(self, request: Request, mail: Offered, own: HttpRefusal | None = None) -> None:
        """Take the mail and say so, unless it is refused, or the fault is one of those behind the last byte.

        `own`: why the wire itself would refuse it.
        """
        self._refuse(mail, own)
        setting = self.provider.fault
        unanswered = Verdict.TAKEN_UNANSWERED if setting and setting.takes_mail else Verdict.LOST
        match setting.fault if setting else None:
            case Fault.RESET_AFTER_LAST_BYTE:
                self._end(mail, unanswered, "")
                self.reset()
            case Fault.HALF_ANSWER:
                self._end(mail, unanswered, f"{mail.answer.status} cut short")
                whole = mail.answer.render()
                self.end(whole[: len(whole) - (len(mail.answer.body) or len(whole)) // 2])
            case Fault.GARBAGE_200:
                self._end(mail, unanswered, "200 text/html")
                self.answer(request, Answer(status=200, body=GARBAGE.encode(), content_type="text/html"))
            case Fault.HANG_AFTER_DOT:
                self._end(mail, unanswered, "")
                self.withheld = mail.answer.render()
            case Fault.NEVER_ANSWER:
                self._end(mail, unanswered, "")
                self.silence()
            case Fault.ACCEPT_AND_DROP if setting and not setting.takes_mail:
                self._end(mail, Verdict.DROPPED, mail.note)
                self.answer(request, mail.answer)
            case _:
                self._end(mail, Verdict.TAKEN, mail.note)
                self.answer(request, mail.answer)

    def _refuse(self, mail: Offered, own: HttpRefusal | None) -> None:
        """Raise why this mail is not taken, if so: a script, the fault, a sender that is not verified, `own`."""
        verified = self.terms.verified
        is_verified = not verified or mail.sender.rpartition("@")[2].lower() in verified
        refusal = self._scripted(mail.recipients) or refusal_of(
            self.wire, self.fault if is_verified else Fault.ANSWER_4XX, mail.sender
        )
        refusal = refusal or own
        if refusal is not None:
            self._keep(mail, Verdict.REFUSED, f"{refusal.status} {refusal.kind}".strip())
            raise HttpRefused(refusal)

    def _scripted(self, recipients: tuple[str, ...]) -> HttpRefusal | None:
        for recipient in recipients:
            script = self.provider.scripted(recipient)
            if script is not None and not script.startswith("2"):
                return HttpRefusal.scripted(script)
        return None

    def _end(self, mail: Offered, verdict: Verdict, note: str) -> None:
        """Let it arrive and be told of if it was taken, and remember it."""
        for letter in mail.letters if verdict is not Verdict.LOST else ():
            arriving = self.provider.fate(letter.mailing, dropped=verdict is Verdict.DROPPED)
            if arriving:
                self.provider.deliver(arriving, letter.arriving(), letter.mailing.at)
        self._keep(mail, verdict, note)

    def _keep(self, mail: Offered, verdict: Verdict, note: str) -> None:
        self.remember(
            verdict,
            note,
            sender=mail.sender,
            recipients=mail.recipients,
            content=mail.content,
            delivered_apart=True,
        )


def uuid_like(dice: random.Random) -> str:
    """32 hexadecimal digits by chance, in five groups."""
    digits = f"{dice.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
