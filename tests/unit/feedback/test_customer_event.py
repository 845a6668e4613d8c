"""What facts of the history tell a customer, and what they never tell."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posthorse.feedback.customer_event import CustomerEventKind, events_of, rehearsal
from posthorse.mail.carriage import TRANSITIONS, Carriage, Cause
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.outbox_port import TOLD_STATES, Happening, is_worth_a_look
from posthorse.spool.port import HistoryRow

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"
STATES = sorted(TOLD_STATES, key=lambda state: state.value)
AT = 1_750_000_000 * SECOND + 123_456
MESSAGE = Message(
    id=MessageId(bytes(range(16))),
    tenant=MAIN_TENANT,
    stream=Stream.URGENT,
    sender="shop@a.example",
    size_bytes=1_000,
    accepted_at=AT - SECOND,
    expires_at=AT + SECOND,
    attributes={"configuration_set": "codes", "tag:campaign": "welcome", "credential": "AKIA1", "front": "smtp"},
)


def happening(**fields: Any) -> Happening:
    """A handover, unless it is said otherwise."""
    usual: dict[str, Any] = {
        "seq": 7,
        "at": AT,
        "tenant": MAIN_TENANT,
        "message_id": MESSAGE.id,
        "n": 2,
        "kind": "moved",
        "old": Carriage.RELEASED,
        "new": Carriage.HANDED_OVER,
        "cause": Cause.ANSWER,
        "provider": ProviderName("relay"),
    }
    return Happening(fact=HistoryRow(**{**usual, **fields}), message=MESSAGE, address="ann@example.com")


def kinds(found: Happening) -> list[str]:
    """The types of its events."""
    return [event.kind.value for event in events_of(found)]


def fate(old: str, new: str, **detail: Any) -> Happening:
    """A fate that rose."""
    return happening(kind="fate", old=None, new=None, cause=None, detail={"old": old, "new": new, **detail})


def test_an_event_says_what_a_customer_needs() -> None:
    """Message, recipient, stream, tags, provider, reply and times; nothing else of its attributes."""
    detail = {
        "code": 250,
        "text": "2.0.0 Ok",
        "provider_message_id": "4Xyz",
        "chosen": "first of the route",
        "outcome": "handover",
        "tried": "relay",
    }
    (event,) = events_of(happening(detail=detail))
    assert json.loads(event.body) == {
        "type": "message.handed_over",
        "timestamp": "2025-06-15T15:06:40.123456Z",
        "data": {
            "message_id": MESSAGE.id.hex(),
            "recipient": "ann@example.com",
            "recipient_number": 2,
            "tenant": "main",
            "stream": "urgent",
            "sender": "shop@a.example",
            "accepted_at": "2025-06-15T15:06:39.123456Z",
            "happened_at": "2025-06-15T15:06:40.123456Z",
            "configuration_set": "codes",
            "tags": {"campaign": "welcome"},
            "provider": "relay",
            "provider_message_id": "4Xyz",
            "cause": "answer",
            "reason": "",
            "reply": {"code": 250, "text": "2.0.0 Ok"},
            "said": {},
        },
    }


def test_what_became_of_it_comes_with_the_providers_words() -> None:
    """A fate tells when it happened as the provider says, and what it said; never later than we learnt it."""
    told = fate(
        "unknown", "bounced", told_at=AT - 5 * SECOND, said_diagnostic="550 5.1.1 no such user", event="hard_bounced"
    )
    (event,) = events_of(told)
    data = json.loads(event.body)["data"]
    assert event.kind is CustomerEventKind.BOUNCED
    assert data["said"] == {"diagnostic": "550 5.1.1 no such user"}
    assert data["happened_at"] == "2025-06-15T15:06:35.123456Z"
    (later,) = events_of(fate("unknown", "bounced", told_at=AT + 10**15))
    assert json.loads(later.body)["data"]["happened_at"] == "2025-06-15T15:06:40.123456Z"


LEFT = {"old": Carriage.RELEASED, "new": Carriage.IN_DOUBT}
REFUSED = {"new": Carriage.REJECTED}
NOBODY = "no provider can carry it (relay: an empty file)"
REASONS: list[tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]] = [
    (LEFT, {"outcome": "unclear", "text": "no answer within 30 s of the release"}, "no answer within 30 s", {}),
    (LEFT, {"outcome": "unclear", "code": 200, "text": "<html>"}, "the answer does not say", {"code": 200}),
    (LEFT, {"outcome": "unclear"}, "the answer does not say", {}),
    (LEFT | {"cause": Cause.LAPSE}, {}, "the attempt was cut off", {}),
    (LEFT | {"cause": Cause.RESTORE}, {}, "the spool was restored", {}),
    ({}, {"outcome": "handover", "code": 250, "text": "2.0.0 Ok"}, "", {"code": 250}),
    ({}, {"outcome": "handover", "text": "taken"}, "", {"text": "taken"}),
    ({}, {"outcome": "unclear", "text": "no answer within 30 s of the release"}, "another copy was sent", {}),
    ({"cause": Cause.EVENT, "kind": "event"}, {"event": "delivered"}, "", {}),
    (REFUSED, {"outcome": "rejection", "code": 550, "text": "no such user"}, "", {"code": 550}),
    (REFUSED, {"outcome": "rejection", "text": "its bytes are too many"}, "its bytes are too many", {}),
    (REFUSED | {"provider": ""}, {"outcome": "rejection", "text": NOBODY, "reason": NOBODY}, NOBODY, {}),
    ({"new": Carriage.SUPERSEDED, "cause": Cause.SUPERSEDE}, {"by_message": "0195"}, "0195", {}),
    ({"new": Carriage.EXPIRED, "cause": Cause.EXPIRY}, {}, "", {}),
]


@pytest.mark.parametrize(("fields", "detail", "reason", "reply"), REASONS)
def test_a_reason_is_about_the_mail_and_not_about_the_choice_of_a_provider(
    fields: dict[str, Any], detail: dict[str, Any], reason: str, reply: dict[str, Any]
) -> None:
    """What we know stands in `reason`, what the provider answered in `reply`, and each only there."""
    (event,) = events_of(happening(**fields, detail=detail | {"chosen": "next in order"}))
    data = json.loads(event.body)["data"]
    assert data["reason"].startswith(reason) if reason else not data["reason"], data
    assert reply.items() <= data["reply"].items()
    assert bool(reply) == bool(data["reply"])
    assert b"next in order" not in event.body


def test_the_page_explains_every_field_and_every_cause() -> None:
    """`docs/webhooks.md` has a row for each field of `data`, and for each cause the types that it comes with."""
    page = PAGE.read_text()
    (event,) = events_of(happening())
    fields = page.partition("| field of `data` |")[2].partition("\n\n")[0]
    first = [line.split("|")[1] for line in fields.splitlines()[2:]]
    assert re.findall(r"`(\w+)`", " ".join(first)) == list(json.loads(event.body)["data"])
    rows = page.partition("| cause | with |")[2].partition("\n\n")[0].splitlines()[2:]
    told = {line.split("`")[1]: {one.strip() for one in line.split("|")[2].split(",")} for line in rows}
    possible: dict[str, set[str]] = {}
    for (old, new), causes in TRANSITIONS.items():
        for cause in causes:
            if kinds(happening(old=old, new=new, cause=cause)):
                possible.setdefault(cause.value, set()).add(new.value.replace("_", " "))
    assert told == possible


def test_events_of_every_type_have_the_fields_of_the_page() -> None:
    """Each type on the page is emitted, with exactly the documented fields, and has a row that explains its reason."""
    page = PAGE.read_text()
    rows = page.partition("| field of `data` |")[2].partition("\n\n")[0].splitlines()[2:]
    fields = re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in rows))
    moves = [happening(old=old, new=new, cause=cause) for (old, new), all_ in TRANSITIONS.items() for cause in all_]
    fates = [fate("unknown", new) for new in ("delivered", "bounced", "complained")]
    twice = happening(kind="duplicate", old=None, new=None, cause=None)
    emitted = [event for found in (*moves, *fates, twice) for event in events_of(found)]
    assert {event.kind for event in emitted} == set(CustomerEventKind)
    assert all(list(json.loads(event.body)["data"]) == fields for event in emitted)
    types = page.partition("| type | |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(message\.\w+)` \|", types)) == {kind.value for kind in CustomerEventKind}
    reasons = page.partition("| type | `reason` |")[2].partition("\n\n")[0].splitlines()[2:]
    explained = [one.strip().replace(" ", "_") for row in reasons for one in row.split("|")[1].split(",")]
    assert sorted(f"message.{one}" for one in explained) == sorted(kind.value for kind in CustomerEventKind)


@pytest.mark.parametrize("state", STATES)
def test_every_end_of_duty_and_every_doubt_is_told(state: Carriage) -> None:
    """Each legal move into such a state has an event of its name, save a lease that is given back."""
    for (old, new), causes in TRANSITIONS.items():
        if new is not state:
            continue
        for cause in causes:
            given_back = old is Carriage.LEASED and cause in (Cause.RETURN, Cause.LAPSE, Cause.ANSWER)
            given_back = given_back and new in (Carriage.HANDED_OVER, Carriage.IN_DOUBT)
            given_back = given_back or (old, new, cause) == (Carriage.LEASED, Carriage.HANDED_OVER, Cause.RESTORE)
            wanted = [] if given_back else [f"message.{state.value}"]
            assert kinds(happening(old=old, new=new, cause=cause)) == wanted, (old, cause)


def test_steps_on_the_way_are_not_told() -> None:
    """Moves to a state that is no end and no doubt tell nothing, and are not even looked at."""
    for old, new in TRANSITIONS:
        if new not in TOLD_STATES:
            step = happening(old=old, new=new, cause=Cause.LEASE)
            assert kinds(step) == []
            assert not is_worth_a_look(step.fact)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (fate("unknown", "delivered"), ["message.delivered"]),
        (fate("delivered", "bounced"), ["message.bounced"]),
        (fate("bounced", "complained"), ["message.complained"]),
        (fate("bounced", "nonsense"), []),
        (happening(kind="event", old=None, new=None, cause=None, detail={"event": "deferred"}), []),
        (happening(kind="duplicate", old=None, new=None, cause=None), ["message.duplicated"]),
        (happening(kind="duplicate"), ["message.duplicated", "message.handed_over"]),
        (happening(kind="late_answer", cause=Cause.LATE_ANSWER), ["message.handed_over"]),
        (
            happening(kind="decided", old=Carriage.QUEUED, new=Carriage.CANCELLED, cause=Cause.CANCEL),
            ["message.cancelled"],
        ),
    ],
)
def test_fates_and_duplicates(found: Happening, wanted: list[str]) -> None:
    """Each fate that rose is told once, a known second copy too; what a provider says on the way is not."""
    assert kinds(found) == wanted


def test_an_id_belongs_to_one_fact() -> None:
    """The same fact has the same id and body whenever it is asked; another number, time, recipient or type another."""
    first = events_of(happening())[0]
    assert events_of(happening())[0] == first
    others = [
        happening(seq=8),
        happening(at=AT + 1),
        happening(n=3),
        happening(old=Carriage.IN_DOUBT, cause=Cause.DECISION),
    ]
    ids = {events_of(other)[0].id for other in others}
    assert len(ids - {first.id}) == 3, "how it came about is not part of the id"
    both = events_of(happening(kind="duplicate"))
    assert both[0].id != both[1].id


def test_words_from_outside_are_bounded_and_stay_text() -> None:
    """A reply of any length and kind makes a bounded, valid JSON text."""
    detail = {"text": "\x00</script>" + "x" * 100_000, "code": "nonsense", "provider_message_id": 7}
    (event,) = events_of(happening(detail=detail))
    assert len(event.body) < 2_500
    assert json.loads(event.body)["data"]["reply"].keys() == {"text"}


def test_a_test_event_says_that_it_is_one() -> None:
    """Its type is no type of mail, and it names the endpoint."""
    told = json.loads(rehearsal("shop", AT, "evt_test"))
    assert told["type"] == "webhook.test"
    assert told["data"]["endpoint"] == "shop"


def test_another_message_has_other_ids() -> None:
    """Two messages never share an id, whatever their facts' numbers."""
    one = happening()
    other = replace(one, fact=replace(one.fact, message_id=MessageId(bytes(16))))
    assert events_of(one)[0].id != events_of(other)[0].id
