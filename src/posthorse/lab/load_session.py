"""What the load needs of a way to offer mail: one session after the other, one message after the other.

Left out: the ways (`load_smtp`, `load_ses`), and what is offered when (`load`).
"""

from typing import Protocol

from posthorse.lab.load_mail import Offer


class NotNow(Exception):
    """Not accepted this time; `is_doubtful`: everything was sent and no answer came, so another try may double it."""

    def __init__(self, why: str, *, is_doubtful: bool = False) -> None:
        super().__init__(why)
        self.is_doubtful = is_doubtful


class Never(Exception):
    """A complete and final no."""


class Session(Protocol):
    """One connection, or what stands for it."""

    async def send(self, offer: Offer) -> str:
        """Offer one message; answers the receipt, empty if there was none. Raises `NotNow` or `Never`."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class Opener(Protocol):
    """Makes sessions."""

    async def __call__(self) -> Session:
        """A session that is ready. Raises `NotNow`."""
        ...
