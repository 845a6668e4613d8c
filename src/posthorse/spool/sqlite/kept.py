"""Notifications on SQLite, to be looked at: port `SpoolKept` on the spool's reader."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import apsw
import msgspec

from posthorse.mail.ids import ProviderName
from posthorse.spool.inbox_port import AT_NEXT_START, UNKNOWN_MAIL, Notification
from posthorse.spool.kept_port import MOST_COUNTED, MOST_KEPT, KeptNotification, KeptState, state_of
from posthorse.spool.sqlite.queries import named

T = TypeVar("T")

_SQL = named("kept.sql")
_STATES = {
    None: "1",
    KeptState.WAITING: "due_at IS NOT NULL AND note = ''",
    KeptState.READ: "due_at IS NULL AND note = ''",
    KeptState.UNKNOWN: "note <> '' AND note = :unknown",
    KeptState.UNREADABLE: "note <> '' AND note <> :unknown",
}
_AFTER_ALL = (1 << 63) - 1

_decode_facts = msgspec.json.Decoder(dict[str, str]).decode


class _Ask(Protocol):
    """Runs a question on the reader."""

    def __call__(self, question: Callable[[apsw.Connection], T]) -> Awaitable[T]:
        """Its answer. Raises `SpoolUnavailable`."""
        ...


class SqliteKept:
    """Port `SpoolKept`."""

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def newest(
        self, state: KeptState | None, provider: ProviderName | None, before: int | None, limit: int
    ) -> Sequence[KeptNotification]:
        """As the port says."""
        bindings = {
            "before": _AFTER_ALL if before is None else before,
            "provider": provider,
            "unknown": UNKNOWN_MAIL,
            "limit": min(limit, MOST_KEPT),
        }
        return await self._ask(partial(_newest, _SQL["newest"].replace("{state}", _STATES[state]), bindings))

    async def one(self, seq: int) -> tuple[KeptNotification, Notification] | None:
        """As the port says."""
        return await self._ask(partial(_one, seq))

    async def count(self) -> Mapping[KeptState, int]:
        """As the port says."""
        return await self._ask(_count)


def _newest(query: str, bindings: Mapping[str, Any], connection: apsw.Connection) -> list[KeptNotification]:
    return [_shown(*row) for row in connection.execute(query, bindings)]


def _one(seq: int, connection: apsw.Connection) -> tuple[KeptNotification, Notification] | None:
    for *columns, key, facts, body in connection.execute(_SQL["one"], {"seq": seq}):
        kept = _shown(*columns)
        told = _decode_facts(facts) if facts else {}
        return kept, Notification(provider=kept.provider, key=key, body=body, facts=told)
    return None


def _count(connection: apsw.Connection) -> dict[KeptState, int]:
    ((waiting, unknown, unreadable),) = connection.execute(
        _SQL["count"], {"unknown": UNKNOWN_MAIL, "most": MOST_COUNTED}
    )
    return {KeptState.WAITING: waiting, KeptState.UNKNOWN: unknown, KeptState.UNREADABLE: unreadable}


def _shown(
    seq: int, provider: str, received_at: int, tries: int, due_at: int | None, note: str, size_bytes: int
) -> KeptNotification:
    return KeptNotification(
        seq=seq,
        provider=ProviderName(provider),
        state=state_of(due_at, note),
        received_at=received_at,
        tries=tries,
        next_at=None if due_at == AT_NEXT_START else due_at,
        note=note,
        size_bytes=size_bytes,
    )
