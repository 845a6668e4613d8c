"""Looking at mail by the native API: one message with all that happened to it, a list, and taking it back.

Promise: a tenant sees its own mail only, and what is another's looks like what never was; a page is bounded whatever is
asked for, and so is the work for it. Cancelling ends what still waits, and stops further tries of what is under way
and of what is in doubt; it never claims that what may be out is cancelled.

Left out: the words of the history, which the daemon hands in (`explain` tells them the same way).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from posthorse.accept.api.problems import ApiError, Code
from posthorse.accept.api.wire import MAX_PAGE, Cancelled, Page, Recipient, Step, Summary, Whole
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, Tenant, parse_message_id
from posthorse.mail.message import Caller, Message
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import Decision, RecipientView, Selector, SpoolDesk
from posthorse.spool.port import HistoryRow

MOST_RECIPIENTS = 50_000
MOST_STEPS = 10_000
WINDOW = 1_000
"""Recipients that are looked at for one page of a list."""
_TURN = 200
"""Rows told before others get a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages a list shows; empty fields do not restrict."""

    tag: str = ""
    """`name=value`."""
    recipient_domain: str = ""
    carriage: Carriage | None = None
    before: MessageId | None = None
    limit: int = 50


class Looking:
    """Answers about the mail of a tenant. One per node."""

    def __init__(
        self,
        spool: SpoolDesk,
        words: Callable[[HistoryRow], str],
        standing: Callable[[RecipientView, Sequence[HistoryRow]], str],
    ) -> None:
        """`words`: a fact as a sentence; `standing`: how a recipient stands, what happens next, and since when, by its
        own facts.
        """
        self._spool = spool
        self._words = words
        self._standing = standing

    async def whole(self, tenant: Tenant, text: str) -> Whole:
        """One message with its history. Raises `ApiError`."""
        views = await self._views(tenant, text)
        message = views[0].message
        rows = await self._spool.history(message.id)
        return Whole(
            message=summary(message, views),
            supersede_key=message.supersede_key,
            recipients=await self._recipients(views, rows),
            history=await self._steps(rows[:MOST_STEPS]),
            more_history=len(rows) > MOST_STEPS,
        )

    async def cancel(self, caller: Caller, text: str) -> Cancelled:
        """Take back what still waits. Raises `ApiError`."""
        (first, *_) = await self._views(caller.tenant, text)
        message_id = first.message.id
        chosen = Selector(tenant=caller.tenant, message_id=message_id)
        await self._spool.decide(chosen, Decision.WITHDRAW, caller.credential, MOST_RECIPIENTS)
        views = await self._views(caller.tenant, text)
        return Cancelled(
            id=message_id.hex(),
            cancelled=sum(view.carriage is Carriage.CANCELLED for view in views),
            recipients=await self._recipients(views, await self._spool.history(message_id)),
        )

    async def page(self, tenant: Tenant, wanted: Wanted) -> Page:
        """A page of messages, newest first."""
        chosen = Selector(tenant=tenant, before_id=wanted.before)
        views = await self._spool.select(chosen, WINDOW)
        by_message: dict[MessageId, list[RecipientView]] = {}
        for view in views:
            by_message.setdefault(view.message.id, []).append(view)
        if len(views) == WINDOW:
            await self._complete(tenant, by_message)
        found: list[Summary] = []
        looked_at = 0
        for of_message in by_message.values():
            looked_at += 1
            if _is_wanted(wanted, of_message):
                found.append(summary(of_message[0].message, of_message))
            if len(found) == min(wanted.limit, MAX_PAGE):
                break
        if looked_at == len(by_message) and len(views) < WINDOW:
            return Page(messages=found, before=None)
        return Page(messages=found, before=list(by_message)[looked_at - 1].hex())

    async def _complete(self, tenant: Tenant, by_message: dict[MessageId, list[RecipientView]]) -> None:
        """The window may have cut its last message in two: leave it to the next page, unless it is the only one."""
        last = next(reversed(by_message))
        if len(by_message) > 1:
            del by_message[last]
        else:
            whole = await self._spool.select(Selector(tenant=tenant, message_id=last), MOST_RECIPIENTS)
            by_message[last] = list(whole)

    async def _views(self, tenant: Tenant, text: str) -> Sequence[RecipientView]:
        """All recipients of one message of this tenant, in order. Raises `ApiError`."""
        try:
            message_id = parse_message_id(text)
        except ValueError:
            raise ApiError(Code.NOT_FOUND) from None
        views = await self._spool.select(Selector(tenant=tenant, message_id=message_id), MOST_RECIPIENTS)
        if not views:
            raise ApiError(Code.NOT_FOUND)
        return sorted(views, key=lambda view: view.n)

    async def _recipients(self, views: Sequence[RecipientView], rows: Sequence[HistoryRow]) -> list[Recipient]:
        told: list[Recipient] = []
        own: dict[int, list[HistoryRow]] = {}
        for row in rows:
            own.setdefault(row.n, []).append(row)
        for view in views:
            told.append(self._recipient(view, own.get(view.n, ())))
            if len(told) % _TURN == 0:
                await asyncio.sleep(0)
        return told

    def _recipient(self, view: RecipientView, own: Sequence[HistoryRow]) -> Recipient:
        return Recipient(
            n=view.n,
            address=view.address,
            carriage=view.carriage.value,
            fate=view.fate.value,
            attempts=view.attempts,
            provider=view.provider,
            tried=list(view.tried),
            copies_released=view.copies_released,
            copies_allowed=view.copies_allowed,
            next_at=None if view.next_at is None else written_time(view.next_at),
            on_hold=view.hold is not None,
            withdrawn=view.withdrawn,
            now=self._standing(view, own),
        )

    async def _steps(self, rows: Sequence[HistoryRow]) -> list[Step]:
        told: list[Step] = []
        for row in rows:
            told.append(self._step(row))
            if len(told) % _TURN == 0:
                await asyncio.sleep(0)
        return told

    def _step(self, row: HistoryRow) -> Step:
        return Step(
            at=written_time(row.at),
            n=None if row.n < 0 else row.n,
            kind=row.kind,
            old=row.old.value if row.old else None,
            new=row.new.value if row.new else None,
            cause=row.cause.value if row.cause else "",
            provider=row.provider,
            detail={name: _told(name, value) for name, value in row.detail.items()},
            words=self._words(row),
        )


def summary(message: Message, views: Sequence[RecipientView]) -> Summary:
    """A message in a few lines."""
    tags = {name.removeprefix("tag:"): value for name, value in message.attributes.items() if name.startswith("tag:")}
    return Summary(
        id=message.id.hex(),
        stream=message.stream.value,
        sender=message.sender,
        size_bytes=message.size_bytes,
        accepted_at=written_time(message.accepted_at),
        expires_at=written_time(message.expires_at),
        configuration_set=message.attributes.get("configuration_set", ""),
        tags=tags,
        carriage=dict(Counter(view.carriage.value for view in views)),
    )


def _is_wanted(wanted: Wanted, views: Sequence[RecipientView]) -> bool:
    """The tag is on the message, and one of its recipients is of the domain and in the state."""
    if wanted.tag:
        name, _, value = wanted.tag.partition("=")
        if views[0].message.attributes.get(f"tag:{name}") != value:
            return False
    return any(
        wanted.carriage in (None, view.carriage)
        and wanted.recipient_domain in ("", view.address.rpartition("@")[2].lower())
        for view in views
    )


_TIMES = frozenset({"expires_at", "lease_until", "next_at", "started_at", "told_at"})


def _told(name: str, value: str | int | float | bool | None) -> str | int | float | bool | None:
    """A detail of history; times as they are written everywhere."""
    return written_time(value) if name in _TIMES and isinstance(value, int) else value


def written_time(at: int) -> str:
    """Microseconds UTC as RFC 3339 with milliseconds."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND // 1_000:03d}Z"
