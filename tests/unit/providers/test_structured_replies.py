"""The translation tables of SendGrid's and Postmark's answers, in the shapes of the wire, and that they are total."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.outcome import (
    Deferral,
    Fault,
    Handover,
    Outcome,
    Reply,
    Scope,
    Throttle,
    Unclear,
    kind_of,
    scope_of,
)
from posthorse.mail.ports import HttpResponse
from posthorse.providers import postmark_replies, sendgrid_replies
from posthorse.providers.seating import Seating
from posthorse.providers.table import Phase, Row, first_fit
from tests.thorough import first_quick

FOLDER = Path(__file__).parents[2] / "corpus" / "provider"
NOW = 1_800_000_000 * 1_000_000
CASES = [
    (kind, row)
    for kind in ("sendgrid", "postmark")
    for row in json.loads((FOLDER / f"{kind}_answers.json").read_text(encoding="utf-8"))
]
Recipients = Sequence[tuple[int, str]]


def recipients_of(count: int) -> Recipients:
    """Numbered from 3, so that a number is never taken for a place."""
    return [(3 + n, f"r{n}@example.org") for n in range(count)]


def judged(kind: str, phase: Phase, response: HttpResponse, recipients: Recipients) -> Mapping[int, Outcome]:
    """The outcomes of one answer; of three recipients the last is blind."""
    if kind == "postmark":
        return postmark_replies.outcomes_of(phase, response, recipients)
    numbers = tuple(n for n, _ in recipients)
    seating = Seating(to=numbers[:2], cc=(), bcc=numbers[2:], blind=tuple(address for _, address in recipients[2:]))
    return sendgrid_replies.outcomes_of(phase, response, seating, recipients, NOW)


def response_of(row: Mapping[str, Any]) -> HttpResponse:
    """The answer of a row of the data."""
    return HttpResponse(status=row["status"], headers=row.get("headers", {}), body=row["body"].encode())


@pytest.mark.parametrize(("kind", "row"), CASES, ids=[f"{kind}-{row['id']}" for kind, row in CASES])
def test_each_answer_has_its_outcome_for_each_recipient(kind: str, row: Mapping[str, Any]) -> None:
    """After the release; with the pause it asks for and the id it gives, if any."""
    recipients = recipients_of(row.get("recipients", 2))
    outcomes = judged(kind, Phase.AFTER, response_of(row), recipients)
    expected = row["expect"] if isinstance(row["expect"], list) else [row["expect"]] * len(recipients)
    assert [f"{kind_of(outcomes[n])} {scope_of(outcomes[n]).value}" for n, _ in recipients] == expected
    first = outcomes[3]
    if "retry_after_s" in row:
        assert isinstance(first, Throttle)
        assert first.retry_after_s == row["retry_after_s"]
    if "message_id" in row:
        assert first == Handover(reply=Reply(code=row["status"]), provider_message_id=row["message_id"])
    assert all(outcome.reply.text.isprintable() for outcome in outcomes.values())


def _reply(kind: str, response: HttpResponse) -> Reply:
    return sendgrid_replies.reply_of(response) if kind == "sendgrid" else postmark_replies.read(response).reply


@pytest.mark.parametrize(
    ("kind", "rows"), [("sendgrid", sendgrid_replies.ROWS), ("postmark", postmark_replies.ROWS)], ids=str
)
def test_every_row_of_the_table_is_reached(kind: str, rows: Sequence[Row[Phase]]) -> None:
    """No row is dead."""
    replies = [_reply(kind, response_of(row)) for of, row in CASES if of == kind]
    reached = {id(first_fit(rows, Phase.AFTER, reply)) for reply in replies}
    reached.add(id(first_fit(rows, Phase.BEFORE, Reply(text="connection lost"))))
    reached.add(id(first_fit(rows, Phase.BEFORE, Reply(code=500))))
    reached.add(id(first_fit(rows, Phase.OURS, Reply(text="no certificate"))))
    assert [row for row in rows if id(row) not in reached] == []


@pytest.mark.parametrize("kind", first_quick(1, ["sendgrid", "postmark"]))
@given(data=st.data())
def test_the_tables_are_total_and_certain_only_where_they_may_be(kind: str, data: st.DataObject) -> None:
    """Any answer gives each recipient one outcome: before the release never unclear or a handover; a handover only for
    a complete 2xx with an id.
    """
    known = [row for of, row in CASES if of == kind]
    phase = data.draw(st.sampled_from(Phase))
    body = data.draw(st.sampled_from([row["body"] for row in known]) | st.text(max_size=60))
    headers = data.draw(
        st.dictionaries(st.sampled_from(["x-message-id", "retry-after", "x-ratelimit-reset"]), st.text(max_size=8))
    )
    response = HttpResponse(
        status=data.draw(st.integers(100, 599)), headers=headers, body=body.encode("utf-8", "replace")
    )
    recipients = recipients_of(3)
    outcomes = judged(kind, phase, response, recipients)
    assert set(outcomes) == {3, 4, 5}
    for outcome in outcomes.values():
        if phase is Phase.OURS:
            assert outcome == Deferral(scope=Scope.US, reply=outcome.reply)
        elif phase is Phase.BEFORE:
            assert not isinstance(outcome, Unclear | Handover)
        elif isinstance(outcome, Handover):
            assert response.status in (200, 202)
            assert outcome.provider_message_id


@pytest.mark.parametrize(
    "translate",
    [
        sendgrid_replies.translate,
        lambda phase, reply: postmark_replies.translate(phase, postmark_replies.Answer(reply=reply)),
    ],
    ids=["sendgrid", "postmark"],
)
def test_silence_is_a_fault_before_and_unclear_after_the_release(translate: Callable[[Phase, Reply], Outcome]) -> None:
    """No complete answer at all."""
    silence = Reply(text="connection lost")
    assert translate(Phase.BEFORE, silence) == Fault(scope=Scope.CHANNEL, reply=silence)
    assert translate(Phase.AFTER, silence) == Unclear(scope=Scope.PROVIDER, reply=silence)
