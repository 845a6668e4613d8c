"""The verdict: what is judged of a world once its faults are over and all has come to rest (I1-I3, I5, I6, I8, I11).

Works on what can be asked of the database, on the mailboxes, and on the receipts the applications hold.
"""

from collections.abc import Sequence

from posthorse.lab.simulated import Verdict
from posthorse.lab.world.hearsay import FATES
from posthorse.lab.world.mailbag import Submission, fields_of, name_of, number_of
from posthorse.lab.world.referee import Referee
from posthorse.lab.world.site import Site
from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, IllegalMove, check_move
from posthorse.mail.ids import MessageId
from posthorse.spool.desk_port import RecipientView, Suppression
from posthorse.spool.port import HistoryRow
from posthorse.spool.story import replay, replay_fate

REMOVED = (b"x-posthorse-stream", b"x-posthorse-supersede", b"x-posthorse-idempotency-key", b"bcc")
"""Headers of a submission that do not arrive (I5)."""

ADDED_IF_MISSING = (b"message-id", b"date")
"""Headers that arrive although a submission has none, after Received and X-Posthorse-Id."""

ARRIVED_ENDS = frozenset({Carriage.HANDED_OVER, Carriage.IN_DOUBT})
"""What may be said of a recipient whose mail arrived."""


def is_at_rest(referee: Referee, view: RecipientView, now: int) -> bool:
    """Ended, or in doubt with nothing left that would happen by itself. The referee's count of copies decides."""
    if view.carriage in ENDS_OF_DUTY:
        return True
    if view.carriage is not Carriage.IN_DOUBT:
        return False
    account = referee.accounts[view.message.id, view.n]
    spent = account.copies >= account.allowed
    return spent or bool(view.withdrawn) or view.message.expires_at <= now or view.address in referee.suppressed


def judge_receipts(referee: Referee, submissions: Sequence[Submission], views: Sequence[RecipientView]) -> None:
    """I1: what a receipt was given for is stored."""
    stored = {view.message.id.hex() for view in views}
    for submission in submissions:
        for receipt in submission.receipts:
            if receipt not in stored:
                referee.accuse("I1", f"submission {submission.number} has the receipt {receipt}, and nothing is stored")


def judge_rest(referee: Referee, views: Sequence[RecipientView], now: int) -> None:
    """I2 and I8: everything came to rest."""
    for view in views:
        if not is_at_rest(referee, view, now):
            referee.accuse("I8", f"{_name(view)} ({view.message.stream.value}) is still {view.carriage.value}: {view}")


def judge_history(referee: Referee, views: Sequence[RecipientView], history: Sequence[HistoryRow]) -> None:
    """I2, I3: every step was legal, follows the one before, and the row is what its history says."""
    of_message: dict[MessageId, list[HistoryRow]] = {}
    for fact in history:
        of_message.setdefault(fact.message_id, []).append(fact)
    for view in views:
        facts = [fact for fact in of_message.get(view.message.id, ()) if fact.n in (-1, view.n)]
        _follow(referee, view, facts)
        row = replay(facts)
        told = (row.carriage, row.fence, row.copies_released, row.attempts, row.tried)
        if told != (view.carriage, view.fence, view.copies_released, view.attempts, view.tried):
            referee.accuse("I2", f"{_name(view)}: history says {told}, the row {view}")


def judge_ledger(referee: Referee, views: Sequence[RecipientView], sites: Sequence[Site]) -> None:
    """I2, I6: what is said of a recipient agrees with what the providers have."""
    taken = {
        (address, _id_of(exchange.content))
        for site in sites
        for exchange in site.provider.exchanges
        if exchange.verdict in (Verdict.TAKEN, Verdict.TAKEN_UNANSWERED, Verdict.DROPPED)
        for address in exchange.recipients
    }
    for view in views:
        account = referee.accounts[view.message.id, view.n]
        cancelled = view.carriage is Carriage.CANCELLED and account.withdrawn == "cancelled"
        if account.arrivals and view.carriage not in ARRIVED_ENDS and not cancelled:
            referee.accuse(
                "I2", f"{_name(view)} arrived at {account.arrivals}, but is said to be {view.carriage.value}"
            )
        is_lie = (view.message.id, view.n) in referee.hearsay.lies
        if view.carriage is Carriage.HANDED_OVER and (view.address, view.message.id.hex()) not in taken and not is_lie:
            referee.accuse("I1", f"{_name(view)} is said to be handed over, but no provider took it")


