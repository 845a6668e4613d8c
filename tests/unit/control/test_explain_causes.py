"""`explain` has words for every cause in the transition table, and for whatever providers tell."""

from dataclasses import replace

from posthorse.control.explain import _CAUSE, _EVENT, words
from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.event import EventKind
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.spool.port import HistoryRow

TOLD = HistoryRow(
    seq=1,
    at=1,
    tenant=MAIN_TENANT,
    message_id=MessageId(b"m" * 16),
    n=0,
    kind="event",
    old=None,
    new=None,
    cause=None,
    provider=ProviderName("relay"),
    detail={"event": "hard_bounced", "key": "k", "told_at": 1, "said_answer": "550 no such user", "said_type": ""},
)


def test_every_cause_has_words() -> None:
    """A restored message is explained like any other."""
    assert set(_CAUSE) == set(Cause)


def test_every_kind_of_event_has_words() -> None:
    """Whatever a provider tells is said in plain words."""
    assert set(_EVENT) == {kind.value for kind in EventKind}


def test_an_event_is_told_with_the_providers_words_and_what_it_moved() -> None:
    """Who told what, what became of the mail by it, and what the receiving server said."""
    assert words(TOLD) == "relay told: the receiving server refused it for good; answer: 550 no such user"
    moved = replace(TOLD, old=Carriage.IN_DOUBT, new=Carriage.HANDED_OVER, cause=Cause.EVENT, detail={"event": "taken"})
    assert words(moved) == "relay told: it works on it; handed over: the provider took responsibility"


def test_a_fate_and_a_second_copy_are_told() -> None:
    """What became of the mail, and that it went out twice."""
    fate = replace(TOLD, kind="fate", detail={"old": "unknown", "new": "delivered", "event": "opened"})
    assert words(fate) == "its fate is delivered; it was unknown"
    twice = replace(TOLD, kind="duplicate", detail={"event": "delivered"})
    assert words(twice) == "relay took it too: a second copy is out"
