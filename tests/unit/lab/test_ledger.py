"""The ledger: receipts against the spool and the mailbox."""

from hypothesis import given
from hypothesis import strategies as st

from posthorse.lab.ledger import FaultMark, SpoolRow, ledger, quantile, summary
from posthorse.lab.load_mail import Receipt
from posthorse.lab.mailbox import Arrival
from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Fate
from posthorse.mail.stream import Stream


def receipt(name: str, stream: str = "standard", accepted_at: int = 0, **more: bool) -> Receipt:
    """A receipt of one message to r@x."""
    return Receipt(
        load_id=f"load-{name}",
        receipt=name,
        stream=stream,
        recipient="R@x",
        offered_at=0,
        accepted_at=accepted_at,
        tries=1,
        repeated=more.get("repeated", False),
    )


def row(name: str, carriage: Carriage, *, is_held: bool = False) -> SpoolRow:
    """The spool's row of that recipient."""
    return SpoolRow(id=name, recipient="r@x", carriage=carriage, is_held=is_held)


def arrival(name: str, provider: str = "one", at: int = 0) -> Arrival:
    """That message reaching that mailbox."""
    return Arrival(id=name, recipient="r@X", provider=provider, message_id="", size_bytes=1, digest="", at=at)


def test_each_state_is_counted_in_its_place() -> None:
    """One message per place, and every count is one."""
    receipts = [receipt(name) for name in ("over", "dropped", "queued", "doubt", "held", "expired", "gone")]
    rows = [
        row("over", Carriage.HANDED_OVER),
        row("dropped", Carriage.HANDED_OVER),
        row("queued", Carriage.QUEUED),
        row("doubt", Carriage.IN_DOUBT),
        row("held", Carriage.QUEUED, is_held=True),
        row("expired", Carriage.EXPIRED),
        row("foreign", Carriage.QUEUED),
    ]
    account = ledger(receipts, rows, [arrival("over"), arrival("foreign")])
    assert (account.accepted, account.handed_over, account.delivered) == (7, 2, 1)
    assert (account.in_flight, account.in_doubt, account.held, account.ended) == (1, 1, 1, {"expired": 1})
    assert account.in_doubt_by_stream == {"urgent": 0, "standard": 1, "once": 0, "bulk": 0}
    assert "in doubt: 1 (standard 1, which goes elsewhere 90 s after its release)" in summary(account)
    assert (account.lost, account.lost_receipts) == (1, ("gone",))
    assert account.handed_over_not_delivered == 1
    assert not account.is_clean
    assert "handed over, not delivered: 1" in summary(account)
    assert "lost: 1" in summary(account)


def test_what_providers_told_stands_beside_what_arrived() -> None:
    """Confirmed: told by the provider. Not confirmed: it tells, and has not. Who does not tell is in neither."""
    told = {"yes": Fate.DELIVERED, "spam": Fate.COMPLAINED, "no": Fate.UNKNOWN, "bounce": Fate.BOUNCED}
    rows = [
        SpoolRow(id=name, recipient="r@x", carriage=Carriage.HANDED_OVER, fate=fate, is_told=True)
        for name, fate in told.items()
    ]
    rows += [row("silent", Carriage.HANDED_OVER), row("doubt", Carriage.IN_DOUBT)]
    account = ledger([receipt(one.id) for one in rows], rows, [arrival("silent")])
    assert (account.handed_over, account.delivered, account.confirmed, account.not_confirmed) == (5, 1, 2, 1)
    assert (account.as_json()["confirmed"], account.as_json()["not_confirmed"]) == (2, 1)
    assert "delivered: 1 (seen in the mailbox); confirmed by its provider: 2, not: 1" in summary(account)


def test_a_lost_message_that_arrived_is_still_lost() -> None:
    """What the spool no longer knows is a breach of durability, delivered or not."""
    account = ledger([receipt("gone")], [], [arrival("gone")])
    assert (account.lost, account.delivered) == (1, 1)