def judge_fidelity(referee: Referee, submissions: Sequence[Submission], sites: Sequence[Site]) -> None:
    """I5: the bytes that a provider was given are the bytes offered to us, save the headers listed above."""
    for site in sites:
        for exchange in site.provider.exchanges:
            _compare(referee, submissions, site.provider.name, exchange.content)


def judge_hearsay(
    referee: Referee, views: Sequence[RecipientView], history: Sequence[HistoryRow], listed: Sequence[Suppression]
) -> None:
    """I11: every word that counts was heard, in any order, and settled what was in doubt; no other did anything."""
    hearsay = referee.hearsay
    for event in hearsay.owed.values():
        referee.accuse("I11", f"{event.kind.value} of {event.provider} was kept and never heard: {event.key}")
    facts: dict[tuple[MessageId, int], list[HistoryRow]] = {}
    for fact in history:
        facts.setdefault((fact.message_id, fact.n), []).append(fact)
    for view in views:
        key = (view.message.id, view.n)
        fate = FATES[hearsay.proven.get(key, 0)]
        told = (view.fate.value, replay_fate(facts.get(key, ())).value)
        if told != (fate, fate):
            referee.accuse("I11", f"{_name(view)}: what was told proves {fate}, the row and its history say {told}")
        if key in hearsay.proven and view.carriage not in (Carriage.HANDED_OVER, Carriage.CANCELLED):
            referee.accuse("I11", f"{_name(view)}: its provider told of it, and it is said to be {view.carriage.value}")
    by_events = {entry.address for entry in listed if entry.source.startswith("provider:")}
    by_people = {entry.address for entry in listed} - by_events
    if by_events - hearsay.listed or hearsay.listed - by_events - by_people:
        sources = f"by events: {sorted(by_events)}, by words that count: {sorted(hearsay.listed)}"
        referee.accuse("I11", f"suppressed {sources}")


def _compare(referee: Referee, submissions: Sequence[Submission], provider: str, given: bytes) -> None:
    number = number_of(given)
    if number is None:
        referee.accuse("I5", f"{provider} was given bytes that nobody sent: {given[:200]!r}")
        return
    sent = submissions[number].content
    if _as_arrived(sent) != _as_sent(sent, given):
        referee.accuse("I5", f"submission {number} was changed: {sent!r} became {given!r}")


def _as_arrived(sent: bytes) -> tuple[list[bytes], bytes]:
    fields, rest = fields_of(sent)
    return [raw for raw in fields if name_of(raw) not in REMOVED], rest


def _as_sent(sent: bytes, arrived: bytes) -> tuple[list[bytes], bytes]:
    """What arrived, without what was added at its top."""
    names = {name_of(raw) for raw in fields_of(sent)[0]}
    added = [b"received", b"x-posthorse-id", *(name for name in ADDED_IF_MISSING if name not in names)]
    fields, rest = fields_of(arrived)
    top = [name_of(raw) for raw in fields[: len(added)]]
    return (fields[len(added) :] if top == added else fields), rest


def _follow(referee: Referee, view: RecipientView, facts: Sequence[HistoryRow]) -> None:
    place: Carriage | None = None
    for fact in facts:
        if fact.new is None:
            continue
        if place is not None and fact.old is not place:
            referee.accuse("I2", f"{_name(view)}: a step from {fact.old} where it stood at {place}")
        place = fact.new
        if fact.old is None or fact.cause is None:
            continue
        try:
            check_move(fact.old, fact.new, fact.cause)
        except IllegalMove as error:
            referee.accuse("I3", f"{_name(view)}: {error}")


def _id_of(content: bytes) -> str:
    for raw in fields_of(content)[0]:
        if name_of(raw) == b"x-posthorse-id":
            return raw.partition(b":")[2].strip().decode().lower()
    return ""


def _name(view: RecipientView) -> str:
    return f"{view.message.id.hex()}/{view.n}"
