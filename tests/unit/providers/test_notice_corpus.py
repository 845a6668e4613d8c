"""What each provider tells, in its own words, becomes the listed events: the corpus of notifications."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import ProviderName, parse_message_id
from posthorse.providers.notices import NotificationReader, Unreadable
from tests.unit.providers.notice_kit import postmark, sendgrid, ses, wrapped

CORPUS = Path(__file__).parents[2] / "corpus" / "notifications"
PROVIDERS = ("ses", "sendgrid", "postmark")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]

ROWS = [(name, row) for name in PROVIDERS for row in json.loads((CORPUS / f"{name}.json").read_text())]
BY_ID = {(name, row["id"]): row for name, row in ROWS}


def reader_of(name: str) -> NotificationReader:
    """The reader of a provider."""
    readers: dict[str, NotificationReader] = {"ses": ses(), "sendgrid": sendgrid(), "postmark": postmark()}
    return readers[name]


def body_of(name: str, row: Row) -> bytes:
    """The bytes as they are posted."""
    text = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"])
    return wrapped(text) if name == "ses" else text.encode()


def read(name: str, row: Row) -> tuple[Sequence[Event], str]:
    """The events of a row, and what of it makes no sense."""
    try:
        return reader_of(name).read(body_of(name, row), {}), ""
    except Unreadable as error:
        return error.events, str(error)


def told(event: Event) -> Row:
    """An event as the corpus writes it."""
    return {
        "kind": event.kind.value,
        "recipient": event.recipient,
        "at": event.at,
        "ours": event.message_id.hex() if event.message_id else None,
        "theirs": event.provider_message_id,
        "detail": dict(event.detail),
    }


def expected(row: Row) -> list[Row]:
    """The events of a row, its times in microseconds."""
    return [{"detail": {}, **event, "at": micros(event["at"])} for event in row.get("events", [])]


def micros(text: str | None) -> int:
    """Microseconds UTC; 0: no time is told."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1) if text else 0


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{row['id']}" for name, row in ROWS])
def test_a_notification_is_read_as_listed(name: str, row: Row) -> None:
    """The listed events, each for its recipient, or the place that makes no sense and nothing of the content."""
    events, where = read(name, row)
    detailed = [
        event | ({} if "detail" in given else {"detail": {}})
        for event, given in zip(map(told, events), row.get("events", []), strict=True)
    ]
    assert detailed == expected(row)
    assert bool(where) == ("unreadable" in row)
    assert row.get("unreadable", "") in where
    assert "@" not in where
    assert all(len(event.key) <= 128 and event.provider == ProviderName(name) for event in events)


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{row['id']}" for name, row in ROWS])
def test_reading_again_gives_the_same_keys(name: str, row: Row) -> None:
    """A repetition is told by its keys, and two recipients of one event have two."""
    first, _ = read(name, row)
    second, _ = read(name, row)
    assert first == second
    assert len({event.key for event in first}) == len(first)


TWINS = [(name, row["id"], row["same_key_as"]) for name, row in ROWS if "same_key_as" in row]


@pytest.mark.parametrize(("name", "one", "other"), TWINS)
def test_the_same_happening_told_in_two_ways_is_one_event(name: str, one: str, other: str) -> None:
    """Identity feedback beside event publishing, a change of the subscription beside its bounce: one key."""
    assert [event.key for event in read(name, BY_ID[name, one])[0]] == [
        event.key for event in read(name, BY_ID[name, other])[0]
    ]


def test_different_happenings_have_different_keys() -> None:
    """No two rows that differ in kind, recipient or time share a key."""
    for name in PROVIDERS:
        seen: dict[str, tuple[str, str]] = {}
        for row in (row for provider, row in ROWS if provider == name and name != "sendgrid"):
            for event in read(name, row)[0]:
                what = (event.kind.value, event.recipient)
                assert seen.setdefault(event.key, what) == what


def test_every_kind_of_event_is_told_by_somebody() -> None:
    """The corpus leaves no kind out."""
    kinds = {EventKind(event["kind"]) for _, row in ROWS for event in row.get("events", [])}
    assert kinds == set(EventKind)


def test_nothing_private_is_kept_of_opens_and_clicks() -> None:
    """Neither link, address of the reader nor program stands in an event."""
    for name, row in ROWS:
        for event in read(name, row)[0]:
            assert not [word for word in event.detail.values() if "token=secret" in word or "192.0.2" in word]


def test_our_id_is_read_back() -> None:
    """The id that went out is the one that comes back."""
    (event,) = read("ses", BY_ID["ses", "delivery"])[0]
    assert event.message_id == parse_message_id("0193a1b2c3d44e5f8a9b0c1d2e3f4a5b")
