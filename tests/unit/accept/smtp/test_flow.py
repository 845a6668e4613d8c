"""The tap of a connection: open only when nothing holds it."""

import asyncio

from posthorse.accept.smtp.flow import Flow


class Tap(asyncio.Transport):
    """Remembers how it was turned."""

    def __init__(self) -> None:
        super().__init__()
        self.turned: list[str] = []

    def pause_reading(self) -> None:
        """Shut."""
        self.turned.append("shut")

    def resume_reading(self) -> None:
        """Open."""
        self.turned.append("open")


def test_reading_goes_on_only_when_neither_reason_holds() -> None:
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
