"""A provider that takes fields, not MIME: what all of them have in common.

Promise: *recomposed* fidelity. A group is offered only what the provider's fields can say of the whole message; the
survey answers that before anything is tried, and the attempt holds to the same answer. Our message id travels in the
request, so that events can be matched even when the answer was lost. The request misses its last byte until the release
gate said yes. What the provider refused once of a mail (not of an address, nor of our account) it is not offered again.

Left out: taking apart (`mime`), each provider's fields and answers (`sendgrid`, `postmark`).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, assert_never

from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.large import LARGE_BYTES, SLICE_BYTES, poured, vessel
from posthorse.mail.outcome import Deferral, Handover, Outcome, Rejection, Reply, Scope
from posthorse.mail.ports import (
    Clock,
    HttpExchange,
    HttpRequest,
    HttpResponse,
    NoAnswer,
    Target,
)
from posthorse.providers.handover_call import Answered, Unanswered, call
from posthorse.providers.mime.dissection import Dissected, Undissected, Unfit
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.port import AttemptReport, Capability, HandoverGroup, NotNow, Obstacle, ReleaseGate
from posthorse.providers.seating import Seating, UnfitPart, seat
from posthorse.providers.table import Phase

ID_KEY = "posthorse-id"
"""Under this name our message id travels, in hexadecimal."""
_MOST_REFUSED = 10_000

Piece = bytes | memoryview


class Dialect(Protocol):
    """How one provider wants it. Pure."""

    @property
    def kind(self) -> str:
        """As in `[[providers]] kind`."""
        ...

    @property
    def capability(self) -> Capability:
        """What it can carry."""
        ...

    @property
    def target(self) -> Target:
        """Where its API is."""
        ...

    @property
    def path(self) -> str:
        """Where mail is sent to."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Credentials and forms of the request."""
        ...

    def check(self, letter: Dissected) -> None:
        """Raises `Unfit` if its fields cannot say all of this."""
        ...

    def request(self, letter: Dissected, seating: Seating, message_id: MessageId) -> Iterable[Piece]:
        """The body of a request, in pieces."""
        ...

    def silence(self, phase: Phase, why: str) -> Outcome:
        """What it means that there was no complete answer."""
        ...

    def outcomes(
        self, phase: Phase, response: HttpResponse, seating: Seating, recipients: Sequence[tuple[int, str]], now: int
    ) -> Mapping[int, Outcome]:
        """What an answer means for each recipient; `now` in microseconds UTC."""
        ...


class RecomposedProvider:
    """One account at a structured provider. Implements `posthorse.providers.port.Surveying`."""

    def __init__(
        self, *, name: ProviderName, dialect: Dialect, dissector: Dissector, exchange: HttpExchange, clock: Clock
    ) -> None:
        self.name = name
        self.kind = dialect.kind
        self.capability = dialect.capability
        self._dialect = dialect
        self._dissector = dissector
        self._exchange = exchange
        self._clock = clock
        self._refused: OrderedDict[tuple[MessageId, tuple[int, ...]], str] = OrderedDict()
        """What it said of mail that it will not take, by message and recipients."""

    async def survey(self, group: HandoverGroup) -> Obstacle | None:
        """Why this group can never be carried whole; see the port."""
        known = self._refused.get(_key(group))
        if known is not None:
            return Obstacle(why=f"refused it: {known}")
        try:
            await self._read(group)
        except Unfit as unfit:
            return Obstacle(why=f"cannot carry: {unfit}", of_part=isinstance(unfit, UnfitPart))
        except NoAnswer as failed:
            raise NotNow(str(failed)) from failed
        return None

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """Try once; see the port."""
        numbers = tuple(n for n, _ in group.recipients)
        try:
            pieces, seating = await self._read(group)
        except Unfit as unfit:
            reply = Reply(text=f"cannot carry: {unfit}")
            return AttemptReport(outcomes=dict.fromkeys(numbers, Rejection(scope=Scope.CHANNEL, reply=reply)))
        except NoAnswer as failed:
            reply = Reply(text=f"cannot look into the message now: {failed}")
            return AttemptReport(outcomes=dict.fromkeys(numbers, Deferral(scope=Scope.US, reply=reply)))
        request = await self._request(group, pieces)
        del pieces
        answer = await call(self._exchange, request, gate, numbers)
        match answer:
            case None:
                return AttemptReport(outcomes={})
            case Unanswered(phase=phase, why=why):
                return AttemptReport(outcomes=dict.fromkeys(numbers, self._dialect.silence(phase, why)))
            case Answered(phase=phase, response=response):
                outcomes = self._dialect.outcomes(phase, response, seating, group.recipients, self._clock.now())
            case _:
                assert_never(answer)
        self._learn(group, outcomes)
        return AttemptReport(outcomes=outcomes)

    async def prepare(self, connections: int) -> None:
        """Have this many connections open and idle."""
        await self._exchange.prepare(self._dialect.target, connections)

    async def close(self) -> None:
        """Nothing of its own stays open: connections belong to the exchange."""

    # --- details ----------------------------------------------------------------------------------------------------

    async def _read(self, group: HandoverGroup) -> tuple[Sequence[Piece], Seating]:
        """The body of the request. Raises `Unfit`, and `NoAnswer` if nobody can look into the message now."""
        most = self.capability.max_recipients
        if len(group.recipients) > most:
            raise Unfit(f"{len(group.recipients)} recipients at once, it takes {most}")
        dissection = await self._dissector.dissect(group.message.id, group.body)
        if isinstance(dissection, Undissected):
            raise Unfit(dissection.why)
        seating = seat(dissection, group.recipients)
        self._dialect.check(dissection)
        pieces = tuple(self._dialect.request(dissection, seating, group.message.id))
        size = sum(map(len, pieces))
        if size > self.capability.max_size_bytes:
            raise Unfit(f"{size} bytes are over its limit of {self.capability.max_size_bytes}")
        return pieces, seating

    async def _request(self, group: HandoverGroup, pieces: Sequence[Piece]) -> HttpRequest:
        size = sum(map(len, pieces))
        return HttpRequest(
            target=self._dialect.target,
            method="POST",
            path=self._dialect.path,
            headers=self._dialect.headers,
            body=b"".join(pieces) if size <= LARGE_BYTES else await _joined_in_turns(pieces),
            connect_s=group.limits.connect_s,
            stall_s=group.limits.answer_s,
        )

    def _learn(self, group: HandoverGroup, outcomes: Mapping[int, Outcome]) -> None:
        """From an answer: what will not be needed any more, and what need not be tried again."""
        if all(isinstance(outcome, Handover) for outcome in outcomes.values()):
            self._dissector.forget(group.message.id)
        for outcome in outcomes.values():
            if isinstance(outcome, Rejection) and outcome.scope is Scope.CHANNEL:
                self._refused[_key(group)] = f"{outcome.reply.code} {outcome.reply.text[:200]}"
                if len(self._refused) > _MOST_REFUSED:
                    self._refused.popitem(last=False)
                return


def _key(group: HandoverGroup) -> tuple[MessageId, tuple[int, ...]]:
    return group.message.id, tuple(n for n, _ in group.recipients)


async def _joined_in_turns(pieces: Sequence[Piece]) -> bytes:
    """One body, giving way to others after every slice."""
    body = vessel()
    for piece in pieces:
        if len(piece) <= LARGE_BYTES:
            body.write(piece)
            continue
        view = memoryview(piece)
        for at in range(0, len(view), SLICE_BYTES):
            body.write(view[at : at + SLICE_BYTES])
            await asyncio.sleep(0)
    return poured(body)
