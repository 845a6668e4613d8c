"""The simulated providers in the seeded world: the same protocols, in virtual time, whatever way the bytes are cut."""

import asyncio
import random

import pytest

from posthorse.lab.faults import Fault, FaultSetting
from posthorse.lab.load import LoadPlan, run_load
from posthorse.lab.mailbox import Mailbox
from posthorse.lab.ses_provider import SesTerms, ses_factory
from posthorse.lab.simulated import SimulatedProvider, Verdict
from posthorse.lab.smtp_provider import smtp_factory
from posthorse.lab.smtp_terms import SmtpTerms
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.network import Network
from tests.unit.lab.stand import MAIL
from tests.unit.lab.test_ses_provider import answered, post


def provider_in(loop: WorldLoop) -> SimulatedProvider:
    """A provider whose clock and chance are the world's."""
    return SimulatedProvider(
        name="relay", mailbox=Mailbox(), now=lambda: int(loop.time() * 1e6), dice=random.Random(loop.seed)
    )


@pytest.mark.parametrize("seed", range(5))
def test_smtp_with_a_hang_that_ends(seed: int) -> None:
    """A load over a provider that hangs for an hour of virtual time and then answers late: all is accepted."""

    async def story(loop: WorldLoop) -> SimulatedProvider:
        Network(loop)
        provider = provider_in(loop)
        await loop.create_server(smtp_factory(provider, SmtpTerms(username="u", password="p")), "127.0.0.1", 25)
        await provider.set_fault(FaultSetting(fault=Fault.HANG_AFTER_DOT), for_s=3_600)
        plan = LoadPlan(
            host="127.0.0.1", port=25, username="u", password="p", messages=40, answer_s=7_200, give_up_s=7_200
        )
        assert (await run_load(plan)).accepted == 40
        assert loop.time() > 3_600
        return provider

    counts = run_world(story, seed).counts
    assert counts == {Verdict.TAKEN: 32, Verdict.TAKEN_UNANSWERED: 8}


@pytest.mark.parametrize("seed", range(5))
def test_ses_with_latency_keeps_its_order(seed: int) -> None:
    """Two pipelined requests over a slow line are answered in order, one latency after they came."""

    async def story(loop: WorldLoop) -> tuple[list[int], float]:
        Network(loop)
        provider = provider_in(loop)
        provider.latency_s = 30.0
        await loop.create_server(ses_factory(provider, SesTerms(keys={})), "127.0.0.1", 80)
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        writer.write(post() + post(MAIL, path="/nowhere"))
        statuses = [(await answered(reader))[0] for _ in range(2)]
        writer.close()
        return statuses, loop.time()

    statuses, took_s = run_world(story, seed)
    assert statuses == [200, 404]
    assert 30 < took_s < 31
