"""Customers' endpoints on SQLite: port `SpoolOutbox` on the spool's own writer and reader.

Left out: threads and transactions (`posthorse.spool.sqlite.spool`), what is told and when (`posthorse.feedback`).
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar, cast

import apsw
import msgspec

from posthorse.mail.ids import MessageId, Tenant
from posthorse.spool.outbox_port import (
    EARLY,
    MOST_GIVEN_UP,
    TOLD_STATES,
    Again,
    EndpointState,
    Happening,
    Noted,
    Page,
    Progress,
)
from posthorse.spool.sqlite.book import SqliteBook
from posthorse.spool.sqlite.queries import Value, named
from posthorse.spool.sqlite.rows import MessageTuple, fact_of, message_of

T = TypeVar("T")

_HAPPENING = (
    "json_array(json_array(hex(m.id), m.tenant, m.stream, m.sender, m.size_bytes, m.accepted_at, m.expires_at,"
    " m.smtputf8, m.eight_bit, m.supersede_key, m.attributes), r.address,"
    " json_array(h.seq, h.at, h.n, h.kind, h.old, h.new, h.cause, h.fence, h.provider, hex(h.attempt), h.detail))"
)
_TOLD = ", ".join(f"'{state.value}'" for state in sorted(TOLD_STATES, key=lambda state: state.value))
_SQL = {
    name: text.replace("{happening}", _HAPPENING).replace("{told}", _TOLD) for name, text in named("outbox.sql").items()
}

_FactTuple = tuple[int, int, int, str, str | None, str | None, str | None, int, str | None, str, str | None]
_HappeningTuple = tuple[MessageTuple, str, _FactTuple]
_StateTuple = tuple[str, str, int, int | None, int | None, int | None, str, str, int, int, int | None, str, int | None]

_decode_happenings = msgspec.json.Decoder(list[_HappeningTuple]).decode
_decode_again = msgspec.json.Decoder(list[tuple[int, int, int, str, int, _HappeningTuple | None]]).decode
_decode_states = msgspec.json.Decoder(list[_StateTuple]).decode
_decode_pair = msgspec.json.Decoder(tuple[int | None, int | None]).decode


class _Ask(Protocol):
    """Runs a question on the reader."""

    def __call__(self, question: Callable[[apsw.Connection], T]) -> Awaitable[T]:
        """Its answer. Raises `SpoolUnavailable`."""
        ...


class _Work(Protocol):
    """Runs something in one transaction of the writer."""

    def __call__(self, work: Callable[[SqliteBook], T]) -> Awaitable[T]:
        """Its answer, once durable. Raises `SpoolUnavailable`."""
        ...


class SqliteOutbox:
    """Port `SpoolOutbox`."""

    def __init__(self, *, ask: _Ask, work: _Work, now: Callable[[], int]) -> None:
        """`ask` and `work`: the spool's reader and writer; `now`: its clock."""
        self._ask = ask
        self._work = work
        self._now = now

    async def enroll(self, tenant: Tenant, name: str) -> EndpointState:
        """As the port says."""
        await self._work(lambda book: book.connection.execute(_SQL["enroll"], {"tenant": tenant, "name": name}).get)
        found = await self.endpoint(tenant, name)
        assert found is not None, "it was enrolled just now"
        return found

    async def endpoints(self) -> Sequence[EndpointState]:
        """As the port says."""
        return await self._ask(partial(_states, None, None))

    async def endpoint(self, tenant: Tenant, name: str) -> EndpointState | None:
        """As the port says."""
        found = await self._ask(partial(_states, tenant, name))
        return found[0] if found else None

    async def happenings(self, tenant: Tenant, after: int, until: int | None, facts: int) -> Page:
        """As the port says."""
        bindings: dict[str, Value] = {"tenant": tenant, "after": after, "until": until, "facts": facts}
        return await self._ask(partial(_happenings, bindings))

    async def due_again(self, tenant: Tenant, name: str, limit: int) -> Sequence[Again]:
        """As the port says."""
        bindings: dict[str, Value] = {"tenant": tenant, "name": name, "now": self._now(), "limit": limit}
        return await self._ask(partial(_due_again, bindings))

    async def record(self, progress: Progress) -> None:
        """As the port says."""
        await self._work(partial(_record, progress))

    async def replay_since(self, tenant: Tenant, name: str, since: int) -> int | None:
        """As the port says."""
        before = await self._ask(partial(_seq_before, since))
        return await self._work(partial(_replay, {"tenant": tenant, "name": name}, before))

    async def replay_message(self, tenant: Tenant, name: str, message_id: MessageId) -> int | None:
        """As the port says."""
        return await self._work(partial(_replay_message, {"tenant": tenant, "name": name}, message_id))

    async def disable(self, tenant: Tenant, name: str, why: str) -> bool:
        """As the port says."""

        def work(book: SqliteBook) -> bool:
            bindings: dict[str, Value] = {"tenant": tenant, "name": name, "why": why, "url": "", "now": book.now}
            book.connection.execute(_SQL["disable"], bindings)
            return book.connection.changes() > 0

        return await self._work(work)

    async def enable(self, tenant: Tenant, name: str) -> bool:
        """As the port says."""

        def work(book: SqliteBook) -> bool:
            key: dict[str, Value] = {"tenant": tenant, "name": name}
            book.connection.execute(_SQL["enable"], key)
            known = book.connection.changes() > 0
            book.connection.execute(_SQL["hurry"], {**key, "now": book.now})
            return known

        return await self._work(work)

    async def forget(self, tenant: Tenant, name: str) -> bool:
        """As the port says."""

        def work(book: SqliteBook) -> bool:
            key = {"tenant": tenant, "name": name}
            book.connection.execute(_SQL["forget_endpoint"], key)
            known = book.connection.changes() > 0
            book.connection.execute(_SQL["forget_undelivered"], key)
            return known

        return await self._work(work)


