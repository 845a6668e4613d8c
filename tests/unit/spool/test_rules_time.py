"""The rules of time: leases that ran out, and deadlines."""

from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import ProviderName
from posthorse.spool import rules
from posthorse.spool.rules import Row
from tests.unit.spool.rows import (
    DOUBTED,
    HANDED_OVER,
    HELD_BY_COURIER,
    IN_DOUBT,
    LEASED,
    NOW,
    OUT,
    QUEUED,
    RELEASED,
    RESCUE,
    SECOND,
    SECOND_OUT,
    WAITING,
    A,
    B,
    C,
    steps,
)


@pytest.mark.parametrize(
    ("row", "end", "next_at", "tried"),
    [
        (HELD_BY_COURIER, QUEUED, NOW, ()),
        (SECOND, IN_DOUBT, NOW, (A,)),
        (RESCUE, HANDED_OVER, None, (A,)),
        (OUT, IN_DOUBT, NOW, (B,)),
        (replace(OUT, tried=(C, A)), IN_DOUBT, NOW, (B,)),
        (replace(OUT, copies_allowed=1), IN_DOUBT, None, (B,)),
        (replace(OUT, withdrawn=rules.CANCELLED), IN_DOUBT, None, (B,)),
        (SECOND_OUT, IN_DOUBT, None, (A, B)),
        (replace(HELD_BY_COURIER, withdrawn=rules.SUPERSEDED), Carriage.SUPERSEDED, None, ()),
    ],
)
def test_a_lapsed_lease_sent_nothing_unless_it_was_released(
    row: Row, end: Carriage, next_at: int | None, tried: tuple[ProviderName, ...]
) -> None:
    """Unreleased it returns to its base; released it is in doubt, and the provider that may hold it leads `tried`."""
    change = rules.lapse(row, NOW)
    assert (change.row.carriage, change.row.next_at, change.row.tried) == (end, next_at, tried)
    assert change.row.copies_released == row.copies_released
    assert {cause for _, cause in steps(change)} <= {Cause.LAPSE, Cause.SUPERSEDE}


@pytest.mark.parametrize(
    ("row", "end"),
    [
        (WAITING, Carriage.EXPIRED),
        (replace(WAITING, hold=4), Carriage.EXPIRED),
        (DOUBTED, IN_DOUBT),
        (HELD_BY_COURIER, LEASED),
        (OUT, RELEASED),
        (replace(WAITING, carriage=HANDED_OVER, next_at=None), HANDED_OVER),
    ],
)
def test_expiry_ends_only_what_waits_unsent(row: Row, end: Carriage) -> None:
    """Queued mail expires, held or not; what may be out stays what it is and is never sent again."""
    change = rules.expire(row)
    assert change.row.carriage is end
    assert change.row.next_at is None
