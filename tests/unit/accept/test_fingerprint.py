"""The same message offered again is recognised, another one is not."""

import asyncio

import pytest

from posthorse.accept.fingerprint import fingerprint, fingerprint_in_turns
from posthorse.mail.message import Submission
from tests.unit.accept.kit import MAIL, submission

FIRST = fingerprint(submission(b"Message-ID: <1@x>\r\nDate: today\r\n" + MAIL, recipients=("a@x.org", "b@x.org")))

SAME = [
    submission(b"Message-ID: <2@x>\r\nDate: tomorrow\r\n" + MAIL, recipients=("a@x.org", "b@x.org")),
    submission(b"Received: from a by b\r\n" + MAIL, recipients=("b@x.org", "a@x.org")),
    submission(b"X-Posthorse-Idempotency-Key: k\r\n" + MAIL, recipients=("b@x.org", "a@x.org", "a@x.org")),
]

OTHER = [
    submission(MAIL, recipients=("a@x.org",)),
    submission(MAIL, recipients=("a@x.org", "b@x.org"), sender="other@example.com"),
    submission(MAIL + b"more\r\n", recipients=("a@x.org", "b@x.org")),
    submission(MAIL.replace(b"Hello\r\n", b"Bye\r\n"), recipients=("a@x.org", "b@x.org")),
    submission(b"broken", recipients=("a@x.org", "b@x.org")),
]


@pytest.mark.parametrize("again", SAME, ids=range(len(SAME)))
def test_what_changes_from_try_to_try_does_not_count(again: Submission) -> None:
    """Date, Message-ID, trace, controls and the order of recipients."""
    assert fingerprint(again) == FIRST


@pytest.mark.parametrize("another", OTHER, ids=range(len(OTHER)))
def test_everything_else_counts(another: Submission) -> None:
    """Any other difference in envelope or content makes another message."""
    assert fingerprint(another) != FIRST


def test_digested_in_turns_it_is_the_same() -> None:
    """However large the message, and without holding up the loop."""
    large = submission(MAIL + b"x" * (9 << 20), recipients=("a@x.org",))

    async def digest() -> tuple[bytes, int]:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        digested = await fingerprint_in_turns(large)
        counting.cancel()
        return digested, turns

    digested, turns = asyncio.run(digest())
    assert digested == fingerprint(large)
    assert turns >= 2
