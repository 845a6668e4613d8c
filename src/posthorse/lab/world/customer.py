"""A customer's endpoint: it answers as its temperament says, goes away and comes back, and remembers what it took.

One endpoint of a world is always well; the other is ill in a way that the seed draws. The way to an endpoint is a call
of the exchange that messengers are given, so that HTTP itself stays out (`posthorse.providers.http` is tested on real
sockets): a call arrives at one instant and is answered at another, whatever becomes of the process that made it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from posthorse.feedback.customer_event import CustomerEventKind
from posthorse.feedback.webhook_call import Endpoint
from posthorse.feedback.webhook_url import read_url
from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.wire import KERNEL
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.ports import ExchangeFailed, HttpRequest, HttpResponse, Target

SECRET = b"a secret of the simulated world!"
WELL, ILL = "well", "ill"
HOUR_S = 3_600.0
SCHEDULE_S = 34 * HOUR_S
"""The 28 hours of the eight tries, with their jitter and the looks of the last act."""
BACK_WITHIN_S = 2_400.0
"""How soon an endpoint that is back after it was down is told what waited."""

_WAYS_S = (0.002, 0.02, 0.1)
_SLOW_S = 9.0
"""Almost as long as a call may take."""


class Mood(Enum):
    """How an endpoint answers for a while."""

    WELL = "well"
    ERRS = "errs"
    """500."""
    BUSY = "busy"
    """503 with Retry-After."""
    SLOW = "slow"
    """200, after seconds."""
    SILENT = "silent"
    """No answer; half of the time it took the event all the same."""
    CUT = "cut"
    """The connection ends; half of the time it took the event all the same."""
    PICKY = "picky"
    """500 for some events, always the same ones."""
    GONE = "gone"
    """410."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A mood from a moment to another, seconds of virtual time."""

    mood: Mood
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperament:
    """What becomes of an endpoint in a world."""

    spells: tuple[Spell, ...] = ()
    """The latest that has begun and not ended counts."""
    told_by_s: float | None = 0.0
    """When it must have been told everything at the latest, seconds of virtual time; None: nobody knows."""
    refuses_for_ever: bool = False
    """Some events, which nobody can tell it."""
    enabled_at_s: float | None = None
    """When a person enables it again; None: nobody does."""


def temperament(dice: random.Random, troubled_s: float) -> Temperament:
    """How the ill endpoint is; its first trouble begins before `troubled_s`."""
    begins_s = dice.uniform(0.5, troubled_s)
    match dice.randrange(8):
        case 0:
            return _dead(dice, begins_s)
        case 1:
            ends_s = begins_s + dice.uniform(0.1, 24.0) * HOUR_S
            return Temperament(spells=(Spell(mood=Mood.PICKY, from_s=begins_s, to_s=ends_s),), told_by_s=SCHEDULE_S)
        case 2:
            return Temperament(
                spells=(Spell(mood=Mood.PICKY, from_s=begins_s, to_s=float("inf")),),
                told_by_s=BACK_WITHIN_S,
                refuses_for_ever=True,
            )
        case 3:
            ends_s = begins_s + dice.uniform(1.0, 300.0)
            enabled_at_s = dice.choice((None, ends_s + dice.uniform(1.0, 600.0)))
            return Temperament(
                spells=(Spell(mood=Mood.GONE, from_s=begins_s, to_s=ends_s),),
                told_by_s=None if enabled_at_s is None else enabled_at_s + BACK_WITHIN_S,
                enabled_at_s=enabled_at_s,
            )
        case _:
            return _unsteady(dice, troubled_s)


def _dead(dice: random.Random, begins_s: float) -> Temperament:
    """For longer than any event is tried."""
    ends_s = begins_s + dice.uniform(1.0, 40.0) * HOUR_S
    mood = dice.choice((Mood.ERRS, Mood.SILENT, Mood.CUT))
    return Temperament(spells=(Spell(mood=mood, from_s=begins_s, to_s=ends_s),), told_by_s=ends_s + BACK_WITHIN_S)


