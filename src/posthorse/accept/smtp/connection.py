"""The asyncio shell of one session: moves bytes, performs requests, keeps limits of time and room.

Promise: one wake-up per received chunk and one write per wake-up; at most one task per message; reading stops while a
client does not read its replies or sends more than `MAX_UNREAD_BYTES` ahead of an open decision. Runs on any transport
that keeps asyncio's promises.

Left out: who may connect, and when to give up on everybody (`server`).
"""

import asyncio
import ssl
from typing import TYPE_CHECKING, Final, cast

from posthorse.accept.admission import Offer
from posthorse.accept.refusal import BUG, Refused, Verdict
from posthorse.accept.smtp import reply
from posthorse.accept.smtp.auth import Login
from posthorse.accept.smtp.core import Phase, SmtpSession
from posthorse.accept.smtp.flow import Flow
from posthorse.accept.smtp.terms import Peer, Request, Wish
from posthorse.mail.large import LARGE_BYTES
from posthorse.mail.message import Caller, Submission
from posthorse.spool.port import AdmitResult, SpoolUnavailable

if TYPE_CHECKING:
    from posthorse.accept.smtp.server import SmtpServer

_WAITING: Final = Phase.WAITING
_DATA: Final = Phase.DATA

MAX_UNREAD_BYTES = 64 << 10
BURST_BYTES = 64 << 10
"""Who sends so much in one piece may have more waiting, and is read on when the others had their turn."""
LINGER_S = 2.0
"""How long a closing connection still swallows what the client sends, so that it reads our last words, not a reset."""


