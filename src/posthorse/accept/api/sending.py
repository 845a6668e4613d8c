"""Sending by the native API: one message or a batch to admission, and what repeats a request.

Promise: a key never sends twice. The first request under a key decides; the same one again gets its receipt, another
one a conflict, one while the first is worked on `409`. Errors are not remembered: the key is free again. In a batch
each message is taken or refused for itself, under a key made of the request's and its place; all of them hold the
request's key together, so that it is good for no other request.

Left out: reading the request (`app`), its JSON (`decoding`), what its fields mean (`intake`).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

from msgspec import Raw

from posthorse.accept.admission import Admission
from posthorse.accept.api.decoding import of_batch
from posthorse.accept.api.intake import Taken, controls_of, taken
from posthorse.accept.api.problems import ApiError, Code, of_refusal
from posthorse.accept.api.wire import BatchAnswer, BatchResult, Message, Options, Receipt
from posthorse.accept.envelope import distinct
from posthorse.accept.refusal import Accepted, Refused
from posthorse.mail.ids import Tenant
from posthorse.mail.large import LARGE_BYTES, SLICE_BYTES
from posthorse.mail.message import Caller, Front, Submission
from posthorse.mail.ports import Clock

AT_ONCE = 20
"""Messages of a batch that are stored together: they share a commit."""
_MAY_BE_LARGE_BYTES = LARGE_BYTES // 4
"""From this size on a message may be composed and stored in turns (encoded, it has grown threefold at most), and its
successors must not overtake it: of two with one supersede key the later one counts."""
_TURN_BYTES = 8 << 10
"""Of messages in JSON, read within one turn. Small parts are dear: so many bytes may take ten milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks, by which way, under which key."""

    caller: Caller
    tls: bool
    key: str
    """The client's idempotency key; empty: none."""
    fingerprint: bytes
    """Digest of the request, for the key."""
    shared_key: str = ""
    """In a batch: the client's key, `key` being that of one message of it."""


class Sending:
    """Brings requests to admission. One per node."""

    def __init__(self, admission: Admission, clock: Clock) -> None:
        self._admission = admission
        self._clock = clock
        self._in_flight: set[tuple[Tenant, str]] = set()

    @contextmanager
    def under_way(self, asked: Asked) -> Iterator[None]:
        """Hold the request's key while it is worked on. Raises `ApiError` if somebody has it."""
        name = (asked.caller.tenant, asked.key)
        if not asked.key:
            yield
            return
        if name in self._in_flight:
            raise ApiError(Code.IDEMPOTENCY_KEY_IN_FLIGHT)
        self._in_flight.add(name)
        try:
            yield
        finally:
            self._in_flight.discard(name)

    async def one(self, asked: Asked, message: Message) -> tuple[Receipt, bool]:
        """Send a JSON message; its receipt, and whether it was accepted before. Raises `ApiError`."""
        return await self.offer(asked, await taken(message, self._admission.policy.max_recipients), message)

    async def offer(self, asked: Asked, mail: Taken, options: Options) -> tuple[Receipt, bool]:
        """Offer mail to admission. Raises `ApiError`."""
        controls = controls_of(options, self._clock.now(), asked.key, asked.fingerprint)
        controls.shared_key = asked.shared_key
        submission = Submission(
            caller=asked.caller,
            front=Front.API,
            sender=mail.sender,
            recipients=mail.recipients,
            content=mail.content,
            smtputf8=True,
            tls=asked.tls,
        )
        verdict = await self._admission.admit(submission, controls)
        match verdict:
            case Refused():
                raise of_refusal(verdict)
            case Accepted(id=message_id, stream=stream):
                receipt = Receipt(
                    id=message_id.hex(),
                    stream=stream.value,
                    recipients=len(distinct(mail.recipients)),
                    url=f"/api/v1/messages/{message_id.hex()}",
                )
                return receipt, verdict.repeated

    async def batch(self, asked: Asked, messages: Sequence[Raw]) -> BatchAnswer:
        """Send each message of a batch."""
        results: list[BatchResult] = []
        for start in range(0, len(messages), AT_ONCE):
            results += await self._some(asked, messages[start : start + AT_ONCE], start)
        accepted = sum(result.status == 202 for result in results)
        return BatchAnswer(accepted=accepted, refused=len(results) - accepted, results=results)

    async def _some(self, asked: Asked, messages: Sequence[Raw], first: int) -> list[BatchResult]:
        """Messages from the place `first` on: read one after the other, stored together and in this order.

        What is worked on within one turn of the loop, in however many tasks, is what everybody else waits for.
        """
        results: list[BatchResult | asyncio.Task[BatchResult]] = []
        read_bytes = 0
        async with asyncio.TaskGroup() as group:
            for number, raw in enumerate(messages, first):
                octets = memoryview(raw)
                try:
                    own, message, mail = await self._read(asked, number, octets)
                except ApiError as error:
                    results.append(_refused(error))
                else:
                    results.append(storing := group.create_task(self._result(own, message, mail)))
                    if len(octets) > _MAY_BE_LARGE_BYTES:
                        await asyncio.wait({storing})
                read_bytes += len(octets)
                if read_bytes > _TURN_BYTES:
                    read_bytes = 0
                    await asyncio.sleep(0)
        return [one.result() if isinstance(one, asyncio.Task) else one for one in results]

    async def _read(self, asked: Asked, number: int, octets: memoryview) -> tuple[Asked, Message, Taken]:
        """One message of a batch, and who asks for it alone. Raises `ApiError`."""
        own = Asked(
            caller=asked.caller,
            tls=asked.tls,
            key=blake2b(f"{number} {asked.key}".encode(), digest_size=32).hexdigest() if asked.key else "",
            fingerprint=await _digest_in_turns(octets) if asked.key else b"",
            shared_key=asked.key,
        )
        message = of_batch(octets)
        return own, message, await taken(message, self._admission.policy.max_recipients)

    async def _result(self, asked: Asked, message: Message, mail: Taken) -> BatchResult:
        try:
            receipt, replayed = await self.offer(asked, mail, message)
        except ApiError as error:
            return _refused(error)
        return BatchResult(status=202, receipt=receipt, replayed=replayed)


def _refused(error: ApiError) -> BatchResult:
    return BatchResult(status=error.code.status, problem=error.problem())


async def _digest_in_turns(octets: memoryview) -> bytes:
    """What makes two messages of a batch the same."""
    digest = blake2b(digest_size=16)
    for at in range(0, len(octets), SLICE_BYTES):
        digest.update(octets[at : at + SLICE_BYTES])
        if at:
            await asyncio.sleep(0)
    return digest.digest()


def digest_of(*parts: bytes) -> bytes:
    """What makes two requests the same."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
