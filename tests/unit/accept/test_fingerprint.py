"""The same message offered again is recognised, another one is not."""

import pytest

from posthorse.accept.fingerprint import fingerprint
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
