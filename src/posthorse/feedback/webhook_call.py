"""One call of an endpoint: a signed POST, and what its answer means.

Promise: 2xx alone is a yes; 410 says never again; everything else, no answer in time included, is not now. Redirects
are not followed; of the answer only the status and Retry-After are looked at, nothing of it is kept or shown. It is
over within `TOTAL_S`, whatever the other side does.

Left out: connections and their bounds (the exchange that is handed in), when to try again (`webhook_patience`).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from posthorse.feedback.customer_event import CustomerEventKind
from posthorse.feedback.webhook_signature import signed_headers
from posthorse.feedback.webhook_url import WebhookUrl
from posthorse.mail.ids import Tenant
from posthorse.mail.ports import Clock, ExchangeFailed, HttpExchange, HttpRequest
from posthorse.mail.stream import SECOND

CONNECT_S = 5.0
TOTAL_S = 10.0
MOST_ANSWER_BYTES = 64 << 10
"""For the exchange that calls endpoints: a longer answer is none."""
MOST_WAIT_S = 3_600.0
"""The longest that Retry-After is followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a customer wants to be told, and of what."""

    tenant: Tenant
    name: str
    url: str
    """As configured."""
    place: WebhookUrl
    secrets: tuple[bytes, ...] = field(repr=False)
    """Each signs; the first is the present one."""
    events: frozenset[CustomerEventKind]
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The endpoint has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """It has not, as far as is known."""

    why: str
    """For people: a status, or why there was none."""
    wait_s: float | None = None
    """So long it asks not to be called (Retry-After of a 429 or 503, within bounds); None: it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """It says that it is no more (410)."""


Answer = Taken | NotTaken | Gone


async def call(exchange: HttpExchange, endpoint: Endpoint, event_id: str, body: bytes, clock: Clock) -> Answer:
    """Tell one event once. Raises nothing but bugs and cancellation."""
    now = clock.now()
    request = HttpRequest(
        target=endpoint.place.target,
        method="POST",
        path=endpoint.place.path,
        headers=(
            ("Content-Type", "application/json"),
            ("User-Agent", "posthorse-webhooks"),
            *signed_headers(event_id, now // SECOND, body, endpoint.secrets),
        ),
        body=body,
        connect_s=CONNECT_S,
    )
    try:
        async with asyncio.timeout(TOTAL_S):
            response = await exchange.exchange(request, before_last_bytes=_at_once)
    except TimeoutError:
        return NotTaken(why=f"no answer within {TOTAL_S:g} s")
    except ExchangeFailed as failed:
        return NotTaken(why=str(failed)[:200] or "no answer")
    return answer_of(response.status, response.headers, now)


def answer_of(status: int, headers: Mapping[str, str], now: int) -> Answer:
    """What a status says; `now` in microseconds UTC, for a Retry-After that is a date."""
    if 200 <= status < 300:
        return Taken()
    if status == 410:
        return Gone()
    wait_s = retry_after_s(headers.get("retry-after", ""), now) if status in (429, 503) else None
    redirected = ", a redirect, which is not followed" if 300 <= status < 400 else ""
    return NotTaken(why=f"answered {status}{redirected}", wait_s=wait_s)


def retry_after_s(text: str, now: int) -> float | None:
    """Seconds to wait (RFC 9110 section 10.2.3), at most `MOST_WAIT_S`; None: it says nothing that makes sense."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(MOST_WAIT_S, float(text[:20])) or None
    try:
        date = parsedate_to_datetime(text[:64])
        left_s = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now / SECOND
    except (ValueError, TypeError, OverflowError):
        return None
    return min(MOST_WAIT_S, left_s) if left_s > 0 else None


async def _at_once() -> bool:
    return True
