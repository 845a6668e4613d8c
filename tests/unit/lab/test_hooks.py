"""Telling what became of mail: in each provider's shape, and everything that can go wrong on the way."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate

from posthorse.lab.fates import LabFate, Mailing, Tale, fate_of, told_of
from posthorse.lab.hook_shape import HookShape
from posthorse.lab.hooks import MOST_TRIES, HookSender, HookSetting
from posthorse.lab.http_line import HttpLine
from posthorse.lab.kinds import hook_shape
from posthorse.lab.postmark_events import PostmarkHook
from posthorse.lab.roster import Entry, Kind
from posthorse.lab.sendgrid_events import SendgridHook
from posthorse.lab.sns import SnsPeer, SnsTopic
from tests.unit.lab.catcher import Catcher

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def now() -> int:
    """Microseconds UTC."""
    return time.time_ns() // 1_000


def mailing(*recipients: str) -> Mailing:
    """Mail that was taken."""
    return Mailing(
        provider="p",
        message_id="mid",
        sender="me@here.example",
        recipients=recipients or ("a@there.example",),
        at=now(),
        subject="Hi",
        tags={"posthorse-id": ("01aa",)},
    )


def postmark() -> PostmarkHook:
    """A shape without a handshake, one request for each thing."""
    return PostmarkHook(username="u", password="p", dice=random.Random(1))


@asynccontextmanager
async def telling(
    shape: HookShape, answers: tuple[int, ...] = (200,), **setting: Any
) -> AsyncIterator[tuple[HookSender, Catcher]]:
    """A teller and who is told."""
    async with Catcher(answers).listening() as catcher:
        sender = HookSender(shape, random.Random(3))
        await sender.use(HookSetting(url=catcher.url, **setting))
        try:
            yield sender, catcher
        finally:
            await sender.close()


def tell(sender: HookSender, *recipients: str, fate: LabFate = LabFate.DELIVERED) -> None:
    """Everything that happens to one mail."""
    mail = mailing(*recipients)
    for told in told_of(mail, dict.fromkeys(mail.recipients, fate)):
        sender.tell(told)


@pytest.mark.parametrize(
    ("address", "fate"),
    [
        ("bounce@x.example", LabFate.BOUNCE),
        ("Bounce+label@x.example", LabFate.BOUNCE),
        ("complaint@x.example", LabFate.COMPLAINT),
        ("suppressionlist@x.example", LabFate.SUPPRESSED),
        ("listed@x.example", LabFate.SOFT),
        ("barred@x.example", LabFate.SUPPRESSED),
        ("dropped@x.example", LabFate.DELIVERED),
        ("bouncer@x.example", LabFate.DELIVERED),
    ],
)
def test_a_fate_by_address(address: str, fate: LabFate) -> None:
    """By local part, by the lab's list, by the provider's own list; nobody can ask to be dropped in silence."""
    assert fate_of(address, {"listed@x.example": LabFate.SOFT}, {"barred@x.example"}) is fate


def test_recipients_with_one_fate_share_what_is_told() -> None:
    """In the order in which it happens."""
    mail = mailing("a@x.example", "bounce@x.example", "b@x.example")
    told = told_of(mail, {one: fate_of(one, {}, set()) for one in mail.recipients})
    assert [(one.tale, one.recipients) for one in told] == [
        (Tale.SENT, ("a@x.example", "b@x.example")),
        (Tale.SENT, ("bounce@x.example",)),
        (Tale.DELIVERED, ("a@x.example", "b@x.example")),
        (Tale.HARD_BOUNCED, ("bounce@x.example",)),
    ]


def test_postmark_tells_one_thing_in_each_post(run: Run) -> None:
    """With the password; one bounce is two records, and nothing is said of what was merely taken."""

    async def story() -> None:
        async with telling(postmark()) as (sender, catcher):
            tell(sender, "a@x.example", "b@x.example", fate=LabFate.BOUNCE)
            await catcher.until(lambda: len(catcher.requests) == 4)
            records = [json.loads(request.body) for request in catcher.requests]
            assert sorted(one["RecordType"] for one in records) == ["Bounce"] * 2 + ["SubscriptionChange"] * 2
            assert {one["Metadata"]["posthorse-id"] for one in records} == {"01aa"}
            assert catcher.requests[0].header("authorization") == "Basic dTpw"
            await sender.quiet()
            assert sender.describe()["counts"] == {"answered": 4}

    run(story())


def test_sendgrid_gathers_what_happens_together(run: Run) -> None:
    """One signed array with an event for each recipient, custom arguments at the top."""

    async def story() -> None:
        async with telling(SendgridHook(dice=random.Random(1), now=now)) as (sender, catcher):
            for number in range(5):
                tell(sender, f"a{number}@x.example", f"b{number}@x.example")
            await catcher.until(lambda: sum(len(json.loads(one.body)) for one in catcher.requests) == 20)
            assert len(catcher.requests) < 5
            event = json.loads(catcher.requests[0].body)[0]
            assert (event["event"], event["posthorse-id"]) == ("processed", "01aa")
            assert event["sg_message_id"].startswith("mid.")
            assert catcher.requests[0].header("x-twilio-email-event-webhook-signature")

    run(story())


@pytest.mark.parametrize("kind", ["ses", "sendgrid"])
def test_what_signs_is_the_same_at_the_next_start(kind: Kind, tmp_path: Path) -> None:
    """In a folder that is kept; whoever trusted it once need not be told anew."""

    def shown(folder: Path) -> object:
        shape = hook_shape(Entry(name="one", kind=kind), lambda: folder, now)
        assert isinstance(shape, SendgridHook | SnsTopic)
        if isinstance(shape, SendgridHook):
            return shape.public_key
        return load_pem_x509_certificate(shape.certificate.read_bytes()).public_key()

    folders = [tmp_path / "a", tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    first, again, other = map(shown, folders)
    assert first == again != other


def test_sns_tells_only_after_the_handshake(run: Run, tmp_path: Path) -> None:
    """The token of the handshake, and no other, confirms; both signature versions are used; old subscriptions end."""

    async def story() -> None:
        topic = SnsTopic(name="ses.a", region="eu-west-1", folder=tmp_path, dice=random.Random(1), now=now)
        assert topic.arn == "arn:aws:sns:eu-west-1:123456789012:posthorse-ses_a"
        assert topic.certificate.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SnsPeer({topic.arn: topic}), "127.0.0.1", 0)
        sns = HttpLine(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=5)
        async with Catcher().listening() as catcher:
            sender = HookSender(topic, random.Random(3))
            using = asyncio.create_task(sender.use(HookSetting(url=catcher.url)))
            await catcher.until(lambda: len(catcher.requests) == 1)
            greeting = json.loads(catcher.requests[0].body)
            assert greeting["Type"] == catcher.requests[0].header("x-amz-sns-message-type")
            asked = f"/?Action=ConfirmSubscription&TopicArn={topic.arn}&Token="
            assert (await sns.ask("GET", asked + "wrong", ())).status == 400
            assert (await sns.ask("GET", asked.replace("ses_a", "other"), ())).status == 404
            assert (await sns.ask("GET", "/?Action=Publish", ())).status == 400
            assert not using.done()
            confirmed = await sns.ask("POST", "/", (), (asked[2:] + greeting["Token"]).encode())
            assert (confirmed.status, b"<SubscriptionArn>" in confirmed.body) == (200, True)
            assert await using
            tell(sender)
            await catcher.until(lambda: len(catcher.requests) == 3)
            envelopes = [json.loads(request.body) for request in catcher.requests[1:]]
            assert {one["SignatureVersion"] for one in envelopes} == {"1", "2"}
            assert sorted(json.loads(one["Message"])["eventType"] for one in envelopes) == ["Delivery", "Send"]
            await sender.close()
            topic.greeting("elsewhere")
            assert not topic.is_welcome
        sns.close()
        server.close()

    run(story())


def test_sns_greets_again_when_it_is_told_the_same_address_and_nobody_answered(run: Run, tmp_path: Path) -> None:
    """A lab that was there long before the gateway is told the address once more, and that is enough."""

    async def story() -> None:
        topic = SnsTopic(name="ses.a", region="eu-west-1", folder=tmp_path, dice=random.Random(1), now=now)
        async with Catcher().listening() as catcher:
            sender = HookSender(topic, random.Random(3))
            first = asyncio.create_task(sender.use(HookSetting(url=catcher.url)))
            await catcher.until(lambda: len(catcher.requests) == 1)
            first.cancel()
            again = asyncio.create_task(sender.use(HookSetting(url=catcher.url)))
            await catcher.until(lambda: len(catcher.requests) == 2)
            again.cancel()
            assert {json.loads(one.body)["Type"] for one in catcher.requests} == {"SubscriptionConfirmation"}
            await sender.close()

    run(story())


def test_doubled_lost_and_forged(run: Run) -> None:
    """All of them when all are asked for; a stranger's is never tried again and is counted when it is taken."""

    async def story() -> None:
        async with telling(postmark(), double=1.0) as (sender, catcher):
            tell(sender)
            await catcher.until(lambda: len(catcher.requests) == 2)
            assert catcher.requests[0].body == catcher.requests[1].body
        async with telling(postmark(), forge=1.0, lose=1.0) as (sender, catcher):
            tell(sender)
            await catcher.until(lambda: len(catcher.requests) == 2)
            assert all(json.loads(one.body)["Type"] == "HardBounce" for one in catcher.requests)
            assert all(one.header("authorization") != "Basic dTpw" for one in catcher.requests)
            assert (sender.counts["lost"], sender.counts["forged"]) == (1, 2)

    run(story())


