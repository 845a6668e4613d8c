"""One event to one endpoint, from the command's own process: by the same rules as the gateway's."""

import asyncio
import os
import secrets
from pathlib import Path
from typing import assert_never

from posthorse.adapters.clock import SystemClock
from posthorse.config.load import load_config
from posthorse.control.node import NotDone
from posthorse.daemon.webhooks import GuardedExchanges, endpoint_of
from posthorse.feedback.customer_event import rehearsal
from posthorse.feedback.webhook_call import Endpoint, Gone, NotTaken, Taken, call


def rehearsed(config: Path, name: str) -> str:
    """Why the endpoint did not take a test event; empty: it did. Raises `NotDone` and `ConfigProblems`."""
    webhooks = load_config(config, os.environ).webhooks
    found = next((settings for settings in webhooks if settings.name == name), None)
    if found is None:
        known = ", ".join(settings.name for settings in webhooks) or "none"
        raise NotDone(f"{name!r} is not among the [[webhooks]] of {config}; there: {known}")
    return asyncio.run(_told(endpoint_of(found)))


async def _told(endpoint: Endpoint) -> str:
    clock, exchanges = SystemClock(), GuardedExchanges()
    event_id = f"evt_test_{secrets.token_hex(8)}"
    body = rehearsal(endpoint.name, clock.now(), event_id)
    try:
        answer = await call(exchanges.of(endpoint), endpoint, event_id, body, clock)
    finally:
        await exchanges.close()
    match answer:
        case Taken():
            return ""
        case Gone():
            return "answered 410: it is no more"
        case NotTaken(why=why):
            return why
        case _:
            assert_never(answer)
