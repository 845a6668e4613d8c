"""The tap of a connection: open only when nothing holds it."""

import asyncio

from posthorse.accept.smtp.flow import Flow


class Tap(asyncio.Transport):
    """Remembers how it was turned."""

    def __init__(self) -> None:
        super().__init__()
        self.turned: list[str] = []
        self.closing = False

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closing

    def pause_reading(self) -> None:
        """Shut."""
        self.turned.append("shut")

    def resume_reading(self) -> None:
        """Open."""
        self.turned.append("open")


def test_reading_goes_on_only_when_no_reason_holds() -> None:
    """Each reason is lifted by itself; nothing is turned twice."""
    tap = Tap()
    flow = Flow(tap)
    flow.too_far_ahead(True)
    flow.replies_pile_up(True)
    flow.too_far_ahead(True)
    flow.too_far_ahead(False)
    assert tap.turned == ["shut"]
    assert flow.paused
    flow.replies_pile_up(False)
    assert tap.turned == ["shut", "open"]
    flow.replies_pile_up(True)
    flow.open()
    flow.open()
    assert tap.turned == ["shut", "open", "shut", "open"]


def test_who_sends_much_is_read_on_after_the_others() -> None:
    """Shut at once, open in the next turn of the loop, unless there is another reason or no connection any more."""

    async def story() -> None:
        tap = Tap()
        flow = Flow(tap)
        flow.give_way()
        flow.give_way()
        assert tap.turned == ["shut"]
        await asyncio.sleep(0)
        assert tap.turned == ["shut", "open"]
        flow.give_way()
        flow.replies_pile_up(True)
        await asyncio.sleep(0)
        assert tap.turned == ["shut", "open", "shut"]
        flow.replies_pile_up(False)
        flow.give_way()
        tap.closing = True
        await asyncio.sleep(0)
        assert tap.turned == ["shut", "open", "shut", "open", "shut"]

    asyncio.run(story())