def test_duplicates_are_counted_by_stream_and_decide_whether_it_is_clean() -> None:
    """An urgent message twice is counted and forgiven; once and bulk never are; foreign mail does not count."""
    rows = [row(name, Carriage.HANDED_OVER) for name in ("u", "b")]
    twice = [arrival("u"), arrival("u", "two"), arrival("u", "two"), arrival("zz"), arrival("zz")]
    account = ledger([receipt("u", "urgent"), receipt("b", "bulk")], rows, [*twice, arrival("b")])
    assert account.duplicated == {"urgent": 2, "standard": 0, "once": 0, "bulk": 0}
    assert account.is_clean
    account = ledger([receipt("u", "urgent"), receipt("b", "bulk")], rows, [arrival("b"), arrival("b")])
    assert account.duplicated["bulk"] == 1
    assert not account.is_clean


def test_a_clients_own_repetition_is_no_duplicate() -> None:
    """Two receipts for what the client sent twice are two messages, counted apart."""
    rows = [row("a", Carriage.HANDED_OVER)]
    account = ledger([receipt("a", "once", repeated=True)], rows, [arrival("a"), arrival("earlier")])
    assert account.client_repeated == 1
    assert account.is_clean


def test_failover_runs_from_the_fault_to_the_next_providers_first_mail() -> None:
    """Mail by the failing provider, and by others before the fault, does not count."""
    arrivals = [arrival("a", "two", 50), arrival("b", "one", 1_200_000), arrival("c", "two", 1_600_000)]
    assert ledger([], [], arrivals, FaultMark(provider="one", at=1_000_000)).failover_s == 0.6
    assert ledger([], [], arrivals, FaultMark(provider="one", at=2_000_000)).failover_s is None
    assert ledger([], [], arrivals).failover_s is None


def test_added_delay_is_from_receipt_to_first_arrival() -> None:
    """By stream, first arrival only, never below nothing."""
    receipts = [receipt("a", "urgent", 1_000_000), receipt("b", "urgent", 0), receipt("c", "bulk", 500)]
    arrivals = [arrival("a", at=3_000_000), arrival("a", at=9_000_000), arrival("b", at=100_000), arrival("c", at=400)]
    account = ledger(receipts, [], arrivals)
    assert account.as_json()["added_delay_s"] == {
        "urgent": {"p50": 0.1, "p95": 2.0},
        "bulk": {"p50": 0.0, "p95": 0.0},
    }


def test_quantiles_are_values_that_occurred() -> None:
    """Nearest rank over 1..100, and over one value."""
    assert [quantile(list(range(1, 101)), share) for share in (0.5, 0.95, 1.0)] == [50, 95, 100]
    assert quantile([3.0], 0.95) == 3.0


PLACES = st.sampled_from([*Carriage, None])


@given(
    st.lists(st.tuples(PLACES, st.booleans(), st.integers(0, 3), st.sampled_from([stream.value for stream in Stream])))
)
def test_every_receipt_is_in_exactly_one_place(story: list[tuple[Carriage | None, bool, int, str]]) -> None:
    """Whatever happened, the places add up to what was accepted, and duplicates to the extra copies."""
    receipts = [receipt(f"m{n}", stream) for n, (_, _, _, stream) in enumerate(story)]
    rows = [row(f"m{n}", place, is_held=held) for n, (place, held, _, _) in enumerate(story) if place is not None]
    arrivals = [arrival(f"m{n}") for n, (_, _, copies, _) in enumerate(story) for _ in range(copies)]
    account = ledger(receipts, rows, arrivals)
    places = account.handed_over + account.in_flight + account.in_doubt + account.held + account.lost
    assert places + sum(account.ended.values()) == account.accepted == len(story)
    assert set(account.ended) <= {end.value for end in ENDS_OF_DUTY} - {"handed_over"}
    assert sum(account.duplicated.values()) == sum(max(0, copies - 1) for _, _, copies, _ in story)
    assert account.delivered == sum(copies > 0 for _, _, copies, _ in story)
    assert account.as_json()["lost"] == account.lost
