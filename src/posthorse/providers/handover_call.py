"""A handover by one HTTP request: the gate before its last byte, and how far it got when there was no answer.

Left out: what the request says and what an answer means (each provider).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from posthorse.mail.ports import ExchangeFailed, HttpExchange, HttpRequest, HttpResponse, NotReleased
from posthorse.providers.port import ReleaseGate
from posthorse.providers.table import Phase


@dataclass(frozen=True, slots=True)
class Answered:
    """A complete response; before the last byte, too, if the provider would not wait for it."""

    phase: Phase
    response: HttpResponse


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No complete response."""

    phase: Phase
    why: str


async def call(
    exchange: HttpExchange, request: HttpRequest, gate: ReleaseGate, numbers: Sequence[int]
) -> Answered | Unanswered | None:
    """Send the request, its last byte once the gate says yes for these recipients; None: it said no."""
    phase = Phase.BEFORE

    async def before_last_bytes() -> bool:
        nonlocal phase
        if not await gate(numbers):
            return False
        phase = Phase.AFTER
        return True

    try:
        response = await exchange.exchange(request, before_last_bytes=before_last_bytes)
    except NotReleased:
        return None
    except ExchangeFailed as failed:
        return Unanswered(Phase.OURS if failed.ours else phase, str(failed))
    return Answered(phase, response)
