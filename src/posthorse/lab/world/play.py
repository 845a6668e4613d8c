"""One world from its seed: two nodes on one database, three providers, applications, people, weather; then the verdict.

The story has four acts: mail comes in while misfortunes strike; the sky clears and everything must come to rest within
`REST_WITHIN_S` of virtual time; the verdict is given; customers are told the rest. The first violation ends it.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from posthorse.lab.world import verdict
from posthorse.lab.world.breaks import EAGER, Break, alter, clerk_for, learner_for, outbox_for
from posthorse.lab.world.client import Application
from posthorse.lab.world.customers import Customers
from posthorse.lab.world.database import Database, Trouble
from posthorse.lab.world.front import open_front
from posthorse.lab.world.host import Host
from posthorse.lab.world.informant import Informant, Mark
from posthorse.lab.world.loop import WorldError, WorldLoop, run_world
from posthorse.lab.world.mailbag import Mailbag, Submission
from posthorse.lab.world.misfortune import Stage, bring
from posthorse.lab.world.network import Network
from posthorse.lab.world.node import Node, Setting
from posthorse.lab.world.patience import Patience, applies
from posthorse.lab.world.people import EVERYTHING, People
from posthorse.lab.world.ports import WorldClock
from posthorse.lab.world.referee import Referee, Violation
from posthorse.lab.world.site import Site, WatchedMailbox, Wire
from posthorse.lab.world.weather import CALM_AFTER_S, Happening, forecast
from posthorse.mail.ids import ProviderName
from posthorse.spool.desk_port import RecipientView, Selector
from posthorse.spool.memory import MemorySpool

NODES = ("node-a", "node-b")
PROVIDERS = {"provider-a": Wire.SMTP, "provider-b": Wire.SMTP, "provider-c": Wire.SES}
MORE_MAIL = 100
"""A world of a seed in which nothing but providers fails is busy: mail waits there if anything makes it wait..."""
QUICK_S = 0.08
"""... and whoever is well there answers soon enough for all of it."""
REST_CHECK_S = 2.0
REST_WITHIN_S = 3_600.0
"""I8: how long after the last fault the queue may take to empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a world ended."""

    seed: int
    violations: tuple[Violation, ...]
    digest: str
    messages: int
    arrivals: int
    virtual_s: float
    rest_s: float
    """Virtual time from the last fault to rest."""
    weather: tuple[str, ...]
    """The misfortunes in order."""
    story: tuple[str, ...] = ()
    """The last lines of its trace; kept only of a world with a violation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """What a test fixes of a world; None: as the seed says."""

    weather: Sequence[Happening] | None = None
    latency_s: float | None = None
    """Of every answer of every provider."""
    skew_us: int | None = None
    """Of every node's wall clock against the database's."""


OF_THE_SEED = Climate()


def play(seed: int, break_: Break = Break.NONE) -> Outcome:
    """Run one world to its end."""
    return tell(seed, break_).outcome()


def tell(seed: int, break_: Break = Break.NONE, climate: Climate = OF_THE_SEED) -> "World":
    """Run one world to its end and hand it over."""
    worlds: list[World] = []

    async def main(loop: WorldLoop) -> None:
        world = World(loop, break_, climate)
        worlds.append(world)
        await world.run()

    try:
        run_world(main, seed)
    except WorldError as error:
        if not worlds:
            raise
        worlds[0].referee.accuse("world", str(error))
    return worlds[0]


