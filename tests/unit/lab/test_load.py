"""The load client, against a simulated SMTP provider standing in for a gateway."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from posthorse.lab.faults import Fault, FaultSetting
from posthorse.lab.load import Load, LoadPlan, run_load, with_rate_over
from posthorse.lab.load_mail import offers, parse_mix, read_receipts, receipt_in
from posthorse.lab.smtp_terms import SmtpTerms
from posthorse.mail.stream import Stream
from tests.unit.lab.stand import smtp_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_every_message_is_offered_accepted_and_written_down(run: Run, tmp_path: Path) -> None:
    """Fifty messages over three connections, logged in; each receipt names its message, stream and times."""
    file = tmp_path / "receipts.jsonl"

    async def story() -> None:
        async with smtp_stand(SmtpTerms(username="u", password="p")) as (provider, port):
            plan = LoadPlan(
                host="127.0.0.1", port=port, username="u", password="p", messages=50, connections=3, receipts=file
            )
            report = await run_load(plan)
            assert (report.offered, report.accepted, report.refused, report.given_up) == (50, 50, 0, 0)
            assert provider.connections_made <= 3
            receipts = read_receipts(file)
            offered = {one.recipients[0]: one.content for one in provider.exchanges}
            assert len(receipts) == len(offered) == 50
            for receipt in receipts:
                assert f"X-Posthorse-Stream: {receipt.stream}\r\n".encode() in offered[receipt.recipient]
                assert 0 < receipt.offered_at <= receipt.accepted_at
                assert (receipt.tries, receipt.repeated) == (1, False)

    run(story())


def test_one_can_wait_for_a_receipt(run: Run) -> None:
    """The waiter goes on with the receipt of that number, also when it is there already."""

    async def story() -> None:
        async with smtp_stand() as (_, port):
            load = Load(LoadPlan(host="127.0.0.1", port=port, messages=30))
            loading = asyncio.create_task(load.run())
            await load.accepted(10)
            assert 10 <= load.report.accepted < 30
            await loading
            await load.accepted(30)

    run(story())


def test_the_rate_is_kept(run: Run) -> None:
    """Twenty messages spread over 0.2 s are not all offered at once."""

    async def story() -> None:
        async with smtp_stand() as (_, port):
            plan = with_rate_over(LoadPlan(host="127.0.0.1", port=port, messages=20), 0.2)
            begun = asyncio.get_running_loop().time()
            await run_load(plan)
            assert 0.18 < asyncio.get_running_loop().time() - begun < 1

    run(story())


def test_a_no_for_now_is_tried_again_and_a_no_for_good_is_not(run: Run, tmp_path: Path) -> None:
    """4xx is retried until accepted and is no repetition; 5xx ends the message."""
    file = tmp_path / "receipts.jsonl"

    async def story() -> None:
        scripts = {"r0@mailbox.example": ["451 4.3.0 later", "250 ok"], "r1@mailbox.example": ["550 5.1.1 never"]}
        async with smtp_stand(scripts=scripts) as (_, port):
            plan = LoadPlan(host="127.0.0.1", port=port, messages=2, retry_s=0.01, receipts=file)
            report = await run_load(plan)
            assert (report.accepted, report.refused, report.retries, report.repetitions) == (1, 1, 1, 0)
            assert report.refusals == {"550 5.1.1 never": 1}
            (receipt,) = read_receipts(file)
            assert (receipt.tries, receipt.repeated) == (2, False)

    run(story())


def test_a_lost_reply_makes_the_next_try_a_repetition(run: Run, tmp_path: Path) -> None:
    """After a reset behind the dot the client repeats, and says so on the receipt."""
    file = tmp_path / "receipts.jsonl"

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            await provider.set_fault(FaultSetting(fault=Fault.RESET_AFTER_LAST_BYTE), for_s=0.05)
            report = await run_load(LoadPlan(host="127.0.0.1", port=port, messages=1, retry_s=0.1, receipts=file))
            assert (report.accepted, report.repetitions) == (1, 1)
            assert read_receipts(file)[0].repeated

    run(story())


def test_refused_connections_are_tried_until_the_end_and_then_given_up(run: Run) -> None:
    """Nobody listens: nothing is accepted, everything is given up, nothing is repeated."""

    async def story() -> None:
        async with smtp_stand() as (provider, port):
            await provider.set_fault(FaultSetting(fault=Fault.REFUSE))
            load = Load(LoadPlan(host="127.0.0.1", port=port, messages=3, retry_s=0.02, give_up_s=0.1))
            report = await load.run()
            assert (report.accepted, report.given_up, report.repetitions) == (0, 3, 0)
            assert report.retries >= 3

    run(story())


def test_offers_are_unique_repeatable_and_of_the_asked_mix_and_size() -> None:
    """The same run gives the same messages; another run other ids; lines and sizes fit."""
    mix = {Stream.URGENT: 1.0, Stream.BULK: 3.0}
    first, again = list(offers("a", 400, mix, 3_000, 1)), list(offers("a", 400, mix, 3_000, 1))
    assert first == again
    assert len({offer.load_id for offer in first}) == 400
    assert not {offer.load_id for offer in first} & {offer.load_id for offer in offers("b", 400, mix, 3_000, 1)}
    counts = Counter(offer.stream for offer in first)
    assert set(counts) == set(mix)
    assert 2 < counts[Stream.BULK] / counts[Stream.URGENT] < 4.5
    assert all(2_800 < len(offer.content) <= 3_000 for offer in first)
    assert max(len(line) for line in first[0].content.split(b"\r\n")) < 100


def test_receipts_and_mixes_are_read() -> None:
    """Only the gateway's form of reply holds a receipt; a mix needs known streams and some weight."""
    assert receipt_in("250 2.0.0 Ok " + "0f" * 16) == "0f" * 16
    assert receipt_in("250 2.0.0 Ok: queued as 12") == ""
    assert parse_mix("urgent=2, bulk") == {Stream.URGENT: 2.0, Stream.BULK: 1.0}
    for wrong in ("fast=1", "urgent=0", "urgent=x", "urgent=-1"):
        with pytest.raises(ValueError, match=r".+"):
            parse_mix(wrong)
