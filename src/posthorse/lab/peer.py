"""One connection to a simulated provider, whatever its wire: the faults that need no knowledge of the words spoken.

Duty: being deaf, mute, late, reset, or holding an answer back until the fault ends. Promise: a fault switched on or off
acts on this connection at once, and what came while it was deaf is taken afterwards, as a process does that was stopped
for a while. Left out: the words (`SmtpPeer`, `HttpPeer`).
"""

import asyncio
from typing import cast

from posthorse.lab.answers import CLOSE, AnswerQueue
from posthorse.lab.faults import Fault
from posthorse.lab.simulated import Exchange, SimulatedProvider, Verdict


class FaultyPeer(asyncio.Protocol):
    """The server's end of one connection. A wire gives `greet` and `take`, and speaks with `say`."""

    transport: asyncio.Transport
    answers: AnswerQueue

    def __init__(self, provider: SimulatedProvider) -> None:
        self.provider = provider
        self.number = 0
        """Number of the connection at its provider, from 1."""
        self.is_over = False
        """Nothing that comes is taken any more."""
        self.withheld: bytes | None = None
        """An answer kept back by `HANG_AFTER_DOT`; nothing is taken meanwhile."""
        self._kept = bytearray()
        """What came while nothing was taken."""
        self._made = self._greeted = self._silenced = False

    # --- what a wire gives ------------------------------------------------------------------------------------------

    def greet(self) -> None:
        """Speak first, if this wire does. Called once, when the connection is first read."""

    def take(self, data: bytes) -> None:
        """Act on what came; empty: go on with what is left over."""
        raise NotImplementedError

    # --- what a wire says -------------------------------------------------------------------------------------------

    @property
    def fault(self) -> Fault | None:
        """The provider's present fault."""
        setting = self.provider.fault
        return setting.fault if setting else None

    def say(self, answer: bytes) -> None:
        """Answer, as late as the provider does; a mute provider never does, on this connection."""
        if self._silenced or self.fault is Fault.NEVER_ANSWER:
            self._silenced = True
        else:
            self.answers.say(answer, self.provider.answer_delay_s)

    def end(self, last_words: bytes = b"") -> None:
        """Say this, then close."""
        self.is_over = True
        if last_words:
            self.say(last_words)
        self.say(CLOSE)

    def silence(self) -> None:
        """Never answer on this connection again."""
        self._silenced = True

    def remember(
        self,
        verdict: Verdict,
        answer: str,
        *,
        sender: str,
        recipients: tuple[str, ...],
        content: bytes,
        delivered_apart: bool = False,
    ) -> None:
        """Tell the provider of a message that was offered (`SimulatedProvider.remember`)."""
        exchange = Exchange(
            provider=self.provider.name,
            at=self.provider.now(),
            connection=self.number,
            sender=sender,
            recipients=recipients,
            content=content,
            verdict=verdict,
            answer=answer,
        )
        self.provider.remember(exchange, delivered_apart=delivered_apart)

    # --- asyncio's protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected, or TLS was put on top of a connection that was made already."""
        self.transport = cast(asyncio.Transport, transport)  # other loops have classes of their own
        if not self._made:
            self._made = True
            self.answers = AnswerQueue(self.transport)
            self.number = self.provider.join(self)
            self._obey_fault()

    def data_received(self, data: bytes) -> None:
        """Take what came, or keep it until the fault allows."""
        if self.is_over:
            return
        if self._kept or self.withheld is not None or self.provider.is_deaf:
            self._kept += data
        else:
            self._take_gathering(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        del exc
        self.is_over = True
        self.answers.drop()
        self.provider.leave(self)

    # --- the provider's peer ----------------------------------------------------------------------------------------

    def fault_changed(self) -> None:
        """Follow the provider's new fault."""
        if self._silenced and self.fault is not Fault.NEVER_ANSWER:
            self.reset()
            return
        self._obey_fault()
        if self.withheld is not None and self.fault is not Fault.HANG_AFTER_DOT:
            answer, self.withheld = self.withheld, None
            self.say(answer)
        if self.withheld is None and not self.provider.is_deaf and not self.is_over:
            kept, self._kept = bytes(self._kept), bytearray()
            self._take_gathering(kept)

    def reset(self) -> None:
        """End with RST."""
        self.is_over = True
        self.provider.door.reset(self.transport)

    def _take_gathering(self, data: bytes) -> None:
        self.answers.gather()
        self.take(data)
        self.answers.flush()

    def _obey_fault(self) -> None:
        if self.provider.is_deaf:
            self.transport.pause_reading()
            return
        self.transport.resume_reading()
        if not self._greeted:
            self._greeted = True
            self.greet()
