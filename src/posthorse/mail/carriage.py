"""The two state machines of a recipient: carriage (our duty) and fate (what became of the mail).

One table per machine. It yields the diagram in docs/flow.md, the SQL CHECK of every database and the test over every
pair; an illegal move raises `IllegalMove` and changes nothing. Whether a *legal* move may happen now (budget, fence,
suppression, deadline) is decided in the spool, at the moment it commits.
"""

from enum import Enum


class Carriage(Enum):
    """Our duty towards one recipient of one message."""

    QUEUED = "queued"
    """Waiting for its next attempt."""
    LEASED = "leased"
    """Claimed by a courier; nothing irrevocable has happened in this attempt."""
    RELEASED = "released"
    """The release mark is committed: the last bytes may be out."""
    IN_DOUBT = "in_doubt"
    """Released, and no complete answer proves handover or refusal."""
    HANDED_OVER = "handed_over"
    """A provider took responsibility. An end of duty, save for the named ways back (rescue, reroute)."""
    REJECTED = "rejected"
    """A certain no that no other provider would answer otherwise. End of duty."""
    EXPIRED = "expired"
    """The deadline passed while nothing was out. End of duty."""
    CANCELLED = "cancelled"
    """Withdrawn by a person or the client. End of duty."""
    SUPERSEDED = "superseded"
    """Withdrawn by a newer message with the same supersede key. End of duty."""
    SUPPRESSED = "suppressed"
    """The address must not be mailed. End of duty."""


class Cause(Enum):
    """Why carriage moved; the label of the edge."""

    LEASE = "lease"
    """A courier claimed it."""
    RELEASE = "release"
    """The release mark committed."""
    ANSWER = "answer"
    """The attempt ended with an outcome."""
    RETURN = "return"
    """The lease was given back, or nobody could take the mail now."""
    LAPSE = "lapse"
    """The lease ran out: its holder is dead, paused or cut off."""
    LATE_ANSWER = "late_answer"
    """The answer to an older attempt arrived."""
    EVENT = "event"
    """A provider that was given a copy told of it: so it has it."""
    EXPIRY = "expiry"
    """The deadline passed."""
    CANCEL = "cancel"
    """A person or the client withdrew it."""
    SUPERSEDE = "supersede"
    """A newer message with its supersede key was accepted."""
    SUPPRESS = "suppress"
    """The address is on a suppression list."""
    DECISION = "decision"
    """A person decided what is not known."""
    RESTORE = "restore"
    """The spool is a restored copy: what was sent after it was taken is not known."""
    RESCUE = "rescue"
    """Delivery was not confirmed: once more elsewhere."""
    REROUTE = "reroute"
    """One provider's addresses were refused by policy after handover: once more elsewhere."""


_Q, _L, _R, _D, _H = (
    Carriage.QUEUED,
    Carriage.LEASED,
    Carriage.RELEASED,
    Carriage.IN_DOUBT,
    Carriage.HANDED_OVER,
)

TRANSITIONS: dict[tuple[Carriage, Carriage], frozenset[Cause]] = {
    (_Q, _L): frozenset({Cause.LEASE}),
    (_Q, _H): frozenset({Cause.LATE_ANSWER, Cause.EVENT}),
    (_Q, _D): frozenset({Cause.RESTORE}),
    (_Q, Carriage.EXPIRED): frozenset({Cause.EXPIRY}),
    (_Q, Carriage.CANCELLED): frozenset({Cause.CANCEL}),
    (_Q, Carriage.SUPERSEDED): frozenset({Cause.SUPERSEDE}),
    (_Q, Carriage.SUPPRESSED): frozenset({Cause.SUPPRESS}),
    (_L, _R): frozenset({Cause.RELEASE}),
    (_L, _Q): frozenset({Cause.ANSWER, Cause.RETURN, Cause.LAPSE}),
    (_L, _D): frozenset({Cause.ANSWER, Cause.RETURN, Cause.LAPSE, Cause.RESTORE}),
    (_L, _H): frozenset({Cause.ANSWER, Cause.RETURN, Cause.LAPSE, Cause.LATE_ANSWER, Cause.EVENT, Cause.RESTORE}),
    (_L, Carriage.REJECTED): frozenset({Cause.ANSWER, Cause.LATE_ANSWER}),
    (_L, Carriage.EXPIRED): frozenset({Cause.EXPIRY}),
    (_L, Carriage.CANCELLED): frozenset({Cause.CANCEL}),
    (_L, Carriage.SUPERSEDED): frozenset({Cause.SUPERSEDE}),
    (_L, Carriage.SUPPRESSED): frozenset({Cause.SUPPRESS}),
    (_R, _H): frozenset({Cause.ANSWER, Cause.LAPSE, Cause.EVENT, Cause.RESTORE}),
    (_R, _D): frozenset({Cause.ANSWER, Cause.LAPSE, Cause.RESTORE}),
    (_R, _Q): frozenset({Cause.ANSWER}),
    (_R, Carriage.REJECTED): frozenset({Cause.ANSWER}),
    (_D, _L): frozenset({Cause.LEASE}),
    (_D, _H): frozenset({Cause.LATE_ANSWER, Cause.EVENT, Cause.DECISION}),
    (_D, _Q): frozenset({Cause.LATE_ANSWER, Cause.DECISION}),
    (_D, Carriage.REJECTED): frozenset({Cause.LATE_ANSWER, Cause.DECISION}),
    (_D, Carriage.CANCELLED): frozenset({Cause.DECISION}),
    (_H, _L): frozenset({Cause.RESCUE, Cause.REROUTE}),
}
"""Every legal move of carriage with the causes that may bring it. A message withdrawn or late while a copy was out does
not jump: a certain no first brings it back to QUEUED, and from there it ends, in the same transaction."""

ENDS_OF_DUTY: frozenset[Carriage] = frozenset(
    {
        Carriage.HANDED_OVER,
        Carriage.REJECTED,
        Carriage.EXPIRED,
        Carriage.CANCELLED,
        Carriage.SUPERSEDED,
        Carriage.SUPPRESSED,
    }
)
"""Where a recipient comes to rest for good. IN_DOUBT with its budget spent also rests, but is no end of duty."""


class IllegalMove(Exception):
    """A move of carriage or fate that the table does not allow: always a bug, never an answer to a client."""


def check_move(old: Carriage, new: Carriage, cause: Cause) -> None:
    """Raise `IllegalMove` unless the table allows `old` to become `new` because of `cause`."""
    if cause not in TRANSITIONS.get((old, new), frozenset()):
        raise IllegalMove(f"carriage cannot move from {old.value} to {new.value} by {cause.value}")


class Fate(Enum):
    """What became of the mail after handover. Events only raise it, in any order and however often they come."""

    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


FATE_ORDER: dict[Fate, int] = {fate: rank for rank, fate in enumerate(Fate)}


def raise_fate(old: Fate, learnt: Fate) -> Fate:
    """The higher of the two: the result does not depend on the order in which events arrive."""
    return learnt if FATE_ORDER[learnt] > FATE_ORDER[old] else old