def _unsteady(dice: random.Random, troubled_s: float) -> Temperament:
    """Short troubles, one after another, and between them it takes what comes: that may cost events their tries."""
    moods = (Mood.ERRS, Mood.BUSY, Mood.SLOW, Mood.SILENT, Mood.CUT, Mood.PICKY)
    begins = sorted(dice.uniform(0.5, troubled_s) for _ in range(dice.choice((1, 2, 3))))
    spells = tuple(
        Spell(mood=dice.choice(moods), from_s=begin_s, to_s=begin_s + dice.uniform(1.0, 60.0)) for begin_s in begins
    )
    return Temperament(spells=spells, told_by_s=SCHEDULE_S)


@dataclass(slots=True, kw_only=True)
class Customer:
    """One endpoint."""

    name: str
    temperament: Temperament
    kinds: frozenset[CustomerEventKind]
    """What it wants to be told."""
    dice: random.Random
    taken: "Callable[[Customer, HttpRequest], None]"
    """Called for each event that it takes..."""
    refused: "Callable[[Customer, HttpRequest], None]"
    """... and for each that it will never take."""
    called: "Callable[[Customer], None]"
    """Called for each call that arrives."""

    @property
    def endpoint(self) -> Endpoint:
        """As the gateway is configured for it."""
        url = f"http://{self.name}:8443/hook"
        return Endpoint(
            tenant=MAIN_TENANT,
            name=self.name,
            url=url,
            place=read_url(url, allow_private=True),
            secrets=(SECRET,),
            events=self.kinds,
            allow_private=True,
        )

    def mood(self, now_s: float) -> Mood:
        """How it is at a moment."""
        spells = [spell for spell in self.temperament.spells if spell.from_s <= now_s < spell.to_s]
        return spells[-1].mood if spells else Mood.WELL

    def hear(self, request: HttpRequest, now_s: float) -> tuple[HttpResponse | None, float]:
        """Take an event or not; the answer (None: the connection ends) and in how many seconds it comes."""
        self.called(self)
        way_s = self.dice.choice(_WAYS_S)
        match self.mood(now_s):
            case Mood.WELL:
                return self._take(request), way_s
            case Mood.SLOW:
                return self._take(request), _SLOW_S * self.dice.random()
            case Mood.ERRS:
                return HttpResponse(status=500), way_s
            case Mood.BUSY:
                return HttpResponse(status=503, headers={"retry-after": str(self.dice.randrange(1, 30))}), way_s
            case Mood.GONE:
                return HttpResponse(status=410), way_s
            case Mood.PICKY:
                return (self._take(request) if sum(request.body) % 3 else self._refuse(request)), way_s
            case Mood.SILENT | Mood.CUT as mood:
                if self.dice.random() < 0.5:
                    self._take(request)
                return None, float("inf") if mood is Mood.SILENT else way_s

    def _take(self, request: HttpRequest) -> HttpResponse:
        self.taken(self, request)
        return HttpResponse(status=self.dice.choice((200, 202, 204)))

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        if self.temperament.refuses_for_ever:
            self.refused(self, request)
        return HttpResponse(status=500)


class WayToCustomer:
    """Port `HttpExchange` of one endpoint."""

    def __init__(self, loop: WorldLoop, customer: Customer) -> None:
        self._loop = loop
        self._customer = customer

    async def exchange(self, request: HttpRequest, *, before_last_bytes: Callable[[], Awaitable[bool]]) -> HttpResponse:
        """One call. Raises `ExchangeFailed`."""
        await before_last_bytes()
        answer: asyncio.Future[HttpResponse] = self._loop.create_future()
        way_s = self._customer.dice.choice(_WAYS_S)
        self._loop.call_later(way_s, self._arrive, request, answer, context=KERNEL)
        return await answer

    async def prepare(self, target: Target, connections: int) -> None:
        """Nothing to prepare."""

    def _arrive(self, request: HttpRequest, answer: "asyncio.Future[HttpResponse]") -> None:
        response, after_s = self._customer.hear(request, self._loop.time())
        if after_s < float("inf"):
            self._loop.call_later(after_s, _answer, answer, response, context=KERNEL)


def _answer(answer: "asyncio.Future[HttpResponse]", response: HttpResponse | None) -> None:
    if answer.done():
        return  # the caller gave it up
    if response is None:
        answer.set_exception(ExchangeFailed("simulated: the connection ended"))
    else:
        answer.set_result(response)
