"""Rows in every place they can be, and answers to them, for the tests of the rules."""

from dataclasses import replace

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Cause
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Outcome
from posthorse.spool.port import Settlement
from posthorse.spool.rules import Change, Row

NOW, LATER, EXPIRES = 1_000, 1_500, 9_000
A, B, C = (ProviderName(name) for name in "ABC")
QUEUED, LEASED, RELEASED = Carriage.QUEUED, Carriage.LEASED, Carriage.RELEASED
IN_DOUBT, HANDED_OVER = Carriage.IN_DOUBT, Carriage.HANDED_OVER

WAITING = Row(carriage=QUEUED, expires_at=EXPIRES, copies_allowed=2, next_at=NOW)
HELD_BY_COURIER = replace(WAITING, carriage=LEASED, leased_from=QUEUED, lease_until=2_000, next_at=None, fence=3)
OUT = replace(HELD_BY_COURIER, carriage=RELEASED, copies_released=1, provider=B)
DOUBTED = replace(WAITING, carriage=IN_DOUBT, copies_released=1, fence=3, doubtful=(3,), tried=(A,), provider=A)
SECOND = replace(DOUBTED, carriage=LEASED, leased_from=IN_DOUBT, lease_until=2_000, next_at=None, fence=4)
SECOND_OUT = replace(SECOND, carriage=RELEASED, copies_released=2, provider=B)
RESCUE = replace(SECOND, leased_from=HANDED_OVER, doubtful=())
RESCUE_OUT = replace(RESCUE, carriage=RELEASED, copies_released=2, provider=B)


def answer(
    outcome: Outcome | None, *, fence: int, final: bool = False, released: bool = True, next_at: int | None = LATER
) -> Settlement:
    """A settlement of an attempt at B."""
    return Settlement(
        message_id=MessageId(bytes(16)),
        n=0,
        fence=fence,
        outcome=outcome,
        final=final,
        next_at=next_at,
        tried=(A, B),
        provider=B,
        released=released,
    )


def steps(change: Change) -> list[tuple[Carriage, Cause]]:
    """Where the change leads, step by step."""
    return [(move.new, move.cause) for move in change.moves]


ENDS = [carriage for carriage in Carriage if carriage in ENDS_OF_DUTY]
LIVE = [WAITING, HELD_BY_COURIER, OUT, DOUBTED, SECOND, SECOND_OUT]
"""A row in each place where duty has not ended."""