def _states(tenant: str | None, name: str | None, connection: apsw.Connection) -> list[EndpointState]:
    text = connection.execute(_SQL["states"], {"tenant": tenant, "name": name}).get
    return [_state(columns) for columns in _decode_states(text)]


def _state(columns: _StateTuple) -> EndpointState:
    tenant, name, read_to, start, end, disabled_at, why, url, waiting, given_up, next_at, last_why, behind = columns
    return EndpointState(
        tenant=Tenant(tenant),
        name=name,
        read_to=read_to,
        replay=None if start is None or end is None else (start, end),
        disabled_at=disabled_at,
        disabled_why=why,
        disabled_url=url,
        waiting=waiting,
        given_up=given_up,
        next_at=next_at,
        last_why=last_why,
        behind_since=behind,
    )


def _happenings(bindings: dict[str, Value], connection: apsw.Connection) -> Page:
    ((read_to, text),) = connection.execute(_SQL["happenings"], bindings).fetchall()
    found = _decode_happenings(str(text))
    return Page(happenings=tuple(_happening(columns) for columns in found), read_to=cast(int, read_to))


def _happening(columns: _HappeningTuple) -> Happening:
    message, address, fact = columns
    seq, at, n, kind, old, new, cause, fence, provider, attempt, detail = fact
    stored = (
        message[1], seq, at, bytes.fromhex(message[0]), n, kind, old, new, cause, fence, provider,
        bytes.fromhex(attempt), detail,
    )  # fmt: skip
    return Happening(fact=fact_of(stored), message=message_of(message), address=address)


def _due_again(bindings: dict[str, Value], connection: apsw.Connection) -> list[Again]:
    text = connection.execute(_SQL["due_again"], bindings).get
    return [
        Again(
            noted=Noted(seq=seq, tries=tries, next_at=next_at, why=why),
            noted_at=at,
            happening=None if columns is None else _happening(columns),
        )
        for seq, tries, next_at, why, at, columns in _decode_again(text)
    ]


def _record(progress: Progress, book: SqliteBook) -> None:
    run, key = book.connection.execute, {"tenant": progress.tenant, "name": progress.name}
    if run(_SQL["is_enrolled"], key).get is None:
        return
    if progress.read_to is not None:
        run(_SQL["read_on"], {**key, "read_to": progress.read_to})
    if progress.replayed is not None:
        run(_SQL["replayed"], {**key, "from": progress.replayed[0], "to": progress.replayed[1]})
    for seq in progress.taken:
        run(_SQL["take"], {**key, "seq": seq})
    if progress.most_waiting is not None:
        run(_SQL["crowd_out"], {**key, "most": progress.most_waiting, "early": EARLY})
    for noted in progress.noted:
        more: dict[str, Value] = {"seq": noted.seq, "tries": noted.tries, "next_at": noted.next_at, "why": noted.why}
        run(_SQL["note"], {**key, **more, "now": book.now})
    if progress.most_waiting is not None or any(noted.next_at is None for noted in progress.noted):
        run(_SQL["trim"], {**key, "most": MOST_GIVEN_UP})
    if progress.disabled:
        run(_SQL["disable"], {**key, "why": progress.disabled, "url": progress.url, "now": book.now})


def _seq_before(since: int, connection: apsw.Connection) -> int:
    """The place just before the first fact of that time or later, by halving: times rise along the history."""
    low, high = _decode_pair(connection.execute(_SQL["ends"]).get)
    if low is None or high is None:
        return 0
    while low <= high:
        middle = (low + high) // 2
        seq, at = _decode_pair(connection.execute(_SQL["fact_from"], {"seq": middle}).get)
        assert seq is not None and at is not None, "the last fact is not behind the middle"  # noqa: PT018
        if at >= since:
            high = middle - 1
        else:
            low = seq + 1
    return low - 1


def _replay(key: dict[str, str], before: int, book: SqliteBook) -> int | None:
    if book.connection.execute(_SQL["is_enrolled"], key).get is None:
        return None
    facts: int | None = book.connection.execute(_SQL["replay"], {**key, "from": before}).get
    return facts or 0


def _replay_message(key: dict[str, str], message_id: MessageId, book: SqliteBook) -> int | None:
    if book.connection.execute(_SQL["is_enrolled"], key).get is None:
        return None
    bindings: dict[str, Value] = {**key, "id": message_id, "now": book.now}
    book.connection.execute(_SQL["note_message"], bindings)
    return book.connection.changes()
