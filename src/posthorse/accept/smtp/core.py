"""One SMTP session, without I/O: bytes in, bytes out, and requests to the shell that runs it.

Promise: a command line ends at CRLF and holds no other CR, LF or NUL, a message ends at CRLF . CRLF; nothing outlives
STARTTLS; what is held is bounded. The shell hands in what came (`receive`), writes what `take_output` gives and
performs the request it gets back; while a request is open, nothing further is interpreted.

Left out: what commands mean (`conversation`), sockets, timeouts and numbers of connections (`connection`, `server`).
"""

from enum import Enum
from typing import Final, assert_never

from posthorse.accept.refusal import BARE_LINE_END, OVERLOADED, TOO_BIG, Accepted, Refused, Verdict, malformed
from posthorse.accept.smtp import reply
from posthorse.accept.smtp.auth import MAX_LINE_BYTES, Login
from posthorse.accept.smtp.conversation import Conversation, Turn
from posthorse.accept.smtp.data import DataReader, Trouble
from posthorse.accept.smtp.terms import Gate, Peer, Request, Terms, Wish
from posthorse.mail.message import Caller, Front, Submission


class Phase(Enum):
    """What the next bytes are."""

    COMMANDS = "commands"
    DATA = "data"
    WAITING = "waiting"
    """For the shell; what comes is kept unread."""
    CLOSED = "closed"


# Looking a member up on its class costs ten times a name, and these are asked for every chunk.
_COMMANDS: Final = Phase.COMMANDS
_DATA: Final = Phase.DATA
_WAITING: Final = Phase.WAITING
_CLOSED: Final = Phase.CLOSED
_BARE_LINE_END: Final = Trouble.BARE_LINE_END
_SMTP: Final = Front.SMTP