@pytest.mark.parametrize(
    ("answers", "tries"), [pytest.param((500, 503, 200), 3, marks=pytest.mark.thorough), ((403,), 1)]
)
def test_what_is_not_taken_is_tried_again_as_the_provider_does(run: Run, answers: tuple[int, ...], tries: int) -> None:
    """Until a 2xx; a 403 ends it for Postmark."""

    async def story() -> None:
        async with telling(postmark(), answers) as (sender, catcher):
            tell(sender)
            await catcher.until(lambda: len(catcher.requests) == tries)
            assert tries < MOST_TRIES
            await sender.quiet()
            assert (sender.counts["answered"], sender.counts["refused"]) == ((1, 0) if tries > 1 else (0, 1))
            assert sender.describe()["waiting"] == 0

    run(story())


@pytest.mark.thorough
def test_out_of_order_and_late(run: Run) -> None:
    """Nothing comes before its delay; shuffled, the order is not the order in which it happened."""

    async def story() -> None:
        async with telling(postmark(), delay_s=0.3, shuffle=True) as (sender, catcher):
            begun = asyncio.get_running_loop().time()
            for number in range(20):
                tell(sender, f"a{number:02}@x.example")
            await catcher.until(lambda: len(catcher.requests) == 20)
            assert asyncio.get_running_loop().time() - begun >= 0.3
            order = [json.loads(request.body)["Recipient"] for request in catcher.requests]
            assert order != sorted(order)

    run(story())


@pytest.mark.parametrize(
    "setting", [{"url": "ftp://x"}, {"url": "https://x/y"}, {"double": 1.5}, {"lose": -0.1}, {"delay_s": -1.0}]
)
def test_a_setting_that_cannot_be(setting: dict[str, Any]) -> None:
    """Refused when it is made."""
    with pytest.raises(ValueError, match=r"http://HOST:PORT|shares"):
        HookSetting(**setting)
