"""Every fault on every HTTP wire, on real sockets: one table for all, since one peer performs them."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from posthorse.lab.faults import GARBAGE, SHEETS, Fault, FaultSetting, Shape, Wire
from posthorse.lab.http_line import HttpLine, LineBroken
from posthorse.lab.refusals import HTTP_REFUSALS
from posthorse.lab.ses_provider import SesTerms
from posthorse.lab.simulated import SimulatedProvider, Verdict
from tests.thorough import first_quick
from tests.unit.lab.stand import postmark_stand, sendgrid_stand, ses_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]
HTTP = tuple(wire for wire in Wire if wire is not Wire.SMTP)
RAW = b"From: me@here.example\r\nTo: a@there.example\r\nSubject: Hi\r\nX-Posthorse-Id: 01aa\r\n\r\nhello\r\n"
ID = {"posthorse-id": "01aa"}

REQUESTS: dict[Wire, tuple[str, tuple[tuple[str, str], ...], dict[str, Any]]] = {
    Wire.SES: (
        "/v2/email/outbound-emails",
        (),
        {
            "Content": {"Raw": {"Data": base64.b64encode(RAW).decode()}},
            "Destination": {"ToAddresses": ["a@there.example"]},
        },
    ),
    Wire.SENDGRID: (
        "/v3/mail/send",
        (("Authorization", "Bearer SG.lab-key"), ("Content-Type", "application/json")),
        {
            "personalizations": [{"to": [{"email": "a@there.example"}]}],
            "from": {"email": "me@here.example"},
            "subject": "Hi",
            "content": [{"type": "text/plain", "value": "hello"}],
            "custom_args": ID,
        },
    ),
    Wire.POSTMARK: (
        "/email",
        (
            ("X-Postmark-Server-Token", "lab-server-token"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ),
        {"From": "me@here.example", "To": "a@there.example", "Subject": "Hi", "TextBody": "hello", "Metadata": ID},
    ),
}
YES = {Wire.SES: 200, Wire.SENDGRID: 202, Wire.POSTMARK: 200}


def stand(wire: Wire) -> AbstractAsyncContextManager[tuple[SimulatedProvider, int]]:
    """A simulated provider of this wire."""
    if wire is Wire.SES:
        return ses_stand(SesTerms(keys={}))
    return sendgrid_stand() if wire is Wire.SENDGRID else postmark_stand()


@asynccontextmanager
async def line(port: int, timeout_s: float = 5.0) -> AsyncIterator[HttpLine]:
    """A client."""
    made = HttpLine(f"http://127.0.0.1:{port}", timeout_s=timeout_s)
    try:
        yield made
    finally:
        made.close()


async def send(client: HttpLine, wire: Wire) -> tuple[int, bytes]:
    """Send the wire's mail; status and body of the answer."""
    path, headers, request = REQUESTS[wire]
    answer = await client.ask("POST", path, headers, json.dumps(request).encode())
    return answer.status, answer.body


@pytest.mark.parametrize("wire", HTTP)
@pytest.mark.parametrize("fault", [fault for fault in Fault if SHEETS[fault].shape is Shape.REFUSAL])
def test_a_refusal_is_a_complete_no(run: Run, wire: Wire, fault: Fault) -> None:
    """It has the status of the wire's table, nothing is taken, and afterwards all is well on the same connection."""

    async def story() -> None:
        async with stand(wire) as (provider, port), line(port) as client:
            await provider.set_fault(FaultSetting(fault=fault))
            status, body = await send(client, wire)
            assert status == HTTP_REFUSALS[wire][fault].status
            assert body
            assert provider.counts == {Verdict.REFUSED: 1}
            await provider.set_fault(None)
            assert (await send(client, wire))[0] == YES[wire]
            assert [one.id for one in provider.mailbox.arrivals()] == ["01aa"]
            assert provider.connections_made == 1

    run(story())


