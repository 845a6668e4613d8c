"""History: what is told of a change, and the row that comes back from it."""

from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Handover, Rejection, Reply, Scope
from posthorse.mail.stream import Stream
from posthorse.spool import rules, story
from posthorse.spool.port import Settlement
from posthorse.spool.rules import Change, Row
from posthorse.spool.story import Telling

MESSAGE = Message(
    id=MessageId(b"m" * 16),
    tenant=MAIN_TENANT,
    stream=Stream.STANDARD,
    sender="",
    size_bytes=1,
    accepted_at=5,
    expires_at=100,
)
QUEUED = Row(carriage=Carriage.QUEUED, expires_at=100, copies_allowed=2, next_at=7)


def test_acceptance_alone_gives_the_first_row() -> None:
    """Queued for its time, or leased in the same transaction."""
    assert story.replay([story.accepted(MESSAGE, QUEUED, 1, is_leased=False)]) == QUEUED
    leased = rules.lease(QUEUED, 60).row
    assert story.replay([story.accepted(MESSAGE, leased, 1, is_leased=True)]) == leased


def test_a_change_without_a_move_is_told_by_its_field() -> None:
    """What no move says is named in the fact: here a hold, and that it was lifted."""
    held = replace(QUEUED, hold=3)
    (fact,) = story.tell(MESSAGE, 0, QUEUED, Change(row=held), Telling(at=9, kind="decided"))
    assert (fact.kind, fact.old, fact.new, fact.detail) == ("decided", None, None, {"hold": 3})
    first = story.accepted(MESSAGE, QUEUED, 1, is_leased=False)
    assert story.replay([first, fact]) == held
    (lifted,) = story.tell(MESSAGE, 0, held, Change(row=QUEUED), Telling(at=9, kind="decided"))
    assert story.replay([first, fact, lifted]) == QUEUED


def test_nothing_is_told_of_nothing() -> None:
    """A rule that changed nothing writes nothing, unless the call itself is worth a line."""
    assert story.tell(MESSAGE, 0, QUEUED, Change(row=QUEUED), Telling(at=9)) == []
    (fact,) = story.tell(MESSAGE, 0, QUEUED, Change(row=QUEUED), Telling(at=9, kind="late_answer", fence=4))
    assert (fact.kind, fact.fence, fact.new) == ("late_answer", 4, None)


def test_two_steps_are_two_facts() -> None:
    """Withdrawn mail that comes back moves twice in one transaction; the answer belongs to the first step."""
    out = Row(
        carriage=Carriage.RELEASED,
        expires_at=100,
        copies_allowed=1,
        copies_released=1,
        fence=1,
        leased_from=Carriage.QUEUED,
        lease_until=9,
        withdrawn=rules.SUPERSEDED,
        provider=ProviderName("relay"),
    )
    refused = Settlement(message_id=MESSAGE.id, n=0, fence=1, outcome=Rejection(scope=Scope.ACCOUNT), released=True)
    change, _ = rules.settle(out, refused, 8)
    facts = story.tell(MESSAGE, 0, out, change, Telling(at=8, detail={"outcome": "rejection"}))
    assert [(fact.new, fact.cause, "outcome" in fact.detail) for fact in facts] == [
        (Carriage.QUEUED, Cause.ANSWER, True),
        (Carriage.SUPERSEDED, Cause.SUPERSEDE, False),
    ]


def test_history_must_begin_with_the_acceptance() -> None:
    """A cut history is an error, not a guess."""
    (fact,) = story.tell(MESSAGE, 0, QUEUED, rules.lease(QUEUED, 60), Telling(at=9))
    with pytest.raises(ValueError, match="does not begin"):
        story.replay([fact])
    with pytest.raises(ValueError, match="no history"):
        story.replay([])


def test_a_settlement_is_told_with_what_was_said() -> None:
    """Outcome, scope, reply, reason and the provider's own id; nothing empty."""
    taken = Handover(reply=Reply(code=250, text="ok"), provider_message_id="4X")
    settlement = Settlement(message_id=MESSAGE.id, n=0, fence=1, outcome=taken, started_at=3, reason="first")
    assert story.settlement_detail(settlement) == {
        "started_at": 3,
        "reason": "first",
        "outcome": "handover",
        "provider_message_id": "4X",
        "code": 250,
        "text": "ok",
    }
    no = Rejection(scope=Scope.RECIPIENT, reply=Reply(code=550, enhanced="5.1.1"))
    assert story.settlement_detail(replace(settlement, outcome=no, started_at=0, reason="", final=True)) == {
        "outcome": "rejection",
        "scope": "recipient",
        "code": 550,
        "enhanced": "5.1.1",
        "final": True,
    }
    assert story.settlement_detail(replace(settlement, outcome=None, started_at=0, reason="")) == {}
