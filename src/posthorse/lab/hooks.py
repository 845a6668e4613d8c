"""Telling what became of mail: when, how often, in which order, and what goes wrong on the way, on demand.

Duty: send a simulated provider's notifications to one URL; late, doubled, lost, forged and out of order as set.
Promises: what is not answered with 2xx is sent again, as long as the provider would (but with the lab's shorter pauses,
and at most `MOST_TRIES` times); everything is counted; what waits is bounded. Left out: what a notification looks
like.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from posthorse.lab.fates import Told
from posthorse.lab.hook_shape import HookRequest, HookShape
from posthorse.lab.http_line import HttpLine, LineBroken

MOST_WAITING = 100_000
"""Things and notifications that wait at once; what comes then is only counted."""
MOST_TRIES = 12
SENDERS = 16
ANSWER_S = 15.0
"""How long a provider waits for the answer."""
GATHER_S, MOST_GATHERED = 0.1, 500
SHUFFLE_S = 1.0
"""How far two notifications may change places."""
GREETING_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSetting:
    """Where notifications go and what happens to them; shares are from 0 to 1."""

    url: str = ""
    """Empty: nothing is told."""
    delay_s: float = 0.0
    double: float = 0.0
    """This share is sent twice."""
    lose: float = 0.0
    """This share is never sent."""
    forge: float = 0.0
    """Beside this share, a stranger sends one of his own."""
    shuffle: bool = False
    """They change places."""

    def __post_init__(self) -> None:
        if self.url:
            HttpLine(self.url, timeout_s=1)
        if self.delay_s < 0 or not all(0 <= share <= 1 for share in (self.double, self.lose, self.forge)):
            raise ValueError("double, lose and forge are shares from 0 to 1, and delay_s is not negative")


@dataclass(slots=True, kw_only=True)
class _Sending:
    request: HookRequest
    is_forged: bool = False
    tries: int = 0


class HookSender:
    """Tells for one simulated provider."""

    def __init__(self, shape: HookShape, dice: random.Random) -> None:
        self.shape = shape
        self.setting = HookSetting()
        self.counts: Counter[str] = Counter()
        """answered, doubled, lost, forged, forged_taken, refused, retried, given_up, unwelcome."""
        self._dice = dice
        self._queue: asyncio.Queue[_Sending] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()
        self._gathered: list[Told] = []
        self._senders: list[asyncio.Task[None]] = []
        self._under_way = 0
        self._news = asyncio.Event()

    async def use(self, setting: HookSetting) -> bool:
        """Tell there from now on; whether the other side is ready for it: greeted, if that is needed, and greeted again
        if it was not there before.
        """
        is_new = setting.url != self.setting.url
        self.setting = setting
        if is_new and setting.url:
            await self.close()
            self._senders = [asyncio.create_task(self._send_all(setting.url)) for _ in range(SENDERS)]
        if setting.url and (is_new or not self.shape.is_welcome):
            greeting = self.shape.greeting(setting.url)
            if greeting is not None:
                self._queue.put_nowait(_Sending(request=greeting))
        if setting.url:
            with suppress(TimeoutError):
                async with asyncio.timeout(GREETING_S):
                    await self.shape.greeted()
        return self.shape.is_welcome

    async def close(self) -> None:
        """Tell nothing more, and forget what waits."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._gathered.clear()
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        self._senders.clear()
        self._queue = asyncio.Queue()

    def forget(self) -> None:
        """Nothing goes wrong on the way any more, and nothing is counted; where it goes stays."""
        self.setting = HookSetting(url=self.setting.url)
        self.counts.clear()

    async def quiet(self) -> None:
        """Return when nothing waits to be told."""
        while self._waiting:
            self._news.clear()
            await self._news.wait()

    def tell(self, told: Told) -> None:
        """Something happened to mail; it is told in its time."""
        if not self.setting.url:
            return
        late_s = (told.at - told.mailing.at) / 1e6 + self.setting.delay_s
        if self.setting.shuffle:
            late_s += self._dice.uniform(0, SHUFFLE_S)
        self._later(late_s, lambda: self._due(told))

    def describe(self) -> dict[str, Any]:
        """How it stands."""
        stands = {"ready": self.shape.is_welcome, "waiting": self._waiting, "counts": dict(self.counts)}
        return asdict(self.setting) | stands

    @property
    def _waiting(self) -> int:
        return len(self._timers) + len(self._gathered) + self._queue.qsize() + self._under_way

    # --- when -------------------------------------------------------------------------------------------------------

    def _later(self, late_s: float, act: Callable[[], None]) -> None:
        if len(self._timers) + self._queue.qsize() >= MOST_WAITING:
            self.counts["given_up"] += 1
            return

        def fire() -> None:
            self._timers.discard(timer)
            act()
            self._news.set()

        timer = asyncio.get_running_loop().call_later(late_s, fire)
        self._timers.add(timer)

    def _due(self, told: Told) -> None:
        if not self.shape.gathers:
            self._word([told])
            return
        self._gathered.append(told)
        if len(self._gathered) == 1:
            self._later(GATHER_S, self._word_gathered)
        elif len(self._gathered) >= MOST_GATHERED:
            self._word_gathered()

    def _word_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        if self.setting.shuffle:
            self._dice.shuffle(gathered)
        if gathered:
            self._word(gathered)

    def _word(self, told: list[Told]) -> None:
        if not self.shape.is_welcome:
            self.counts["unwelcome"] += len(told)
            return
        for request in self.shape.worded(told):
            self._dispatch(_Sending(request=request))
        if self._happens(self.setting.forge):
            self.counts["forged"] += 1
            self._queue.put_nowait(_Sending(request=self.shape.forged(told[-1]), is_forged=True))

    def _dispatch(self, sending: _Sending) -> None:
        if self._happens(self.setting.lose):
            self.counts["lost"] += 1
            return
        self._queue.put_nowait(sending)
        if self._happens(self.setting.double):
            self.counts["doubled"] += 1
            twin = _Sending(request=sending.request)
            self._later(self._dice.uniform(0, SHUFFLE_S), lambda: self._queue.put_nowait(twin))

    def _happens(self, share: float) -> bool:
        return share > 0 and self._dice.random() < share

    # --- over the wire ----------------------------------------------------------------------------------------------

    async def _send_all(self, url: str) -> None:
        """One connection, one notification after the other."""
        line = HttpLine(url, timeout_s=ANSWER_S)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            while True:
                sending = await self._queue.get()
                sending.tries += 1
                self._under_way += 1
                try:
                    status = (await line.ask("POST", path, sending.request.headers, sending.request.body)).status
                except LineBroken:
                    status = 0
                finally:
                    self._under_way -= 1
                self._answered(sending, status)
                self._news.set()
        finally:
            line.close()

    def _answered(self, sending: _Sending, status: int) -> None:
        if sending.is_forged:
            self.counts["forged_taken"] += 200 <= status < 300
        elif 200 <= status < 300:
            self.counts["answered"] += 1
        elif status and self.shape.gives_up_at(status):
            self.counts["refused"] += 1
        elif sending.tries >= MOST_TRIES:
            self.counts["given_up"] += 1
        else:
            self.counts["retried"] += 1
            pause_s = min(20.0, 0.25 * 2**sending.tries) * self._dice.uniform(0.5, 1.0)
            self._later(pause_s, lambda: self._queue.put_nowait(sending))
