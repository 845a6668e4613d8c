"""Every way out against simulated providers: its own under each fault, and, which must fail, every other."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from posthorse.lab.faults import Fault, FaultSetting
from posthorse.lab.roster import Entry, Roster
from posthorse.lab.serve import Lab
from posthorse.lab.simulated import SimulatedProvider
from posthorse.mail.outcome import Handover
from tests.contract.provider_kit import BODY, PATIENT, SHORT, Gate, group, play, words
from tests.contract.test_providers import HTTP, SITUATIONS, WIRES, expected, recipients_of, way_out

CASES = [
    pytest.param(wire, situation, id=f"{wire}-{situation['id']}") for situation in SITUATIONS["lab"] for wire in WIRES
]
UNREACHABLE = ("refuse", "no_syn_ack", "never_read", "never_answer")


@asynccontextmanager
async def simulated(wire: str) -> AsyncIterator[tuple[SimulatedProvider, int, Lab]]:
    """A simulated provider of this wire, its port, and the lab around it."""
    lab = Lab(Roster(providers=(Entry(name=wire, kind=wire),), control="127.0.0.1:0"))  # type: ignore[arg-type]
    await lab.open()
    try:
        lab.providers[wire].dice = random.Random(1)
        yield lab.providers[wire], lab.describe()["providers"][wire]["port"], lab
    finally:
        await lab.close()
        await asyncio.sleep(0)


def row_of(situation: dict[str, Any], wire: str) -> dict[str, Any]:
    """What a situation is on a wire."""
    known: dict[str, Any] = {"expect": "cancelled", "arrives": 0}
    known |= {key: situation[key] for key in ("recipients",) if key in situation}
    row: dict[str, Any] = situation[wire] if wire in situation else situation["http"]
    return known | row


@pytest.mark.parametrize(("wire", "situation"), CASES)
def test_its_own_provider_under_a_fault(wire: str, situation: dict[str, Any]) -> None:
    """The outcome and what reached the mailbox are the listed ones; what is parked waits as long as it is left."""
    row = row_of(situation, wire)
    fault = situation.get("fault", "")
    body = BODY.replace(b"b@example.org", situation.get("to", "b@example.org").encode())

    async def story() -> None:
        async with simulated(wire) as (provider, port, _):
            if fault:
                await provider.set_fault(FaultSetting(fault=Fault(fault), delay_s=0.2))
            way = way_out(wire, port, {})
            gate = Gate()
            limits = SHORT if fault in UNREACHABLE else PATIENT
            task = asyncio.ensure_future(way.attempt(group(*recipients_of(row), body=body, limits=limits), gate))
            if row.get("parked"):
                await gate.reached.wait()
                await asyncio.wait([task], timeout=0.5)
                assert not task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            else:
                assert words((await task).outcomes) == expected(row)
            await way.close()
            assert len(provider.mailbox) == row["arrives"]

    play(story())


@pytest.mark.parametrize("there", WIRES)
@pytest.mark.parametrize("wire", WIRES)
def test_another_providers_lab_never_takes_it(wire: str, there: str) -> None:
    """An adapter is handed over to by its own kind only: at any other nothing is handed over and nothing arrives."""

    async def story() -> None:
        async with simulated(there) as (provider, port, _):
            way = way_out(wire, port, {})
            report = await way.attempt(group(limits=SHORT), Gate())
            await way.close()
            is_taken = isinstance(report.outcomes[3], Handover)
            assert (is_taken, len(provider.mailbox)) == ((True, 1) if wire == there else (False, 0))

    play(story())


def test_every_fault_is_played_on_every_wire() -> None:
    """No fault of the lab is forgotten."""
    assert {situation["fault"] for situation in SITUATIONS["lab"] if "fault" in situation} == {
        fault.value for fault in Fault
    }
    assert all("smtp" in row and ("http" in row or set(HTTP) <= set(row)) for row in SITUATIONS["lab"])
