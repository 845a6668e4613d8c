"""Events out: a real gateway tells real endpoints, through kills and outages, and everything arrives."""

import asyncio
import json
import os
from pathlib import Path

from posthorse.control.requests import Webhooks
from posthorse.lab.faults import Fault
from posthorse.lab.load import Load, run_load
from posthorse.lab.load_mail import read_receipts
from posthorse.lab.processes import posthorse
from posthorse.lab.rehearsal import SECRETS, Rehearsal, Script, rehearsal
from tests.scenarios.catcher import SECRET, Catcher
from tests.scenarios.stage import BRISK, Run

PROVIDERS = (("first", "smtp"), ("second", "smtp"))


async def opened(folder: Path, *names: str) -> list[Catcher]:
    """Endpoints that listen, with their secrets in the folder of the gateway."""
    catchers = []
    for name in names:
        (folder / f"{name}-secret").write_text(SECRET)
        catcher = Catcher()
        await catcher.open()
        catchers.append(catcher)
    return catchers


def receipts(running: Rehearsal) -> set[str]:
    """Every id that a client got."""
    return {receipt.receipt for receipt in read_receipts(running.receipts_file)}


async def command(folder: Path, *arguments: str) -> str:
    """What a command prints that must succeed."""
    child = await asyncio.create_subprocess_exec(
        *posthorse(*arguments, "--config", "posthorse.toml"),
        cwd=folder,
        env={**os.environ, **SECRETS},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await child.communicate()
    assert child.returncode == 0
    return printed.decode()


def test_everything_arrives_through_kills_and_an_outage_of_the_endpoint(run: Run, tmp_path: Path) -> None:
    """Under kill -9 and load, and with an endpoint that goes away and comes back, each handover and each doubt is told
    at least once, with a signature that the reference library believes; repetitions bear the same id.
    """

    async def story() -> None:
        (shop,) = await opened(tmp_path, "shop")
        script = Script(providers=PROVIDERS, more_config=BRISK + shop.config())
        async with rehearsal(tmp_path, script) as running:
            load = Load(running.load_plan(messages=600, connections=10, retry_s=0.1, run="hooks"))
            loading = asyncio.create_task(load.run())
            await load.accepted(150)
            await running.kill_gateway()
            await running.start_gateway()
            await load.accepted(300)
            shop.close()
            await load.accepted(450)
            await running.kill_gateway()
            await running.start_gateway()
            await loading
            await shop.open()
            wanted = receipts(running)
            assert len(wanted) == 600

            def is_complete() -> bool:
                return wanted <= shop.ids("message.handed_over").keys() | shop.ids("message.in_doubt").keys()

            await shop.until(is_complete, within_s=45)
            doubtful = [row.id for row in await running.recipients() if row.state == "in_doubt"]
            assert wanted - shop.ids("message.handed_over").keys() <= set(doubtful)
            by_id: dict[str, str] = {}
            for event in shop.events:
                assert by_id.setdefault(event["webhook_id"], event["data"]["message_id"]) == event["data"]["message_id"]
        shop.close()

    run(story())


def test_a_dead_endpoint_beside_a_living_one(run: Run, tmp_path: Path) -> None:
    """While one endpoint refuses every connection, the other is told of a message within a second of its handover."""

    async def story() -> None:
        shop, dead = await opened(tmp_path, "shop", "dead")
        dead.close()
        config = BRISK + shop.config() + dead.config("dead")
        async with rehearsal(tmp_path, Script(providers=PROVIDERS, more_config=config)) as running:
            loop = asyncio.get_running_loop()
            for n in range(10):
                await run_load(running.load_plan(messages=1, run=f"one{n}"))
                began_s = loop.time()
                await shop.until(lambda n=n: len(shop.ids("message.handed_over")) > n, within_s=2)  # type: ignore[misc]
                assert loop.time() - began_s < 1.5, "half a second to look, a second for the rest"
            webhooks = {one.name: one for one in (await running.ask(Webhooks())).webhooks}
            assert webhooks["shop"].waiting == 0
            assert webhooks["dead"].waiting > 0
        shop.close()

    run(story())


def test_410_needs_a_person_and_a_replay_tells_again(run: Run, tmp_path: Path) -> None:
    """An endpoint that says 410 is told nothing more until it is enabled; a replay tells all of it again."""

    async def story() -> None:
        (shop,) = await opened(tmp_path, "shop")
        shop.status = 410
        script = Script(providers=PROVIDERS, more_config=BRISK + shop.config())
        async with rehearsal(tmp_path, script) as running:
            await run_load(running.load_plan(messages=20, run="gone"))
            await shop.until(lambda: shop.requests > 0)
            while not (await running.ask(Webhooks())).webhooks[0].disabled_at:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
            listed = json.loads(await command(tmp_path, "webhooks", "list", "--json"))["webhooks"][0]
            assert "410" in listed["disabled_why"]
            asked = shop.requests
            shop.status = 200
            await run_load(running.load_plan(messages=20, run="meanwhile"))
            assert shop.requests == asked
            assert "told again" in await command(tmp_path, "webhooks", "enable", "shop")
            wanted = receipts(running)
            await shop.until(lambda: wanted == shop.ids("message.handed_over").keys())
            first = {event["webhook_id"] for event in shop.events}
            shop.events.clear()
            await command(tmp_path, "webhooks", "replay", "shop", "--since", "1h")
            await shop.until(lambda: wanted == shop.ids("message.handed_over").keys())
            assert {event["webhook_id"] for event in shop.events} == first
            shop.events.clear()
            one = min(wanted)
            await command(tmp_path, "webhooks", "replay", "shop", "--id", one)
            await shop.until(lambda: shop.ids("message.handed_over") == {one: 1})
            assert "took it" in await command(tmp_path, "webhooks", "test", "shop")
            assert shop.events[-1]["type"] == "webhook.test"
        shop.close()

    run(story())


def test_what_is_in_doubt_and_what_became_of_it(run: Run, tmp_path: Path) -> None:
    """A doubt is told, and so is what settles it; a provider's notifications become deliveries."""

    async def story() -> None:
        (shop,) = await opened(tmp_path, "shop")
        providers = (("first", "sendgrid"), ("second", "smtp"))
        script = Script(providers=providers, more_config=BRISK + shop.config(), notifications=True)
        async with rehearsal(tmp_path, script) as running:
            await run_load(running.load_plan(messages=10, run="well"))
            well = receipts(running)
            await shop.until(lambda: well <= shop.ids("message.delivered").keys())
            event = next(each for each in shop.events if each["type"] == "message.delivered")
            assert event["data"]["provider"] == "first"
            assert "Subject" not in json.dumps(event)
            await asyncio.to_thread(running.remote.set_fault, "first", Fault.ANSWER_5XX)
            await run_load(running.load_plan(messages=20, run="doubt"))
            rest = receipts(running) - well
            await shop.until(
                lambda: all(
                    message in shop.ids("message.handed_over") or message in shop.ids("message.in_doubt")
                    for message in rest
                )
            )
        shop.close()

    run(story())


def test_endpoints_follow_the_configuration(run: Run, tmp_path: Path) -> None:
    """A reload adds an endpoint, which is told what happens from then on, and the metrics know it."""

    async def story() -> None:
        shop, late = await opened(tmp_path, "shop", "late")
        script = Script(providers=PROVIDERS, more_config=BRISK + shop.config())
        async with rehearsal(tmp_path, script) as running:
            await run_load(running.load_plan(messages=5, run="before"))
            before = receipts(running)
            await shop.until(lambda: before <= shop.ids("message.handed_over").keys())
            file = tmp_path / "posthorse.toml"
            file.write_text(file.read_text() + late.config("late", 'events = ["message.handed_over"]\n'))
            await command(tmp_path, "config", "reload")
            while "late" not in {one.name for one in (await running.ask(Webhooks())).webhooks}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await run_load(running.load_plan(messages=5, run="after"))
            after = receipts(running) - before
            await late.until(lambda: after == late.ids("message.handed_over").keys())
            reader, writer = await asyncio.open_connection("127.0.0.1", running.http_port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            page = (await reader.read()).decode()
            writer.close()
            assert 'posthorse_webhook_answers_total{endpoint="late",result="taken"} 5.0' in page
            assert 'posthorse_webhook_state{endpoint="shop",state="open"} 1.0' in page
        shop.close()
        late.close()

    run(story())
