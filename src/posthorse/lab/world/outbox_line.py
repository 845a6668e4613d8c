"""A node's line to the database for what customers are told: the same misfortunes as on every other call."""

from collections.abc import Callable, Coroutine
from typing import Any, cast

from posthorse.spool.outbox_port import SpoolOutbox


class NodeOutbox:
    """Every call of the port `SpoolOutbox`, over a node's line."""

    def __init__(self, outbox: SpoolOutbox, call: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self._outbox = outbox
        self._call = call

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = getattr(self._outbox, name)
        return lambda *arguments: self._call(lambda: method(*arguments), _unseen)


def outbox_line(outbox: SpoolOutbox, call: Callable[..., Coroutine[Any, Any, Any]]) -> SpoolOutbox:
    """The outbox as a node reaches it."""
    return cast("SpoolOutbox", NodeOutbox(outbox, call))


def _unseen(_: object) -> None:
    """Nobody needs to see it: the referee reads the history itself."""