AFTER = {
    Fault.RESET_AFTER_LAST_BYTE: (Verdict.TAKEN_UNANSWERED, 1),
    Fault.HALF_ANSWER: (Verdict.TAKEN_UNANSWERED, 1),
    Fault.GARBAGE_200: (Verdict.LOST, 0),
    Fault.NEVER_ANSWER: (Verdict.LOST, 0),
    Fault.ACCEPT_AND_DROP: (Verdict.DROPPED, 0),
}


@pytest.mark.parametrize("wire", first_quick(1, HTTP))
@pytest.mark.parametrize("fault", AFTER)
def test_a_fault_behind_the_last_byte(run: Run, wire: Wire, fault: Fault) -> None:
    """Reset and half an answer have taken the mail; garbage, silence and a lie have not."""

    async def story() -> None:
        async with stand(wire) as (provider, port), line(port, 0.2) as client:
            await provider.set_fault(FaultSetting(fault=fault))
            if fault is Fault.GARBAGE_200:
                assert await send(client, wire) == (200, GARBAGE.encode())
            elif fault is Fault.ACCEPT_AND_DROP:
                assert (await send(client, wire))[0] == YES[wire]
            else:
                with pytest.raises(LineBroken):
                    await send(client, wire)
            verdict, arrived = AFTER[fault]
            assert provider.counts == {verdict: 1}
            assert len(provider.mailbox) == arrived

    run(story())


@pytest.mark.parametrize("wire", HTTP)
def test_a_hanging_answer_comes_late(run: Run, wire: Wire) -> None:
    """Taken and silent; when the fault ends the true answer arrives."""

    async def story() -> None:
        async with stand(wire) as (provider, port), line(port) as client:
            await provider.set_fault(FaultSetting(fault=Fault.HANG_AFTER_DOT))
            asking = asyncio.create_task(send(client, wire))
            arrived = asyncio.Event()
            provider.mailbox.listeners.append(arrived.set)
            await arrived.wait()
            assert not asking.done()
            await provider.set_fault(None)
            assert (await asking)[0] == YES[wire]
            assert provider.counts == {Verdict.TAKEN_UNANSWERED: 1}

    run(story())


@pytest.mark.parametrize("wire", first_quick(1, HTTP))
@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.NEVER_READ, Fault.NO_SYN_ACK, Fault.SLOW])
def test_a_fault_of_the_connection(run: Run, wire: Wire, fault: Fault) -> None:
    """Refused, deaf or slow beyond patience: no answer; what a deaf provider was sent it takes when it is well."""

    async def story() -> None:
        async with stand(wire) as (provider, port), line(port, 0.2) as client:
            await provider.set_fault(FaultSetting(fault=fault, delay_s=60))
            with pytest.raises(LineBroken):
                await send(client, wire)
            assert len(provider.mailbox) == (1 if fault is Fault.SLOW else 0)
            await provider.set_fault(None)
        assert fault in SHEETS

    run(story())


@pytest.mark.parametrize("wire", HTTP)
def test_an_unknown_path_and_a_broken_request(run: Run, wire: Wire) -> None:
    """404 in the provider's shape; what is no HTTP ends the connection after a 400."""

    async def story() -> None:
        async with stand(wire) as (_, port), line(port) as client:
            answer = await client.ask("GET", "/nowhere", REQUESTS[wire][1])
            assert answer.status == 404
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"NONSENSE\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()

    run(story())


@pytest.mark.parametrize("wire", HTTP)
def test_scripts_and_senders_that_are_not_verified(run: Run, wire: Wire) -> None:
    """A scripted recipient is refused once, then taken."""

    async def story() -> None:
        async with stand(wire) as (provider, port), line(port) as client:
            provider.scripts = {"a@there.example": ["499 12 Not this one.", "200"]}
            status, body = await send(client, wire)
            assert (status, b"Not this one." in body) == (499, True)
            assert (await send(client, wire))[0] == YES[wire]

    run(story())
