"""Reading is total: whatever a genuine body holds, it gives events, or says where it makes no sense."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.providers.notice_fields import time_of
from posthorse.providers.notices import NotificationReader, Unreadable
from tests.thorough import first_quick
from tests.unit.providers.notice_kit import wrapped
from tests.unit.providers.test_notice_corpus import PROVIDERS, ROWS, reader_of

ODD: list[Any] = [
    None, True, 0, -1, 7, 2**63, 10**400, 1e308, 0.5, "", "x", "a@b", "\u0000@\u2028", "@" * 5_000, [], {}, [[]],
    [None], {"": None}, "2026-13-99T99:99:99Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00",
]  # fmt: skip
"""What may stand anywhere."""

BODIES = [(name, row["body"]) for name, row in ROWS if not isinstance(row["body"], str)]
READERS = {name: reader_of(name) for name in PROVIDERS}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=30,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with another one at a place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def read(reader: NotificationReader, raw: bytes) -> None:
    """Read it, whatever it is, and look at what came of it."""
    where = "nowhere"
    try:
        events = reader.read(raw, {})
    except Unreadable as error:
        events, where = error.events, str(error)
    assert 0 < len(where) < 2_000
    assert "@" not in where
    for event in events:
        assert 0 < len(event.key) <= 128
        assert len(event.recipient) <= 320
        assert event.recipient.isprintable()
        assert event.message_id or event.provider_message_id
        assert 0 <= event.at < 2**62
        assert all(value.isprintable() and len(value) <= 500 for value in event.detail.values())


def posted(name: str, value: Any) -> bytes:
    """A JSON value as this provider posts it."""
    text = json.dumps(value)
    return wrapped(text) if name == "ses" else text.encode()


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "body"), BODIES)
def test_anything_anywhere(name: str, body: Any) -> None:
    """Each place of each body of the corpus, with each odd value there."""
    for path in places(body):
        for odd in ODD:
            read(READERS[name], posted(name, replaced(body, path, odd)))


@pytest.mark.parametrize("name", first_quick(1, PROVIDERS))
@settings(max_examples=150, deadline=None)
@given(value=JSON)
def test_any_json(name: str, value: Any) -> None:
    """A JSON value that nobody thought of."""
    read(READERS[name], posted(name, value))


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_bytes(name: str, raw: bytes) -> None:
    """Bytes that are no JSON at all, in the envelope of SNS too."""
    read(READERS[name], raw)
    if name == "ses":
        read(READERS[name], wrapped(raw.decode("latin-1")))


@pytest.mark.parametrize("opening", ["[", '{"a":', "[[{", '[{"email":'])
@pytest.mark.parametrize("name", PROVIDERS)
def test_nesting_without_end(name: str, opening: str) -> None:
    """As deep as a megabyte allows."""
    text = opening * (1_000_000 // len(opening))
    read(READERS[name], wrapped(text) if name == "ses" else text.encode())


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-01-01T00:00:00Z", 946_684_800_000_000),
        ("2026-03-02T10:15:30", 1_772_446_530_000_000),
        ("2026-03-02T10:15:30.1234567+02:00", 1_772_439_330_123_456),
        (1_772_446_530, 1_772_446_530_000_000),
        (1_772_446_530.5, 1_772_446_530_500_000),
        ("1772446530", 1_772_446_530_000_000),
        (float("inf"), 0),
        (float("nan"), 0),
        (10**30, 0),
        (True, 0),
        ([], 0),
        ("1" * 30, 0),
        ("٣٣٣", 0),
    ],
)
def test_times_of_every_form(given: object, at: int) -> None:
    """Whatever is no moment of this century is no time."""
    assert time_of(given) == at
