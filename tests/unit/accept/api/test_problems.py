"""Problems: every refusal has one, and codes do not change."""

import re
from pathlib import Path

import pytest

from posthorse.accept.api.problems import OF_REFUSAL, ApiError, Code, of_refusal
from posthorse.accept.refusal import RefusalKind, Refused

STABLE = """
bug connections control disk_low from_a_browser idempotency_key_in_flight idempotency_key_invalid
idempotency_key_reused invalid_field login_throttled loop malformed_message malformed_request method_not_allowed
not_found overload rate recipient_address recipients repeated_field request_timeout sender_address sender_domain spool
templates_not_offered tls_required too_big unauthenticated unsupported_media_type
"""


@pytest.mark.parametrize("kind", RefusalKind)
def test_every_refusal_is_a_problem(kind: RefusalKind) -> None:
    """Temporary ones say when to come back, the others do not."""
    for code in (450, 550):
        problem = of_refusal(Refused(kind=kind, code=code, enhanced="", text="text")).problem()
        assert problem.status == OF_REFUSAL[kind].status
        assert problem.detail


def test_codes_are_the_published_ones() -> None:
    """Programs look at them; a new one is added here, an old one is never changed."""
    assert [code.word for code in sorted(Code, key=lambda code: code.word)] == STABLE.split()


def test_what_may_succeed_later_says_when() -> None:
    """429, 503 and what is in flight have Retry-After; refusals for good have none."""
    for code in Code:
        names = [name for name, _ in ApiError(code).more_headers()]
        if code.status in (429, 503):
            assert names == [b"retry-after"]
        if code.status in (400, 401, 403, 404, 405, 413, 415, 422):
            assert names == []


def test_the_page_lists_every_problem() -> None:
    """docs/api.md has each code with its status and meaning, and no other."""
    page = (Path(__file__).resolve().parents[4] / "docs" / "api.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+) \|$", page, re.MULTILINE)
    assert [(word, int(status)) for word, status, _ in listed] == [
        (code.word, code.status) for code in sorted(Code, key=lambda code: (code.status, code.word))
    ]
    meanings = {word: meaning for word, _, meaning in listed}
    assert all(meanings[code.word].startswith(code.meaning) for code in Code)
