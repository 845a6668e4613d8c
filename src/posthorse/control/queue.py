"""Commands about mail in the spool: look, hold, decide.

Promise: a decision about several recipients needs a restriction; nothing here can touch the whole queue by an empty
selector, save a hold, which changes no mail.
"""

from collections.abc import Sequence
from dataclasses import replace

from posthorse.control import explain, replies, requests
from posthorse.control.node import NotDone
from posthorse.control.wording import in_words, message_id, recipient, selector, written_time
from posthorse.mail.carriage import Carriage
from posthorse.spool.desk_port import Decision, Hold, RecipientView, Selector, SpoolDesk, Unconfirmed
from posthorse.spool.port import HistoryRow

MOST_OF_A_MESSAGE = 10_000
"""Recipients of one message that are shown."""

MOST_TOLD = 5
"""Recipients of whom a reply that changed nothing tells how they stand."""

_ABOUT_DOUBT = frozenset({Decision.ANOTHER_COPY, Decision.WAS_HANDED_OVER, Decision.WAS_NOT_SENT})


async def listed(spool: SpoolDesk, request: requests.QueueList, unconfirmed: Unconfirmed) -> replies.Recipients:
    """Recipients, newest message first."""
    limit = max(1, min(request.limit, requests.MOST_ROWS))
    chosen = selector(request.which)
    if request.not_confirmed:
        chosen = _not_confirmed(chosen, unconfirmed)
    found = await spool.select(chosen, limit + 1)
    rows = [recipient(view, unconfirmed) for view in found[:limit]]
    return replies.Recipients(recipients=rows, more=len(found) > limit)


def _not_confirmed(chosen: Selector, unconfirmed: Unconfirmed) -> Selector:
    if not unconfirmed.providers:
        raise NotDone("no provider tells what became of mail: none has `notifications` in the configuration")
    if chosen.carriage not in (None, Carriage.HANDED_OVER):
        raise NotDone("only what is handed over can be not confirmed")
    return replace(chosen, unconfirmed=unconfirmed)


async def shown(spool: SpoolDesk, request: requests.QueueShow, unconfirmed: Unconfirmed) -> replies.MessageShown:
    """One message with all its recipients."""
    views = await _of_message(spool, request.id)
    message = views[0].message
    body = await spool.body(message.id) if request.body else None
    return replies.MessageShown(
        id=message.id.hex(),
        tenant=message.tenant,
        attributes=dict(message.attributes),
        recipients=[recipient(view, unconfirmed) for view in views],
        body=None if body is None else body.decode("latin-1"),
    )


async def explained(spool: SpoolDesk, request: requests.Explain, unconfirmed: Unconfirmed) -> replies.Explained:
    """The history of a message in plain words."""
    views = await _of_message(spool, request.id)
    message = views[0].message
    shown = [recipient(view, unconfirmed) for view in views]
    return replies.Explained(
        id=message.id.hex(),
        stream=message.stream.value,
        recipients=shown,
        steps=[_step(row) for row in await spool.history(message.id)],
        now=[explain.standing(view, each.not_confirmed) for view, each in zip(views, shown, strict=True)],
    )


def _step(row: HistoryRow) -> replies.Step:
    number = row.detail.get("notification")
    return replies.Step(
        at=written_time(row.at),
        n=None if row.n < 0 else row.n,
        words=explain.words(row),
        notification=number if isinstance(number, int) else None,
    )


async def decided(spool: SpoolDesk, request: requests.QueueDecide, by: str) -> replies.Moved:
    """Apply a person's decision."""
    chosen = selector(request.which)
    if chosen == Selector():
        raise NotDone("that would be about all mail; name an id, a state, a stream or a domain")
    if request.decision in _ABOUT_DOUBT and chosen.message_id is None and chosen.carriage is not Carriage.IN_DOUBT:
        raise NotDone("this decides what is in doubt; name an id, or --state in_doubt with what else restricts it")
    of_message = [] if chosen.message_id is None else await _of_message(spool, request.which.id)
    moved = await spool.decide(chosen, request.decision, by, max(1, request.limit))
    if moved:
        return replies.Moved(recipients=moved)
    return replies.Moved(recipients=0, standing=await _standing(spool, chosen, of_message))


async def _standing(spool: SpoolDesk, chosen: Selector, views: Sequence[RecipientView]) -> list[str]:
    """Why a decision about them changed nothing."""
    told = [view for view in views if chosen.n in (None, view.n)][:MOST_TOLD]
    rows = await spool.history(told[0].message.id) if told else ()
    return [explain.standing_since(view, rows) for view in told]


async def held(spool: SpoolDesk, request: requests.QueueHold, by: str) -> replies.HoldSet:
    """Set a hold."""
    chosen = selector(request.which)
    if chosen.carriage is not None or chosen.fate is not None or chosen.before_id is not None:
        raise NotDone("a hold is about mail now and later; it cannot depend on a state or an age")
    return _hold(await spool.hold(Hold(selector=chosen, reason=request.reason, by=by)))


async def unheld(spool: SpoolDesk, request: requests.QueueUnhold) -> replies.Moved:
    """Lift a hold."""
    if request.hold not in {hold.id for hold in await spool.holds()}:
        raise NotDone(f"there is no hold {request.hold}; `posthorse queue holds` lists them")
    return replies.Moved(recipients=await spool.unhold(request.hold))


async def holds(spool: SpoolDesk) -> list[replies.HoldSet]:
    """Every hold in force."""
    return [_hold(hold) for hold in await spool.holds()]


async def _of_message(spool: SpoolDesk, text: str) -> list[RecipientView]:
    views = await spool.select(Selector(message_id=message_id(text)), MOST_OF_A_MESSAGE)
    if not views:
        raise NotDone(f"no message {text} is here: never accepted, or finished and dropped by retention")
    return sorted(views, key=lambda view: view.n)


def _hold(hold: Hold) -> replies.HoldSet:
    return replies.HoldSet(
        id=hold.id,
        which=in_words(hold.selector),
        reason=hold.reason,
        by=hold.by,
        created_at=written_time(hold.created_at),
    )
