"""What the scenarios share: one story about one fault, with real processes, and the ledger that must come out.

The right numbers follow from what the failing provider itself remembers: it knows which messages it was offered and had
no answer for. Of these, `once` and `bulk` must rest in doubt, the others must have gone elsewhere.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from posthorse.control.requests import Providers
from posthorse.lab.faults import Fault
from posthorse.lab.ledger import FaultMark, Ledger, summary
from posthorse.lab.load import run_load
from posthorse.lab.load_mail import LoadReport, read_receipts
from posthorse.lab.mailbox import header_values
from posthorse.lab.rehearsal import Rehearsal, Script, rehearsal
from posthorse.mail.stream import SECOND

WIRES = ("smtp", "ses")
"""Each fault is played on either wire of the first provider."""
TELLING = ("ses", "sendgrid", "postmark")
"""Wires whose providers tell what became of mail."""

BRISK = """
[dispatch]
connect_timeout = "1s"
answer_timeout = "1s"
[streams.urgent]
elsewhere_after = "1s"
[streams.standard]
elsewhere_after = "2s"
"""
"""Shorter waits, so that a story about waiting ends soon; the rules are the same."""

NEVER_TWICE = ("once", "bulk")
_ID_IN_JSON = re.compile(rb'"posthorse-id": ?"([0-9a-f]{32})"')
MESSAGES = 60
"""Offered in one story, unless it says otherwise."""

Run = Callable[[Coroutine[Any, Any, Any]], Any]
"""The fixture that runs one story."""


class Stage:
    """A rehearsal and what a story does with it."""

    def __init__(self, running: Rehearsal) -> None:
        self.running = running
        self.mark: FaultMark | None = None
        self._loads = 0

    async def give(self, fault: Fault | None, **particulars: Any) -> None:
        """Switch the first provider's fault."""
        first = self.running.script.providers[0][0]
        stands = await asyncio.to_thread(self.running.remote.set_fault, first, fault, **particulars)
        if fault is not None:
            self.mark = FaultMark(provider=first, at=stands["fault_since"])

    async def offer(self, messages: int, **particulars: Any) -> LoadReport:
        """Offer mail with a real client, all of which must be accepted."""
        self._loads += 1
        plan = self.running.load_plan(messages=messages, run=f"load{self._loads}", **particulars)
        report = await run_load(plan)
        assert report.accepted == messages, report
        return report

    async def under(self, fault: Fault, *, messages: int = MESSAGES, **offering: Any) -> Ledger:
        """The ledger of messages that are offered while the first provider has this fault, and come to rest."""
        await self.give(fault)
        await self.offer(messages, **offering)
        account = await self.settled()
        await self.assert_right(account)
        return account

    async def settled(self, within_s: float = 30.0) -> Ledger:
        """The ledger, once every message is at an end of duty or rests in doubt for good."""
        return await self.once(self._rests, within_s)

    async def once(self, look: Callable[[], Awaitable[bool]], within_s: float) -> Ledger:
        """The ledger, once `look` says so; the gateway is asked again and again, since it tells nobody by itself."""
        try:
            async with asyncio.timeout(within_s):
                while not await look():  # noqa: ASYNC110 - nothing tells us across processes
                    await asyncio.sleep(0.05)  # between two questions
        except TimeoutError:
            account = await self.running.account(self.mark)
            raise AssertionError("it did not come to rest:\n" + "\n".join(summary(account))) from None
        return await self.running.account(self.mark)

    async def first_waited_s(self) -> float:
        """From the first receipt to the first arrival of anything."""
        receipts = read_receipts(self.running.receipts_file)
        arrivals = await asyncio.to_thread(self.running.remote.arrivals)
        return (min(one.at for one in arrivals) - min(one.accepted_at for one in receipts)) / SECOND

    async def standing(self, provider: str) -> str:
        """What the gateway makes of a provider now."""
        answer = await self.running.ask(Providers())
        return next(one.standing for one in answer.providers if one.name == provider)

    async def in_doubt_streams(self) -> list[str]:
        """Stream of each recipient in doubt."""
        return [row.stream for row in await self.running.recipients() if row.state == "in_doubt"]

    async def _rests(self) -> bool:
        rows = await self.running.recipients()
        return all(
            row.state not in ("queued", "leased", "released")
            and (row.state != "in_doubt" or row.copies_released >= row.copies_allowed)
            for row in rows
        )

    # --- what the failing provider remembers ------------------------------------------------------------------------

    async def remembered(self, provider: str, *verdicts: str, answer: str = "") -> dict[str, str]:
        """Stream by receipt of the messages that a provider remembers under these verdicts, with answers like this."""
        streams = {receipt.receipt: receipt.stream for receipt in read_receipts(self.running.receipts_file)}
        rows = await asyncio.to_thread(self.running.remote.exchanges, provider)
        fitting = [row for row in rows if row["verdict"] in verdicts and row["answer"].startswith(answer)]
        found = [_id_of(row["content"]) for row in fitting]
        return {one: streams[one] for one in found if one in streams}

    async def assert_right(self, account: Ledger) -> None:
        """The ledger must say exactly what follows from the memory of the first provider."""
        first = self.running.script.providers[0][0]
        taken = await self.remembered(first, "taken_unanswered")
        vanished = await self.remembered(first, "lost")
        if self.running.script.providers[0][1] != "smtp":  # an HTTP 5xx does not prove that nothing was enqueued
            vanished |= await self.remembered(first, "refused", answer="500")
        dropped = await self.remembered(first, "dropped")
        doubtful = [one for one, stream in (taken | vanished).items() if stream in NEVER_TWICE]
        text = "\n".join(summary(account))
        assert account.lost == 0, text
        assert account.in_flight == account.held == 0, text
        assert account.in_doubt == len(doubtful), text
        assert account.handed_over == account.accepted - len(doubtful), text
        assert account.handed_over_not_delivered == len(dropped), text
        assert account.ended == {}, text
        assert account.delivered == account.accepted - len(dropped) - len(set(doubtful) & set(vanished)), text
        for stream in ("urgent", "standard"):
            assert account.duplicated[stream] == sum(one == stream for one in taken.values()), text
        assert all(account.duplicated[stream] == 0 for stream in NEVER_TWICE), text


def assert_nothing_is_in_doubt(account: Ledger) -> None:
    """Every answer was certain: what was accepted was handed over and arrived, once."""
    assert account.in_doubt == 0
    assert account.delivered == account.handed_over == account.accepted
    assert sum(account.duplicated.values()) == 0


def _id_of(content: bytes) -> str:
    """Our id in raw MIME, or in the request of a structured provider."""
    if found := _ID_IN_JSON.search(content):
        return found[1].decode()
    return header_values(content, (b"x-posthorse-id",)).get(b"x-posthorse-id", "")


async def told(
    folder: Path,
    story: Callable[[Stage], Awaitable[None]],
    wire: str = "smtp",
    more_config: str = BRISK,
    **script: Any,
) -> None:
    """Tell a story on a stage with two providers: `first` on this wire, and `second` by SMTP, which stays well.

    `script`: further fields of `Script`.
    """
    script = {"providers": (("first", wire), ("second", "smtp")), "more_config": more_config} | script
    async with rehearsal(folder, Script(**script)) as running:
        await story(Stage(running))
