"""Load: a real SMTP client that offers messages at a steady rate and keeps every receipt.

Duty: offer N messages over C connections, trying again on 4xx and lost connections as an application would. Promises: a
message is offered at its appointed time however slow the server is (what waits, waits in the client and counts from
then); a try that ended behind the final dot without a reply is counted as the client's own repetition when it is made
again. An independent peer: it shares nothing with the gateway's own ways out. Left out: TLS.
"""

import asyncio
import base64
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from posthorse.lab.load_mail import DEFAULT_MIX, LoadReport, Offer, Receipt, ReceiptFile, offers, receipt_in
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


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """A message not yet accepted."""

    offer: Offer
    offered_at: int
    tries: int = 0
    repeated: bool = False


class _NotNow(Exception):
    """4xx, or the connection ended; `is_doubtful`: behind the final dot, without a reply."""

    def __init__(self, why: str, *, is_doubtful: bool = False) -> None:
        super().__init__(why)
        self.is_doubtful = is_doubtful


class _Never(Exception):
    """5xx."""


class Load:
    """One load under way; `report` is true at any moment."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.report = LoadReport()
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._open = 0
        """Offered and neither accepted nor refused."""
        self._all_offered = False
        self._settled = asyncio.Event()
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        """Numbers of receipts somebody waits for."""
        self._file = ReceiptFile(plan.receipts)

    async def run(self) -> LoadReport:
        """Offer everything, wait until all is accepted or refused, or `give_up_s` is over."""
        workers = [asyncio.create_task(self._work()) for _ in range(self.plan.connections)]
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
            self._queue.put_nowait(_Waiting(offer=offer, offered_at=_now()))

    async def _work(self) -> None:
        """One connection after the other, one message after the other."""
        session: _Session | None = None
        try:
            while True:
                waiting = await self._queue.get()
                session = session or await self._connect()
                waiting.tries += 1
                try:
                    reply = await session.send(waiting.offer)
                    self._accept(waiting, reply)
                except _Never as refused:
                    self._refuse(str(refused))
                except _NotNow as problem:
                    await _hung_up(session)
                    session = None
                    self._again(waiting, is_doubtful=problem.is_doubtful)
        finally:
            await _hung_up(session)

    async def _connect(self) -> "_Session":
        """Try until there is a connection; what waits meanwhile waits in the queue."""
        while True:
            try:
                return await _Session.open(self.plan)
            except _NotNow:
                self.report.retries += 1
                await asyncio.sleep(self.plan.retry_s)

    def _accept(self, waiting: _Waiting, reply: str) -> None:
        self.report.accepted += 1
        self.report.last_receipt_at = _now()
        self._file.add(
            Receipt(
                load_id=waiting.offer.load_id,
                receipt=receipt_in(reply),
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

    def _again(self, waiting: _Waiting, *, is_doubtful: bool) -> None:
        self.report.retries += 1
        self.report.repetitions += is_doubtful
        waiting.repeated = waiting.repeated or is_doubtful
        asyncio.get_running_loop().call_later(self.plan.retry_s, self._queue.put_nowait, waiting)

    def _settle(self) -> None:
        self._open -= 1
        self._note_settled()

    def _note_settled(self) -> None:
        if self._all_offered and not self._open:
            self._settled.set()


class _Session:
    """One connection to the server, past EHLO and AUTH."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer_s: float) -> None:
        self._reader, self.writer, self._answer_s = reader, writer, answer_s

    @classmethod
    async def open(cls, plan: LoadPlan) -> "_Session":
        """Connect, greet, log in. Raises `_NotNow`."""
        try:
            async with asyncio.timeout(plan.answer_s):
                reader, writer = await asyncio.open_connection(plan.host, plan.port)
        except (OSError, TimeoutError) as error:
            raise _NotNow(str(error)) from error
        session = cls(reader, writer, plan.answer_s)
        try:
            await session._expect("2")
            await session._ask("EHLO load.example", "2")
            if plan.username:
                secret = base64.b64encode(f"\0{plan.username}\0{plan.password}".encode()).decode()
                await session._ask(f"AUTH PLAIN {secret}", "2")
        except (_NotNow, _Never) as problem:
            writer.close()
            raise _NotNow(str(problem)) from problem
        return session

    async def send(self, offer: Offer) -> str:
        """Offer one message, pipelined; answers the reply to the final dot. Raises `_NotNow` or `_Never`."""
        commands = f"MAIL FROM:<{offer.sender}>\r\nRCPT TO:<{offer.recipient}>\r\nDATA\r\n"
        self.writer.write(commands.encode())
        replies = [await self._reply() for _ in range(3)]
        for reply in replies:
            _check(reply, "23")
        self.writer.write(offer.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        try:
            reply = await self._reply()
        except _NotNow as lost:
            raise _NotNow(str(lost), is_doubtful=True) from lost
        _check(reply, "2")
        return reply

    async def _ask(self, command: str, wanted: str) -> None:
        self.writer.write(f"{command}\r\n".encode())
        await self._expect(wanted)

    async def _expect(self, wanted: str) -> None:
        _check(await self._reply(), wanted)

    async def _reply(self) -> str:
        """The last line of the next complete reply. Raises `_NotNow` when there is none."""
        try:
            async with asyncio.timeout(self._answer_s):
                while True:
                    line = (await self._reader.readuntil(b"\n")).decode("latin-1").rstrip("\r\n")
                    if line[3:4] != "-":
                        return line
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise _NotNow(f"no reply: {error}") from error


def _check(reply: str, wanted: str) -> None:
    if reply[:1] == "5":
        raise _Never(reply)
    if reply[:1] not in wanted:
        raise _NotNow(reply)


async def _hung_up(session: _Session | None) -> None:
    if session is not None:
        session.writer.close()
        with suppress(OSError):
            await session.writer.wait_closed()


async def run_load(plan: LoadPlan) -> LoadReport:
    """Run a whole load."""
    return await Load(plan).run()


def with_rate_over(plan: LoadPlan, seconds: float) -> LoadPlan:
    """The same load spread evenly over so many seconds."""
    return replace(plan, rate_per_s=plan.messages / seconds)


def _now() -> int:
    return time.time_ns() // 1_000