class SmtpSession:
    """The server's side of one connection."""

    __slots__ = ("_at", "_buffer", "_gate", "_max_size_bytes", "_reader", "_stopping", "_talk", "phase")

    def __init__(self, terms: Terms, gate: Gate, peer: Peer, *, tls: bool = False) -> None:
        self._talk = Conversation(terms, gate, peer, tls=tls)
        self._gate = gate
        self._max_size_bytes = terms.max_size_bytes
        self._buffer = b""
        self._at = 0
        """How far the buffer is interpreted."""
        self._reader: DataReader | None = None
        self._stopping = False
        self.phase: Phase = _COMMANDS

    # --- the shell's side -------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> Request | None:
        """Take bytes as they came; the request that is now open, if any."""
        if self._reader is not None:
            return self._read(self._reader, data)
        if self.phase is _CLOSED:
            return None
        self._buffer = self._buffer[self._at :] + data if self._buffer else data
        self._at = 0
        return self._interpret()

    def take_output(self) -> bytes:
        """What is to be written now, in one piece."""
        out = self._talk.out
        if not out:
            return b""
        if len(out) == 1:
            return out.pop()
        joined = b"".join(out)
        out.clear()
        return joined

    def answer(self, verdict: Verdict) -> Request | None:
        """The decision about the submission."""
        said = reply.receipt(verdict.id) if isinstance(verdict, Accepted) else reply.refused(verdict)
        self._talk.out.append(said)
        self._talk.delivered()
        return self._go_on()

    def authenticated(self, caller: Caller) -> Request | None:
        """The login was right."""
        self._talk.caller = caller
        self._talk.out.append(reply.AUTHENTICATED)
        return self._go_on()

    def not_authenticated(self, answer: bytes = reply.AUTH_INVALID) -> Request | None:
        """The login was wrong, or could not be checked."""
        if self._talk.login_refused(answer) is not None:
            return self._end(Wish.BREAK_OFF)
        return self._go_on()

    def tls_started(self) -> Request | None:
        """The handshake is done: a new beginning, with nothing kept."""
        self._talk.tls = True
        self._talk.begin()
        return self._go_on()

    def close(self, last_words: bytes) -> Request:
        """End the session after one more reply."""
        self._talk.out.append(last_words)
        return self._end(Wish.CLOSE)

    def break_off(self, last_words: bytes) -> Request:
        """The same, while the client may still be sending."""
        self._talk.out.append(last_words)
        return self._end(Wish.BREAK_OFF)

    def stop(self) -> Request | None:
        """The server shuts down: an idle session ends now, a busy one after its message."""
        self._stopping = True
        return self._interpret()

    def give_up_data(self) -> None:
        """Refuse the message being read, for want of room; its rest is not kept."""
        if self._reader is not None:
            self._reader.give_up(Trouble.NO_ROOM)

    @property
    def held_bytes(self) -> int:
        """Bytes kept of the message being read."""
        return self._reader.held_bytes if self._reader is not None else 0

    @property
    def unread_bytes(self) -> int:
        """Bytes that wait for the open request."""
        return len(self._buffer) - self._at

    # --- inside -----------------------------------------------------------------------------------------------------

    def _go_on(self) -> Request | None:
        self.phase = _COMMANDS
        return self._interpret()

    def _interpret(self) -> Request | None:
        """Obey complete lines until a request is open or a message begins."""
        while self.phase is _COMMANDS:
            if self._stopping:
                return self.close(reply.SHUTTING_DOWN)
            buffer, start = self._buffer, self._at
            if start == len(buffer):
                return None
            end = buffer.find(b"\r\n", start)
            if end < 0:
                return self._incomplete(buffer[start:])
            line = buffer[start:end]
            if b"\n" in line or b"\r" in line or b"\0" in line:
                return self.break_off(reply.NOT_A_LINE)
            self._at = end + 2
            turn = self._talk.obey(line, self._at < len(buffer))
            if turn is not None:
                return self._turn(turn)
        return None

    def _incomplete(self, rest: bytes) -> Request | None:
        if len(rest) > MAX_LINE_BYTES:
            return self.break_off(reply.LINE_TOO_LONG)
        # The last: a TLS handshake where none was agreed.
        if b"\n" in rest or b"\0" in rest or b"\r" in rest[:-1] or rest.startswith(b"\x16\x03"):
            return self.break_off(reply.NOT_A_LINE)
        self._buffer, self._at = rest, 0
        return None

    def _turn(self, turn: Turn | Login) -> Request | None:
        match turn:
            case Login():
                self.phase = _WAITING
                return turn
            case Turn.DATA:
                self._reader = DataReader(self._max_size_bytes)
                self._buffer, self._at = b"", 0
                self.phase = _DATA
                return None
            case Turn.START_TLS:
                self._buffer, self._at = b"", 0
                self.phase = _WAITING
                return Wish.START_TLS
            case Turn.CLOSE:
                return self._end(Wish.CLOSE)
            case Turn.BREAK_OFF:
                return self._end(Wish.BREAK_OFF)
            case _:
                assert_never(turn)

    def _end(self, wish: Wish) -> Request:
        self.phase = _CLOSED
        self._reader = None
        self._buffer, self._at = b"", 0
        return wish

    def _read(self, reader: DataReader, data: bytes) -> Request | None:
        rest = reader.feed(data)
        if reader.trouble is _BARE_LINE_END:
            return self.break_off(self._refuse(BARE_LINE_END))
        if not reader.complete:
            return None
        self._reader = None
        self._buffer, self._at = rest, 0
        if reader.trouble is not None:
            self._talk.out.append(self._refuse(_REFUSALS[reader.trouble]))
            self._talk.delivered()
            return self._go_on()
        self.phase = _WAITING
        return self._submission(reader.content())

    def _refuse(self, refused: Refused) -> bytes:
        return reply.refused(self._gate.count(refused, self._talk.caller))

    def _submission(self, content: bytes) -> Submission:
        talk = self._talk
        assert talk.caller is not None, "MAIL is refused without a caller"
        assert talk.mail is not None, "DATA is refused without MAIL"
        return Submission(
            caller=talk.caller,
            front=_SMTP,
            sender=talk.mail.sender,
            recipients=tuple(talk.recipients),
            content=content,
            smtputf8=talk.mail.smtputf8,
            helo=talk.helo,
            tls=talk.tls,
        )


_REFUSALS = {
    Trouble.BARE_LINE_END: BARE_LINE_END,
    Trouble.TOO_BIG: TOO_BIG,
    Trouble.LINE_TOO_LONG: malformed("a line is longer than 998 bytes, encode the content"),
    Trouble.NO_ROOM: OVERLOADED,
}
