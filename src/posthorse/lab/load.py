"""Load: real clients that offer messages at a steady rate and keep every receipt.

Duty: offer N messages over C connections by SMTP, and a share of them by the SES API, trying again on temporary
refusals and lost connections as an application would. Promises: a message is offered at its appointed time however slow
the server is (what waits, waits in the client and counts from then); a try that ended without an answer after
everything was sent is counted as the client's own repetition when it is made again. Left out: the dialogues.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from posthorse.lab.load_mail import DEFAULT_MIX, LoadReport, Offer, Receipt, ReceiptFile, offers
from posthorse.lab.load_ses import ApiPlan, ses_opener
from posthorse.lab.load_session import Never, NotNow, Opener, Session
from posthorse.lab.load_smtp import SmtpSession
from posthorse.mail.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What to send, where, how fast."""

    host: str
    port: int
    username: str = ""
    """With a password AUTH PLAIN is used."""
    password: str = ""
    messages: int
    rate_per_s: float = 0
    """0: as fast as the server takes them."""
    connections: int = 8
    mix: Mapping[Stream, float] = field(default_factory=lambda: DEFAULT_MIX)
    size_bytes: int = 2_000
    run: str = "load"
    seed: int = 1
    retry_s: float = 0.25
    """Pause before a try is made again."""
    answer_s: float = 30.0
    """How long a reply is waited for."""
    give_up_s: float = 60.0
    """After the last message was offered: how long to go on trying."""
    receipts: Path | None = None
    api: ApiPlan | None = None
    """Some go by the SES API."""


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """A message not yet accepted."""

    offer: Offer
    offered_at: int
    tries: int = 0
    repeated: bool = False


class Load:
    """One load under way; `report` is true at any moment."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.report = LoadReport()
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._api_queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._open = 0
        """Offered and neither accepted nor refused."""
        self._all_offered = False
        self._settled = asyncio.Event()
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        """Numbers of receipts somebody waits for."""
        self._file = ReceiptFile(plan.receipts)

    async def run(self) -> LoadReport:
        """Offer everything, wait until all is accepted or refused, or `give_up_s` is over."""
        plan = self.plan
        workers = [asyncio.create_task(self._work(self._queue, self._by_smtp)) for _ in range(plan.connections)]
        if plan.api is not None:
            by_api = ses_opener(plan.api, answer_s=plan.answer_s)
            workers += [asyncio.create_task(self._work(self._api_queue, by_api)) for _ in range(plan.api.connections)]
        try:
            await self._offer_all()
            self._all_offered = True
            self._note_settled()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.plan.give_up_s):
                    await self._settled.wait()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self.report.given_up = self._open
            self._file.close()
        return self.report

    async def accepted(self, count: int) -> None:
        """Wait for the receipt of that number: at once when it comes, before anything else happens."""
        if self.report.accepted < count:
            arrival = asyncio.get_running_loop().create_future()
            self._awaited.append((count, arrival))
            await arrival

    async def _offer_all(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        plan = self.plan
        made = offers(plan.run, plan.messages, plan.mix, plan.size_bytes, plan.seed)
        for number, offer in enumerate(made):
            if plan.rate_per_s:
                await asyncio.sleep(begun + number / plan.rate_per_s - loop.time())
            self._open += 1
            self.report.offered += 1
            self.report.first_offer_at = self.report.first_offer_at or _now()
            queue = self._api_queue if plan.api is not None and number % plan.api.every == 0 else self._queue
            self.report.by_api += queue is self._api_queue
            queue.put_nowait(_Waiting(offer=offer, offered_at=_now()))

    async def _by_smtp(self) -> Session:
        plan = self.plan
        return await SmtpSession.open(
            plan.host, plan.port, username=plan.username, password=plan.password, answer_s=plan.answer_s
        )

    async def _work(self, queue: asyncio.Queue[_Waiting], opened: Opener) -> None:
        """One connection after the other, one message after the other."""
        session: Session | None = None
        try:
            while True:
                waiting = await queue.get()
                session = session or await self._connect(opened)
                waiting.tries += 1
                try:
                    self._accept(waiting, await session.send(waiting.offer))
                except Never as refused:
                    self._refuse(str(refused))
                except NotNow as problem:
                    await session.close()
                    session = None
                    self._again(queue, waiting, is_doubtful=problem.is_doubtful)
        finally:
            if session is not None:
                await session.close()

    async def _connect(self, opened: Opener) -> Session:
        """Try until there is a connection; what waits meanwhile waits in the queue."""
        while True:
            try:
                return await opened()
            except NotNow:
                self.report.retries += 1
                await asyncio.sleep(self.plan.retry_s)

    def _accept(self, waiting: _Waiting, receipt: str) -> None:
        self.report.accepted += 1
        self.report.last_receipt_at = _now()
        self._file.add(
            Receipt(
                load_id=waiting.offer.load_id,
                receipt=receipt,
                stream=waiting.offer.stream.value,
                recipient=waiting.offer.recipient,
                offered_at=waiting.offered_at,
                accepted_at=self.report.last_receipt_at,
                tries=waiting.tries,
                repeated=waiting.repeated,
            )
        )
        for awaited in [awaited for awaited in self._awaited if awaited[0] <= self.report.accepted]:
            self._awaited.remove(awaited)
            awaited[1].set_result(None)
        self._settle()

    def _refuse(self, reply: str) -> None:
        self.report.refused += 1
        self.report.refusals[reply] = self.report.refusals.get(reply, 0) + 1
        self._settle()

    def _again(self, queue: asyncio.Queue[_Waiting], waiting: _Waiting, *, is_doubtful: bool) -> None:
        self.report.retries += 1
        self.report.repetitions += is_doubtful
        waiting.repeated = waiting.repeated or is_doubtful
        asyncio.get_running_loop().call_later(self.plan.retry_s, queue.put_nowait, waiting)

    def _settle(self) -> None:
        self._open -= 1
        self._note_settled()

    def _note_settled(self) -> None:
        if self._all_offered and not self._open:
            self._settled.set()


async def run_load(plan: LoadPlan) -> LoadReport:
    """Run a whole load."""
    return await Load(plan).run()


def with_rate_over(plan: LoadPlan, seconds: float) -> LoadPlan:
    """The same load spread evenly over so many seconds."""
    return replace(plan, rate_per_s=plan.messages / seconds)


def _now() -> int:
    return time.time_ns() // 1_000