class World:
    """Everything there is."""

    def __init__(self, loop: WorldLoop, break_: Break, climate: Climate) -> None:
        self.loop = loop
        self.dice = random.Random(f"world/{loop.seed}")
        self.weather = forecast(loop.seed, NODES, tuple(PROVIDERS)) if climate.weather is None else climate.weather
        self._only_providers_fail = applies(self.weather)
        self.network = Network(loop)
        self.clock = WorldClock(loop)
        self.referee = Referee(self.clock.now, loop.trace)
        self.spool = MemorySpool(clock=self.clock, clerk=clerk_for(break_), learner=learner_for(break_))
        self.spool.outbox = outbox_for(break_, self.spool.outbox)
        self.customers = Customers(loop, self.spool, self.referee, self.clock.now, CALM_AFTER_S)
        self.database = Database(loop, self.spool, self.referee, eager=EAGER.get(break_, ""), killed=self._killed)
        self.mailbox = WatchedMailbox(self.referee)
        self.sites = {
            name: Site(self.network, name, wire, self.mailbox, self._latency_s(climate))
            for name, wire in PROVIDERS.items()
        }
        self.informants = {name: self._informant(name, site) for name, site in self.sites.items()}
        self.mailbox.told = self._tell_of
        setting = Setting(
            network=self.network,
            database=self.database,
            referee=self.referee,
            providers=PROVIDERS,
            front=open_front,
            customers=self.customers.all,
            tellers=NODES if loop.seed % 4 == 0 else NODES[:1],
            alter=lambda gateway: alter(break_, gateway),
        )
        self.nodes = {name: Node(setting, name, self._skew_us(climate)) for name in NODES}
        self.application = Host(self.network, "application")
        self.mailbag = Mailbag(loop.seed)
        self.stage = Stage(
            network=self.network,
            database=self.database,
            sites=self.sites,
            nodes=self.nodes,
            people=People(self.spool, self.referee, self.dice),
            referee=self.referee,
        )
        self.patience = Patience(self.referee, tuple(self.sites.values()), self.clock.now)
        self._more_mail = MORE_MAIL if climate.weather is None and self._only_providers_fail else 0
        self._is_eager = break_ in EAGER
        self.cleared_s = self.rested_s = 0.0
        self._all_sent = asyncio.Event()

    async def run(self) -> None:
        """The four acts; the first violation ends them."""
        story = self.loop.create_task(self._story())
        alarm = self.loop.create_task(self.referee.alarm.wait())
        care = self.loop.create_task(self.customers.care())
        await asyncio.wait((story, alarm), return_when=asyncio.FIRST_COMPLETED)
        alarm.cancel()
        care.cancel()
        if story.done():
            story.result()
        else:
            story.cancel()

    def outcome(self) -> Outcome:
        """How it ended."""
        violations = tuple(self.referee.violations)
        story = tuple(self.loop.trace.lines) if violations else ()
        return Outcome(
            seed=self.loop.seed,
            violations=violations,
            digest=self.loop.trace.digest(),
            messages=len(self.mailbag.submissions),
            arrivals=len(self.mailbox),
            virtual_s=self.loop.time(),
            rest_s=self.rested_s - self.cleared_s,
            weather=tuple(map(str, self.weather)),
            story=story,
        )

    # --- the acts ---------------------------------------------------------------------------------------------------

    async def _story(self) -> None:
        for site in self.sites.values():
            site.start()
        for node in self.nodes.values():
            node.start()
        self.application.start(self._applications)
        watch = self.loop.create_task(self._watch())
        if self._only_providers_fail or not self.weather:
            self.customers.quiet_now(always=True)
        async with asyncio.TaskGroup() as group:
            for happening in self.weather:
                group.create_task(bring(self.stage, happening))
            group.create_task(asyncio.sleep(CALM_AFTER_S))
        self._clear()
        await self._rest()
        self.rested_s = self.loop.time()
        watch.cancel()
        await self._judge()
        await self.customers.tell_the_rest(self.nodes, await self._views())

    async def _applications(self) -> None:
        application = Application(NODES, self.dice)

        async def send(submission: Submission, at_s: float) -> None:
            await asyncio.sleep(at_s)
            await application.send(submission)

        async with asyncio.TaskGroup() as group:
            for _ in range(self.dice.randrange(10, 50) + self._more_mail):
                group.create_task(send(self.mailbag.write(), 0.5 + self.dice.random() * CALM_AFTER_S))
        self._all_sent.set()

    def _clear(self) -> None:
        """The sky clears: every misfortune has ended; whoever is still down gets up."""
        self.loop.trace.note("the sky is clear")
        self.cleared_s = self.loop.time()
        self.database.trouble = Trouble()
        for node in self.nodes.values():
            node.start()
        if self.customers.telling.quiet_since is None:
            self.customers.quiet_now(always=False)

    async def _watch(self) -> None:
        """No mail is left waiting, as far as that can be said of such weather.

        Of an answer before its commit a node does not hear what it leased: then mail waits for that alone.
        """
        if self._only_providers_fail and not self._is_eager:
            await self.patience.watch(self._views)

    async def _rest(self) -> None:
        """Wait until all has come to rest, or the bound has passed."""
        while self.loop.time() < self.cleared_s + REST_WITHIN_S:
            await asyncio.sleep(REST_CHECK_S)
            if self._all_sent.is_set() and await self._is_at_rest() and self._is_all_told():
                return

    async def _is_at_rest(self) -> bool:
        now = self.clock.now()
        return all(verdict.is_at_rest(self.referee, view, now) for view in await self._views())

    def _is_all_told(self) -> bool:
        return not (self.referee.hearsay.owed or any(informant.busy for informant in self.informants.values()))

    async def _views(self) -> Sequence[RecipientView]:
        return await self.spool.select(Selector(), EVERYTHING)

    async def _judge(self) -> None:
        views = await self._views()
        history = await self.spool.events_since(0, EVERYTHING)
        submissions = self.mailbag.submissions
        verdict.judge_receipts(self.referee, submissions, views)
        verdict.judge_rest(self.referee, views, self.clock.now())
        verdict.judge_history(self.referee, views, history)
        sites = tuple(self.sites.values())
        verdict.judge_ledger(self.referee, views, sites)
        listed = await self.spool.suppressions(None, "", EVERYTHING)
        verdict.judge_hearsay(self.referee, views, history, listed)
        verdict.judge_fidelity(self.referee, submissions, sites)

    # --- details ----------------------------------------------------------------------------------------------------

    def _latency_s(self, climate: Climate) -> float:
        drawn = self.dice.choice((0.002, 0.02, 0.08, 0.4, 1.5))
        if self._only_providers_fail:
            drawn = min(drawn, QUICK_S)
        return drawn if climate.latency_s is None else climate.latency_s

    def _tell_of(self, provider: str, message: str, recipients: Sequence[str], ses_id: str) -> None:
        own_id = ses_id if PROVIDERS[provider] is Wire.SES else ""
        self.informants[provider].arrived(message, recipients, own_id)

    def _informant(self, name: str, site: Site) -> Informant:
        return Informant(
            provider=ProviderName(name),
            nodes=NODES,
            dice=random.Random(f"informant/{name}/{self.loop.seed}"),
            now=self.clock.now,
            spawn=site.host.spawn,
            marks=lambda: [
                Mark(message_id=message_id, recipient=account.address)
                for (message_id, _), account in self.referee.accounts.items()
            ],
            taken=self.referee.hearsay.kept,
            forged=lambda provider, key: self.referee.hearsay.forged.add((provider, key)),
        )

    def _skew_us(self, climate: Climate) -> int:
        drawn = self.dice.choice((0, 0, 2_000_000, -30_000_000, 300_000_000))
        return drawn if climate.skew_us is None else climate.skew_us

    def _killed(self, host: Host) -> None:
        """The database's trouble killed a node: somebody starts it again."""
        self.loop.call_later(0.5 + 5 * self.dice.random(), self.nodes[host.name].start)
