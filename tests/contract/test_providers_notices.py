"""What each simulated provider tells, in its own shape, against the real reader and a real spool.

The lab words and signs, the reader verifies and reads, the loop of the gateway applies: nothing between them is shared
but the wire.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.dialer import SystemDialer
from posthorse.feedback.digesting import Digesting
from posthorse.lab.certificate import new_rsa_key
from posthorse.lab.fates import Mailing, Tale, Told, fate_of, told_of
from posthorse.lab.hook_shape import HookRequest, HookShape
from posthorse.lab.postmark_events import PostmarkHook
from posthorse.lab.sendgrid_events import SendgridHook
from posthorse.lab.sns import SnsTopic
from posthorse.mail.event import Event
from posthorse.mail.ids import MAIN_TENANT, ProviderName
from posthorse.mail.ports import Offload
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming, NotificationReader
from posthorse.providers.postmark_notices import PostmarkNotices
from posthorse.providers.sendgrid_notices import SendGridNotices
from posthorse.providers.ses_notices import SesNotices
from posthorse.spool.inbox_port import Notification, SecondCopy
from posthorse.spool.port import LeasedGroup
from tests.contract.provider_kit import play
from tests.contract.spool_kit import HANDOVER, RELAY, UNCLEAR, World, opened
from tests.contract.test_providers import HTTP, SITUATIONS

OTHER = ProviderName("other")
CASES = [
    pytest.param(wire, row, id=f"{wire}-{row['id']}")
    for row in SITUATIONS["notice"]
    for wire in HTTP
    if "never" not in row.get(wire, {})
]
KEY = new_rsa_key()
VERDICTS = {Genuine: "genuine", Forged: "forged", Attended: "attended"}


class AtOnce:
    """Port `Offload` without threads."""

    async def run(self, work: Any) -> Any:
        return work()


@dataclass
class Watcher:
    """What the loop tells."""

    unknown: int = 0
    unreadable: int = 0
    learnt_kinds: tuple[str, ...] = ()

    def learnt(self, event: Event, *, second_copy: SecondCopy | None) -> None:
        assert not second_copy
        self.learnt_kinds += (event.kind.value,)

    def event_unknown(self, event: Event) -> None:
        del event
        self.unknown += 1

    def notification_unreadable(self, provider: ProviderName, where: str) -> None:
        del provider, where
        self.unreadable += 1

    def spool_trouble(self, where: str, error: BaseException) -> None:
        raise AssertionError(where) from error

    bug = spool_trouble


class Desk:
    """One provider's teller and reader, and the gateway's loop behind them, in one world."""

    def __init__(self, wire: str, world: World, folder: Path) -> None:
        self.world, self.wire = world, wire
        dice = random.Random(5)
        now = world.clock.now
        self.shape: HookShape
        self.reader: NotificationReader
        match wire:
            case "ses":
                topic = SnsTopic(name="p", region="us-east-1", folder=folder, dice=dice, now=now, key=KEY)
                self.shape = topic
                self.reader = SesNotices(
                    provider=RELAY,
                    topics=[topic.arn],
                    exchange=PooledHttpExchange(dialer=SystemDialer()),
                    certificate=topic.certificate.read_bytes(),
                )
            case "sendgrid":
                hook = SendgridHook(dice=dice, now=now)
                self.shape, self.reader = hook, SendGridNotices(provider=RELAY, public_key=hook.public_key)
            case _:
                self.shape = PostmarkHook(username="postmark", password="word", dice=dice)
                self.reader = PostmarkNotices(provider=RELAY, username="postmark", password="word")
        self.watcher = Watcher()
        offload: Offload = AtOnce()
        self.loop = Digesting(
            spool=world.spool.inbox,
            readers={RELAY: self.reader},
            clock=world.clock,
            offload=offload,
            observer=self.watcher,
        )

    async def take(self, request: HookRequest) -> str:
        """What the hooks do with one request, without HTTP around it; the verdict."""
        headers = {name.lower(): value for name, value in request.headers}
        verdict = await self.reader.verify(Incoming(headers=headers, body=request.body, now=self.world.clock.now()))
        if isinstance(verdict, Genuine):
            notification = Notification(provider=RELAY, key=verdict.key, body=request.body, facts=verdict.facts)
            await self.world.spool.inbox.take_in([notification])
        return VERDICTS[type(verdict)]

    async def digest(self) -> None:
        """Read everything that was taken."""
        while await self.loop.digest_some():
            pass


async def standing(world: World, row: dict[str, Any]) -> LeasedGroup:
    """A message that stands as the row says."""
    group = await world.admit_leased(*row["to"])
    provider = OTHER if row.get("about") == "anothers" else RELAY
    await world.release(group, provider=provider)
    for recipient in group.recipients if row["before"] != "released" else ():
        outcome = HANDOVER if row["before"] == "handed_over" else UNCLEAR
        await world.settle(group, outcome, n=recipient.n, provider=provider, tried=(provider,))
    return group


def told(row: dict[str, Any], group: LeasedGroup, at: int) -> list[Told]:
    """What the lab's provider tells of it, in the row's order."""
    own_id = group.message.id.hex()
    about = row.get("about", "")
    mailing = Mailing(
        provider="relay",
        message_id="unheard-of" if about == "unknown" else HANDOVER.provider_message_id,
        sender=group.message.sender,
        recipients=tuple(row["to"]),
        at=at,
        tags={} if about == "providers_id" else {"posthorse-id": ("0" * 32 if about == "unknown" else own_id,)},
    )
    fates = {one: fate_of(one, {}, set()) for one in row["to"]}
    things = told_of(mailing, fates)
    if "tales" in row:
        things = [replace(things[0], tale=Tale(tale), at=at + 1_000 * n) for n, tale in enumerate(row["tales"])]
    match row.get("order"):
        case "reversed":
            things.reverse()
        case "shuffled":
            random.Random(2).shuffle(things)
        case _:
            pass
    return things


def changed(change: str, desk: Desk, thing: Told, request: HookRequest) -> HookRequest:
    """What happens to a notification on its way."""
    match change:
        case "forged":
            return desk.shape.forged(thing)
        case "bare":
            kept = ("content-type", "x-amz-sns-message-type", "x-amz-sns-topic-arn")
            headers = tuple(pair for pair in request.headers if pair[0].lower() in kept)
            return HookRequest(headers=headers, body=request.body.replace(b'"Signature":', b'"Unsigned":'))
        case "tampered":
            return replace(request, body=request.body.replace(b"a@example.com", b"b@example.com"))
        case "senseless":
            return senseless(desk.shape)
        case _:
            return request


def senseless(shape: HookShape) -> HookRequest:
    """Genuine, and no event in it that anybody knows."""
    match shape:
        case SnsTopic():
            return shape.notification(json.dumps({"eventType": "Sneeze", "mail": {"messageId": "m"}}))
        case SendgridHook():
            return shape.signed([{"event": "sneeze", "email": "a@example.com", "sg_message_id": "m"}])
        case _:
            assert isinstance(shape, PostmarkHook)
            return shape.request({"RecordType": "Sneeze", "MessageID": "m"})


async def tell(desk: Desk, row: dict[str, Any], things: Sequence[Told]) -> list[str]:
    """Send everything; the verdicts."""
    verdicts = []
    change = row.get("change", "")
    for thing in things:
        for request in desk.shape.worded([thing]):
            changed_request = changed(change, desk, thing, request)
            if change == "late":
                desk.world.clock.forward(2 * 3_600)
            verdicts += [await desk.take(changed_request) for _ in range(1 + int(row.get("twice", False)))]
    await desk.digest()
    return verdicts


@pytest.mark.parametrize("spool", ["memory", "sqlite"])
@pytest.mark.parametrize(("wire", "row"), CASES)
def test_a_notice(wire: str, row: dict[str, Any], spool: str, tmp_path: Path) -> None:
    """Carriage, fate and suppression of each recipient are as listed, whatever happened on the way, at any order."""
    row = row | row.get(wire, {})

    async def story() -> None:
        async with opened(spool, tmp_path) as world:
            desk = Desk(wire, world, tmp_path)
            group = await standing(world, row)
            verdicts = await tell(desk, row, told(row, group, world.clock.now()))
            assert set(verdicts) <= {row.get("verdict", "genuine")}
            views = [await world.view(group.message.id, n) for n in range(len(row["to"]))]
            assert [view.carriage.value for view in views] == row["carriage"]
            assert [view.fate.value for view in views] == row["fate"]
            listed = {one.address: one.reason for one in await world.spool.suppressions(MAIN_TENANT, "", 100)}
            wanted = zip(row["to"], row.get("suppressed", [""] * len(row["to"])), strict=True)
            assert listed == {address: reason for address, reason in wanted if reason}
            assert bool(desk.watcher.unreadable) == (row.get("change") == "senseless")

    play(story())


@pytest.mark.parametrize("wire", HTTP)
def test_repetitions_move_nothing(wire: str, tmp_path: Path) -> None:
    """Everything told three times over, in another order each time: the history has each thing once."""

    async def story() -> None:
        async with opened("memory", tmp_path) as world:
            desk = Desk(wire, world, tmp_path)
            row = {"to": ["complaint@example.com"], "before": "in_doubt"}
            group = await standing(world, row)
            things = told(row, group, world.clock.now())
            requests = [request for thing in things for request in desk.shape.worded([thing])]
            histories = []
            for seed in range(3):
                random.Random(seed).shuffle(requests)
                for request in requests:
                    await desk.take(request)
                await desk.digest()
                histories.append(await world.told(group.message.id))
            assert histories[0] == histories[1] == histories[2]
            assert len(desk.watcher.learnt_kinds) == len(set(desk.watcher.learnt_kinds))

    play(story())


@pytest.mark.parametrize("there", HTTP)
@pytest.mark.parametrize("wire", HTTP)
def test_another_providers_notice_is_never_taken(wire: str, there: str, tmp_path: Path) -> None:
    """A reader believes its own kind only: whatever another provider tells is refused."""

    async def story() -> None:
        async with opened("memory", tmp_path) as world:
            ours, theirs = Desk(wire, world, tmp_path), Desk(there, world, tmp_path)
            row = {"to": ["bounce@example.com"], "before": "in_doubt"}
            group = await standing(world, row)
            things = told(row, group, world.clock.now())
            verdicts = {await ours.take(one) for thing in things for one in theirs.shape.worded([thing])}
            assert verdicts == {"forged"}

    if wire != there:
        play(story())
