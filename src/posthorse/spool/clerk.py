"""The hot calls of the spool, once for every adapter: rules applied to the entries of one transaction's book.

Promise: what these functions write is all that a call does; the same call on the same book has the same effect in every
adapter. Each safeguard is one method, so that the seeded world can take it away and prove that its checks notice.

Left out: transactions and storage (adapters), what a person decides (`posthorse.spool.decisions`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Handover
from posthorse.spool import rules, story
from posthorse.spool.book import Book, Claim, TenantKey
from posthorse.spool.claims import keys_of, known
from posthorse.spool.desk_port import Hold
from posthorse.spool.entry import LIVE, Entry, EntryKey, group_of, groups_of, matches, whole_messages
from posthorse.spool.port import (
    AdmitResult,
    Admitted,
    LeasedGroup,
    LeaseRequest,
    NewMessage,
    Refusal,
    Released,
    ReleaseMark,
    ReleaseRefused,
    ReleaseVerdict,
    Renewal,
    Renewed,
    Settled,
    Settlement,
    SpoolMisuse,
    SweepReport,
)
from posthorse.spool.recording import held_by, message_of, moved, record, unmailable
from posthorse.spool.rules import Change, Row
from posthorse.spool.story import Telling
from posthorse.spool.weighing import asks_history, kind_of, weighed

LEASE_US = 60_000_000
"""How long a lease lasts without a release mark, unless it is renewed: longer than any connection may take to open."""

CLAIM_US = 86_400_000_000
"""How long an idempotency key is kept: 24 hours."""

UNREADABLE_US = 600_000_000
"""How long mail is put off whose stored bytes cannot be read: 10 minutes."""

_ROUNDS = 8
"""How often one lease call looks again when all it found had to end instead."""


class Clerk:
    """Does the book-keeping of the hot calls."""

    def __init__(self, *, lease_us: int = LEASE_US, claim_us: int = CLAIM_US) -> None:
        self.lease_us = lease_us
        self.claim_us = claim_us

    # --- safeguards: each is one method -----------------------------------------------------------------------------

    def suppressed(self, book: Book, addresses: Collection[TenantKey]) -> Collection[TenantKey]:
        """Which of these addresses must not be mailed."""
        return book.suppressed(addresses)

    def refusal(self, row: Row, fence: int, now: int, *, suppressed: bool) -> Refusal | None:
        """Why this lease may not release now; None: it may."""
        return rules.release_refusal(row, fence, now, suppressed=suppressed)

    def settled(self, row: Row, settlement: Settlement, now: int) -> tuple[Change, Settled]:
        """What an answer does to its row."""
        return rules.settle(row, settlement, now)

    def lapsed(self, row: Row, now: int) -> Change:
        """What becomes of a row whose lease ran out."""
        return rules.lapse(row, now)

    # --- admit ------------------------------------------------------------------------------------------------------

    def admit(self, book: Book, batch: Sequence[NewMessage]) -> list[AdmitResult]:
        """Store what is new; answer repetitions from their keys; withdraw what is superseded."""
        claims = dict(book.claims({key for new in batch for key in keys_of(new)}))
        keyed = {(new.tenant, new.supersede_key) for new in batch if new.supersede_key}
        older = {key: list(entries) for key, entries in book.waiting_under(keyed).items()} if keyed else {}
        suppressed = self.suppressed(book, {_address_key(new, a) for new in batch for a in new.recipients})
        holds = book.holds()
        results: list[AdmitResult] = []
        for new in batch:
            answered = known(new, claims)
            if answered is not None:
                results.append(answered)
                continue
            for key, fingerprint in keys_of(new).items():
                if key not in claims:
                    claims[key] = self._claim(book, new, key, fingerprint)
            admitted, entries = self._store(book, new, suppressed, holds)
            if new.supersede_key:
                key = (new.tenant, new.supersede_key)
                self._supersede(book, new.id, older.get(key, ()))
                older[key] = entries
            results.append(admitted)
        return results

    def _claim(self, book: Book, new: NewMessage, key: TenantKey, fingerprint: bytes) -> Claim:
        claim = Claim(message_id=new.id, fingerprint=fingerprint, expires_at=book.now + self.claim_us)
        book.claim(key, claim)
        return claim

    def _store(
        self, book: Book, new: NewMessage, suppressed: Collection[TenantKey], holds: Sequence[Hold]
    ) -> tuple[Admitted, list[Entry]]:
        if not new.recipients:
            raise SpoolMisuse(f"message {new.id.hex()} has no recipients")
        now = book.now
        message = message_of(new, now)
        first = Row(
            carriage=Carriage.QUEUED,
            expires_at=message.expires_at,
            copies_allowed=new.copies_allowed,
            next_at=max(now, new.not_before),
        )
        node = new.lease_for
        claimed = rules.lease(first, now + self.lease_us) if node and rules.may_lease(first, now) else None
        entries = []
        facts = []
        leased = []
        for n, address in enumerate(new.recipients):
            entry = Entry(message=message, n=n, address=address, row=first)
            change, telling = self._first_change(entry, claimed, suppressed, holds, now)
            if change is not None:
                entry = moved(entry, change, now)
                facts += story.tell(message, n, first, change, telling)
            if node and entry.row.carriage is Carriage.LEASED:
                entry = replace(entry, node=node)
                leased.append(entry)
            entries.append(entry)
        book.add(message, new.body, entries)
        if claimed is not None and len(leased) == len(entries):
            book.append([story.accepted(message, claimed.row, len(entries), is_leased=True)])
        else:
            book.append([story.accepted(message, first, len(entries), is_leased=False), *facts])
        others = sum(entry.row.carriage in LIVE for entry in entries) - len(leased)
        admitted = Admitted(
            id=new.id,
            lease=group_of(leased, new.body, others=others) if leased else None,
            suppressed=sum(entry.row.carriage is Carriage.SUPPRESSED for entry in entries),
        )
        return admitted, entries

    def _first_change(
        self,
        entry: Entry,
        claimed: Change | None,
        suppressed: Collection[TenantKey],
        holds: Sequence[Hold],
        now: int,
    ) -> tuple[Change | None, Telling]:
        """What happens to a new recipient in the transaction that accepts it; None: it waits."""
        if suppressed and entry.list_key in suppressed:
            return rules.suppress_waiting(entry.row), Telling(at=now)
        for hold in holds:
            if matches(hold.selector, entry):
                return Change(row=replace(entry.row, hold=hold.id)), Telling(
                    at=now, kind="decided", detail=held_by(hold)
                )
        return claimed, Telling(at=now)

    def _supersede(self, book: Book, by: MessageId, older: Sequence[Entry]) -> None:
        for entry in older:
            change = rules.withdraw(entry.row, rules.SUPERSEDED)
            record(book, entry, change, Telling(at=book.now, detail={"by_message": by.hex()}))

    # --- lease ------------------------------------------------------------------------------------------------------

    def lease(self, book: Book, request: LeaseRequest) -> list[LeasedGroup]:
        """Claim what is due; what is found late or suppressed ends instead, what cannot be read is put off."""
        for _ in range(_ROUNDS):
            found = book.due(request.stream, request.limit, newest_first=request.newest_first)
            leased = self._claim_due(book, request, found)
            bodies = book.bodies({entry.message.id for entry in leased})
            self._put_off(book, [entry for entry in leased if entry.message.id not in bodies])
            due = {entry.key: entry.row.next_at or 0 for entry in found}
            live = book.count_live(bodies.keys())
            groups = groups_of([entry for entry in leased if entry.message.id in bodies], bodies, due, live)
            if groups or not found:
                return groups
        return []

    def _put_off(self, book: Book, unreadable: Iterable[Entry]) -> None:
        """A damaged place in the storage must not keep what is due behind it, nor end anything by itself."""
        given_back = [
            Settlement(
                message_id=entry.message.id,
                n=entry.n,
                fence=entry.row.fence,
                outcome=None,
                next_at=book.now + UNREADABLE_US,
                tried=entry.row.tried,
                reason="its stored bytes cannot be read",
            )
            for entry in unreadable
        ]
        self.settle(book, given_back)

    def _claim_due(self, book: Book, request: LeaseRequest, found: Sequence[Entry]) -> list[Entry]:
        now = book.now
        suppressed = self.suppressed(book, {entry.list_key for entry in found})
        leased: list[Entry] = []
        sized = ((entry.message.id, entry.message.size_bytes) for entry in found)
        chosen = whole_messages(sized, limit=request.limit, max_bytes=request.max_bytes)
        for entry in found:
            if entry.message.id not in chosen:
                continue
            if entry.row.expires_at <= now:
                record(book, entry, rules.expire(entry.row), Telling(at=now))
            elif suppressed and entry.list_key in suppressed:
                record(book, entry, unmailable(entry.row), Telling(at=now))
            elif rules.may_lease(entry.row, now):
                claimed = replace(entry, node=request.node)
                leased.append(record(book, claimed, rules.lease(entry.row, now + self.lease_us), Telling(at=now)))
        return leased

    # --- renew ------------------------------------------------------------------------------------------------------

    def renew(self, book: Book, batch: Sequence[Renewal]) -> list[Renewed]:
        """Each recipient for itself: a lease that is still its caller's lasts as long again."""
        entries = dict(book.entries({(renewal.message_id, n) for renewal in batch for n, _ in renewal.recipients}))
        until = book.now + self.lease_us
        results = []
        for renewal in batch:
            stale = []
            for n, fence in renewal.recipients:
                entry = entries.get((renewal.message_id, n))
                if entry is not None and rules.holds_lease(entry.row, fence):
                    telling = Telling(at=book.now, kind="renewed")
                    entries[entry.key] = record(book, entry, rules.renew(entry.row, until), telling)
                else:
                    stale.append(n)
            results.append(Renewed(until=until, stale=tuple(stale)))
        return results

    # --- release ----------------------------------------------------------------------------------------------------

    def release(self, book: Book, batch: Sequence[ReleaseMark]) -> list[ReleaseVerdict]:
        """Each mark all or nothing, judged in the order given."""
        keys = {(mark.message_id, n) for mark in batch for n, _ in mark.recipients}
        entries = dict(book.entries(keys))
        suppressed = self.suppressed(book, {e.list_key for e in entries.values()})
        return [self._release_one(book, mark, entries, suppressed) for mark in batch]

    def _release_one(
        self, book: Book, mark: ReleaseMark, entries: dict[EntryKey, Entry], suppressed: Collection[TenantKey]
    ) -> ReleaseVerdict:
        if not mark.recipients:
            raise SpoolMisuse(f"release mark of message {mark.message_id.hex()} names no recipient")
        now = book.now
        reasons: dict[int, Refusal] = {}
        for n, fence in mark.recipients:
            entry = entries.get((mark.message_id, n))
            reason: Refusal | None = Refusal.STALE
            if entry is not None:
                on_list = entry.list_key in suppressed
                reason = self.refusal(entry.row, fence, now, suppressed=on_list)
            if reason is not None:
                reasons[n] = reason
        for n, _ in mark.recipients:
            entry = entries.get((mark.message_id, n))
            if entry is None:
                continue
            if reasons:
                if n not in reasons:
                    continue
                change = rules.refuse(entry.row, reasons[n], now)
                telling = Telling(at=now, detail={"refused": reasons[n].value})
            else:
                change = rules.release(entry.row, now + mark.answer_by_us, mark.provider)
                entry = replace(entry, attempt=mark.attempt)
                telling = Telling(at=now, provider=mark.provider, attempt=mark.attempt)
            entries[entry.key] = record(book, entry, change, telling)
        return ReleaseRefused(reasons=reasons) if reasons else Released(at=now)

    # --- settle -----------------------------------------------------------------------------------------------------

    def settle(self, book: Book, batch: Sequence[Settlement]) -> list[Settled]:
        """Each answer judged in the order given; an unknown recipient's answer is only counted."""
        entries = dict(book.entries({(settlement.message_id, settlement.n) for settlement in batch}))
        results = []
        for settlement in batch:
            entry = entries.get((settlement.message_id, settlement.n))
            if entry is None:
                results.append(Settled.RECORDED)
                continue
            outcome = settlement.outcome
            if isinstance(outcome, Handover) and outcome.provider_message_id:
                book.name(settlement.provider, outcome.provider_message_id, entry.message.id)
            change, result = self.settled(entry.row, settlement, book.now)
            if asks_history(entry.row, settlement, result):
                result = weighed(settlement, result, book.trails({entry.message.id}).get(entry.key, ()))
            telling = Telling(
                at=book.now,
                kind=kind_of(settlement, result),
                fence=settlement.fence,
                provider=settlement.provider,
                attempt=settlement.attempt,
                detail=story.settlement_detail(settlement),
            )
            entries[entry.key] = record(book, entry, change, telling)
            results.append(result)
        return results

    # --- sweep ------------------------------------------------------------------------------------------------------

    def sweep(self, book: Book, limit: int, *, abandoned: bool = False) -> SweepReport:
        """Lapse leases that ran out, expire what is late. `abandoned`: their holder is known to be dead."""
        now = book.now
        unreleased = in_doubt = expired = 0
        lapsed = book.lapsed(limit, abandoned=abandoned)
        for entry in lapsed:
            was = entry.row.carriage
            provider = entry.row.provider if was is Carriage.RELEASED else ProviderName("")
            record(book, entry, self.lapsed(entry.row, now), Telling(at=now, provider=provider))
            if was is Carriage.RELEASED:
                in_doubt += 1
            else:
                unreleased += 1
        late = book.late(limit)
        for entry in late:
            record(book, entry, rules.expire(entry.row), Telling(at=now))
            expired += 1
        more = max(len(lapsed), len(late)) >= limit
        return SweepReport(lapsed_unreleased=unreleased, lapsed_in_doubt=in_doubt, expired=expired, more=more, at=now)


def _address_key(new: NewMessage, address: str) -> TenantKey:
    return (new.tenant, address_key(address))