class Connection(asyncio.Protocol):
    """One client."""

    __slots__ = (
        "_counted_bytes",
        "_data_since",
        "_ended",
        "_flow",
        "_half_closed",
        "_last_heard",
        "_linger",
        "_loop",
        "_peer",
        "_server",
        "_session",
        "_tls",
        "_transport",
    )

    def __init__(self, server: "SmtpServer", tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._loop.time()
        self._data_since: float | None = None
        self._counted_bytes = 0
        """What this connection adds to the server's `receiving_bytes`."""
        self._ended = False
        self._half_closed = False
        """The client said its last word and waits for ours."""
        self._linger: asyncio.TimerHandle | None = None
        self._peer = Peer(address="")
        self._transport: asyncio.Transport
        self._flow: Flow
        self._session: SmtpSession

    # --- called by the transport ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or turn away."""
        self._transport = cast(asyncio.Transport, transport)
        self._flow = Flow(self._transport)
        self._peer = self._server.peer_at(transport.get_extra_info("peername"))
        terms = self._server.terms(starttls=self._tls is not None)
        active = transport.get_extra_info("sslcontext") is not None
        self._session = SmtpSession(terms, self._server.admission, self._peer, tls=active)
        refused = self._server.enter(self, self._peer)
        if refused is not None:
            self._session.take_output()
            self._perform(self._session.close(reply.refused(refused)))
        else:
            self._flush()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._last_heard = self._loop.time()
        if self._ended:
            return
        if len(data) >= BURST_BYTES:
            self._flow.give_way()
        request = self._session.receive(data)
        if self._counted_bytes or self._session.phase is _DATA:
            self._count_room()
        self._perform(request)

    def eof_received(self) -> bool:
        """The client will say nothing more. An open decision is still answered."""
        self._half_closed = self._session.phase is _WAITING and self._transport.can_write_eof()
        return self._half_closed and not self._ended

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone. An open decision is still carried out: its receipt is lost, the message is not."""
        self._ended = True
        if self._linger is not None:
            self._linger.cancel()
        self._recount(0)
        self._server.leave(self, self._peer)

    def pause_writing(self) -> None:
        """The client does not read: take no more of what it says."""
        self._flow.replies_pile_up(True)

    def resume_writing(self) -> None:
        """It reads again."""
        self._flow.replies_pile_up(False)

    # --- called by the server ---------------------------------------------------------------------------------------

    def check(self, now: float, idle_timeout_s: float, data_timeout_s: float) -> None:
        """Give up on a client that is silent, or takes too long over one message."""
        if self._ended:
            return
        if self._session.phase is _WAITING:
            if now - self._last_heard > 2 * idle_timeout_s:
                self.abort()  # no client waits for longer; what was decided meanwhile stays decided
            return
        in_data = self._session.phase is _DATA
        if not in_data:
            self._data_since = None
        elif self._data_since is None:
            self._data_since = now
        slow = self._data_since is not None and now - self._data_since > data_timeout_s
        if slow or now - self._last_heard > idle_timeout_s:
            self._server.observer.timed_out(self._peer.address)
            self._perform(self._session.break_off(reply.TIMEOUT))

    def stop(self) -> None:
        """End now if idle, else after the message that is under way."""
        if not self._ended:
            self._perform(self._session.stop())

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()

    # --- performing requests ----------------------------------------------------------------------------------------

    def _perform(self, request: Request | None) -> None:
        while request is not None:
            match request:
                case Submission():
                    request = self._admit(request)
                case Login():
                    request = self._log_in(request)
                case Wish.START_TLS:
                    self._flush()
                    self._start_tls()
                    return
                case Wish.CLOSE:
                    self._flush()
                    self._end(linger=False)
                    return
                case Wish.BREAK_OFF:
                    self._flush()
                    self._end(linger=True)
                    return
        self._flush()
        if self._session.phase is _WAITING or self._flow.paused:
            self._flow.too_far_ahead(self._session.phase is _WAITING and self._session.unread_bytes > MAX_UNREAD_BYTES)

    def _flush(self) -> None:
        out = self._session.take_output()
        if out:
            self._transport.write(out)

    def _admit(self, submission: Submission) -> Request | None:
        """Decide; if it is to be stored, the answer follows when that is done."""
        self._data_since = None
        self._recount(len(submission.content))
        if len(submission.content) > LARGE_BYTES:
            self._server.pending_commits += 1
            self._loop.create_task(self._server.admission.admit(submission)).add_done_callback(self._admitted)
            return None
        offer = self._server.admission.decide(submission)
        if isinstance(offer, Refused):
            return self._answer(offer)
        storing = asyncio.ensure_future(self._server.admission.store(offer.new))
        self._server.pending_commits += 1
        came_s = self._last_heard
        storing.add_done_callback(lambda done: self._stored(offer, came_s, done))
        return None

    def _admitted(self, admitting: "asyncio.Task[Verdict]") -> None:
        self._server.pending_commits -= 1
        broken = admitting.cancelled() or self._told(admitting.exception())
        if not self._ended:
            self._continue(self._answer(BUG if broken else admitting.result()))

    def _stored(self, offer: Offer, came_s: float, storing: "asyncio.Future[AdmitResult]") -> None:
        self._server.pending_commits -= 1
        verdict = self._verdict(offer, storing)
        self._server.observer.answered(self._loop.time() - came_s)
        if not self._ended:
            self._continue(self._answer(verdict))

    def _verdict(self, offer: Offer, storing: "asyncio.Future[AdmitResult]") -> Verdict:
        if storing.cancelled():
            return self._server.admission.count(BUG, offer.caller)
        error = storing.exception()
        if error is None:
            return self._server.admission.conclude(offer, storing.result())
        if isinstance(error, SpoolUnavailable):
            return self._server.admission.unavailable(offer, error)
        self._told(error)
        return self._server.admission.count(BUG, offer.caller)

    def _told(self, error: BaseException | None) -> bool:
        """Whether there is a bug; it is made loud."""
        if error is not None:
            self._loop.call_exception_handler({"message": "storing a message failed", "exception": error})
        return error is not None

    def _answer(self, verdict: Verdict) -> Request | None:
        self._recount(0)
        return self._session.answer(verdict)

    def _continue(self, request: Request | None) -> None:
        """Go on after an answer that did not come at once."""
        self._last_heard = self._loop.time()
        self._perform(request)
        if not self._ended and self._half_closed and self._session.phase is not _WAITING:
            self._end(linger=False)

    # --- logging in and TLS -----------------------------------------------------------------------------------------

    def _log_in(self, login: Login) -> Request | None:
        server, address = self._server, self._peer.address
        if not server.throttle.allows(address, login.user):
            server.observer.login_refused(address, throttled=True)
            return self._session.not_authenticated(reply.AUTH_THROTTLED)
        caller = server.credentials.recognise(login.user, login.password, address)
        if caller is None and server.credentials.has_chosen_passwords:
            proving = self._loop.create_task(server.credentials.prove(login.user, login.password, address))
            proving.add_done_callback(lambda done: self._proved(login, done))
            return None
        return self._logged_in(login, caller)

    def _proved(self, login: Login, proving: "asyncio.Task[Caller | None]") -> None:
        if self._ended:
            return
        if proving.cancelled() or proving.exception() is not None:
            self._continue(self._session.not_authenticated(reply.AUTH_BROKEN))
        else:
            self._continue(self._logged_in(login, proving.result()))

    def _logged_in(self, login: Login, caller: Caller | None) -> Request | None:
        if caller is not None:
            return self._session.authenticated(caller)
        self._server.throttle.failed(self._peer.address, login.user)
        self._server.observer.login_refused(self._peer.address, throttled=False)
        return self._session.not_authenticated()

    def _start_tls(self) -> None:
        self._transport.pause_reading()  # until TLS reads: not one more byte in plain text
        upgrading = self._loop.create_task(self._upgrade())
        self._server.keep(upgrading)

    async def _upgrade(self) -> None:
        assert self._tls is not None, "STARTTLS is offered with a certificate only"
        try:
            upgraded = await self._loop.start_tls(
                self._transport,
                self,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=self._server.limits.handshake_s,
            )
        except (TimeoutError, OSError, ssl.SSLError):
            upgraded = None
        if upgraded is None:  # the handshake failed: asyncio closed the transport and tells nobody
            self._transport.abort()
            if not self._ended:
                self.connection_lost(None)
            return
        self._transport = upgraded
        self._flow = Flow(upgraded)
        self._continue(self._session.tls_started())

    # --- room and the end --------------------------------------------------------------------------------------------

    def _count_room(self) -> None:
        held = self._session.held_bytes
        if held != self._counted_bytes:
            self._recount(held)
            if self._server.over_room():
                self._session.give_up_data()
                self._recount(self._session.held_bytes)

    def _recount(self, held_bytes: int) -> None:
        self._server.receiving_bytes += held_bytes - self._counted_bytes
        self._counted_bytes = held_bytes

    def _end(self, *, linger: bool) -> None:
        if self._ended:
            return
        self._ended = True
        self._recount(0)
        if linger and self._transport.can_write_eof() and not self._transport.is_closing():
            self._flow.open()
            self._transport.write_eof()
            self._linger = self._loop.call_later(LINGER_S, self._transport.abort)
        else:
            self._transport.close()
