"""Commands about customers' endpoints, on the spool alone."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.control import requests
from posthorse.control.node import NotDone
from posthorse.mail.ids import MAIN_TENANT, Tenant
from posthorse.mail.stream import SECOND
from posthorse.spool.outbox_port import Noted, Progress
from tests.unit.control.scene import START, Scene

Run = Callable[[Coroutine[Any, Any, Any]], Any]
HOOK = "shop"


async def with_endpoint(tenant: Tenant = MAIN_TENANT) -> Scene:
    """A desk on a spool that tells one endpoint."""
    scene = Scene()
    await scene.spool.outbox.enroll(tenant, HOOK)
    return scene


def test_how_endpoints_stand(run: Run) -> None:
    """Behind, waiting, given up and why, as the spool has it."""

    async def story() -> None:
        scene = await with_endpoint()
        await scene.accept()
        notes = (
            Noted(seq=1, tries=2, next_at=START + 5 * SECOND, why="answered 500"),
            Noted(seq=2, tries=8, next_at=None, why="x"),
        )
        await scene.spool.outbox.record(Progress(tenant=MAIN_TENANT, name=HOOK, noted=notes))
        scene.clock.at += 90 * SECOND
        (found,) = (await scene.desk.handle(requests.Webhooks(), "jane")).webhooks  # type: ignore[attr-defined]
        assert (found.name, found.tenant, found.behind_s, found.waiting, found.given_up) == (HOOK, "main", 90.0, 1, 1)
        assert found.next_at == "2023-11-14T22:13:25.000Z"

    run(story())


def test_a_person_disables_enables_and_forgets(run: Run) -> None:
    """Who and why is kept; what is not there, or stands so already, is said."""

    async def story() -> None:
        scene = await with_endpoint()
        ask = scene.desk.handle
        with pytest.raises(NotDone, match="say why"):
            await ask(requests.WebhookDisable(name=HOOK, reason=""), "jane")
        await ask(requests.WebhookDisable(name=HOOK, reason="maintenance"), "jane")
        (found,) = (await ask(requests.Webhooks(), "jane")).webhooks  # type: ignore[attr-defined]
        assert found.disabled_why == "jane: maintenance"
        with pytest.raises(NotDone, match="enable shop` first"):
            await ask(requests.WebhookReplay(name=HOOK, since=0), "jane")
        assert "from where it stopped" in (await ask(requests.WebhookEnable(name=HOOK), "jane")).message  # type: ignore[attr-defined]
        assert "is not disabled" in (await ask(requests.WebhookEnable(name=HOOK), "jane")).message  # type: ignore[attr-defined]
        await ask(requests.WebhookForget(name=HOOK), "jane")
        with pytest.raises(NotDone, match="known: none"):
            await ask(requests.WebhookForget(name=HOOK), "jane")

    run(story())


def test_a_replay_needs_one_measure(run: Run) -> None:
    """A time or a message; a message that nothing is known of, or no id at all, is refused."""

    async def story() -> None:
        scene = await with_endpoint()
        ask = scene.desk.handle
        for odd in (requests.WebhookReplay(name=HOOK), requests.WebhookReplay(name=HOOK, since=0, id="0" * 32)):
            with pytest.raises(NotDone, match="either a time or a message"):
                await ask(odd, "jane")
        with pytest.raises(NotDone, match="is not a message id"):
            await ask(requests.WebhookReplay(name=HOOK, id="nonsense"), "jane")
        with pytest.raises(NotDone, match="nothing that main is told"):
            await ask(requests.WebhookReplay(name=HOOK, id="0" * 32), "jane")
        assert (await ask(requests.WebhookReplay(name=HOOK, since=0), "jane")).facts == 0  # type: ignore[attr-defined]

    run(story())


def test_one_name_in_two_accounts(run: Run) -> None:
    """Then the account must be named; an account's endpoint is not found under another."""

    async def story() -> None:
        scene = await with_endpoint()
        await scene.spool.outbox.enroll(Tenant("acme"), HOOK)
        with pytest.raises(NotDone, match="add --tenant"):
            await scene.desk.handle(requests.WebhookForget(name=HOOK), "jane")
        await scene.desk.handle(requests.WebhookForget(name=HOOK, tenant="acme"), "jane")
        assert [one.tenant for one in await scene.spool.outbox.endpoints()] == [MAIN_TENANT]
        with pytest.raises(NotDone, match="known: none"):
            await scene.desk.handle(requests.WebhookForget(name=HOOK, tenant="acme"), "jane")

    run(story())
