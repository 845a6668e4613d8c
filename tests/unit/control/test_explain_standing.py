"""What `explain` says of doubt, case by case: why nobody knows, and what truly happens next."""

from dataclasses import replace
from typing import Any

import pytest

from posthorse.control.explain import standing, standing_since, words
from posthorse.mail.carriage import Carriage, Cause, Fate
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import RecipientView
from posthorse.spool.port import HistoryRow

AT = 1_750_000_000 * SECOND
MESSAGE = Message(
    id=MessageId(b"m" * 16),
    tenant=MAIN_TENANT,
    stream=Stream.STANDARD,
    sender="shop@a.example",
    size_bytes=1_000,
    accepted_at=AT,
    expires_at=AT + 3_600 * SECOND,
)
DOUBT = RecipientView(
    message=MESSAGE,
    n=0,
    address="ann@example.com",
    carriage=Carriage.IN_DOUBT,
    fate=Fate.UNKNOWN,
    fence=1,
    attempts=1,
    copies_released=1,
    copies_allowed=2,
    next_at=AT + 90 * SECOND,
    lease_until=None,
    tried=(ProviderName("relay"),),
    withdrawn="",
    hold=None,
    provider=ProviderName("relay"),
)
BY_ITSELF = "no further copy goes out by itself, so only an event, a late answer or a person settles it"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {},
            (
                "from 2025-06-15T15:08:10.000Z on a second copy may go to a provider that has none; where none can "
                "carry it, it stays in doubt, and after 2025-06-15T16:06:40.000Z no copy goes out"
            ),
        ),
        ({"next_at": None}, BY_ITSELF),
        ({"next_at": MESSAGE.expires_at}, BY_ITSELF),
        (
            {"hold": 4},
            "no further copy goes out while it is on hold 4, `posthorse queue unhold 4` lets it go on",
        ),
        ({"withdrawn": "cancelled"}, "withdrawn (cancelled), so no further copy goes out"),
        (
            {"copies_allowed": 1, "next_at": None},
            (
                "its duplicate budget is spent (copies: 1 of 1), so only an event, a late answer or a person settles "
                "it: `posthorse queue decide`"
            ),
        ),
    ],
)
def test_mail_in_doubt_says_what_truly_happens_next(fields: dict[str, Any], told: str) -> None:
    """A second copy is announced only where one may go, from when and until when; else what settles the doubt."""
    said = standing(replace(DOUBT, **fields))
    assert said == f"0: in doubt: it may have arrived, and nothing proves it; {told}"


LEFT: dict[str, Any] = {"old": Carriage.RELEASED, "new": Carriage.IN_DOUBT, "cause": Cause.ANSWER}
LOST = "the connection was lost after the release"
CHOICE = "relay was chosen: next in order"
IN_DOUBT = "in doubt: it may have arrived, and nothing proves it"


@pytest.mark.parametrize(
    ("fields", "detail", "told"),
    [
        (LEFT, {"outcome": "unclear", "text": LOST}, f'the attempt at relay ended: unclear ("{LOST}"); {IN_DOUBT}'),
        (
            LEFT,
            {"outcome": "unclear", "code": 200, "text": "<html>"},
            f'relay answered unclear ("200 <html>"); {IN_DOUBT}',
        ),
        (
            LEFT | {"new": Carriage.HANDED_OVER},
            {"outcome": "handover", "code": 250, "text": "Ok"},
            'relay answered handover ("250 Ok"); handed over: the provider took responsibility',
        ),
        (
            LEFT | {"new": Carriage.QUEUED},
            {"outcome": "fault", "scope": "provider", "text": "connection refused"},
            'the attempt at relay ended: fault about the provider ("connection refused"); back in the queue',
        ),
    ],
)
def test_an_attempt_says_how_it_ended_and_apart_why_it_was_there(
    fields: dict[str, Any], detail: dict[str, Any], told: str
) -> None:
    """Who gave no answer answered nothing, and the choice of a provider is never a reason for doubt."""
    row = _fact(fields, detail | {"chosen": "next in order"})
    assert words(row) == f"{told}; {CHOICE}"


def test_where_nobody_else_could_carry_it_that_is_said() -> None:
    """A lease given back in doubt names the reason of its wait, as nobody was chosen."""
    why = "in doubt, and nobody else could carry it (relay: tried in this round)"
    row = _fact(
        {"old": Carriage.LEASED, "new": Carriage.IN_DOUBT, "cause": Cause.RETURN, "provider": ""}, {"reason": why}
    )
    assert words(row) == f"{IN_DOUBT}; the lease was given back; because {why}"


def _fact(fields: dict[str, Any], detail: dict[str, Any]) -> HistoryRow:
    usual: dict[str, Any] = {"provider": ProviderName("relay"), **fields}
    return HistoryRow(
        seq=1, at=AT, tenant=MAIN_TENANT, message_id=MESSAGE.id, n=0, kind="moved", detail=detail, **usual
    )


NOBODY = "no provider can carry it (relay: it does not carry internationalised addresses)"


@pytest.mark.parametrize(
    ("provider", "detail", "told"),
    [
        ("", {"outcome": "rejection", "text": NOBODY, "reason": NOBODY}, f"because {NOBODY}"),
        (
            "relay",
            {
                "outcome": "rejection",
                "scope": "recipient",
                "code": 550,
                "text": "no such user",
                "chosen": "next in order",
            },
            'relay answered rejection about the recipient ("550 no such user")',
        ),
        (
            "relay",
            {"outcome": "fault", "scope": "us", "code": 404, "text": "no such set"},
            'relay answered fault about us ("404 no such set")',
        ),
    ],
)
def test_who_looks_at_the_standing_only_reads_why_it_was_rejected(
    provider: str, detail: dict[str, Any], told: str
) -> None:
    """The words of who said no, or why nobody was asked."""
    row = HistoryRow(
        seq=1,
        at=AT,
        tenant=MAIN_TENANT,
        message_id=MESSAGE.id,
        n=0,
        kind="moved",
        old=Carriage.LEASED,
        new=Carriage.REJECTED,
        cause=Cause.ANSWER,
        provider=ProviderName(provider),
        detail=detail,
    )
    rejected = replace(DOUBT, carriage=Carriage.REJECTED, next_at=None)
    assert standing_since(rejected, [row]) == f"0: rejected for good; {told}; since 2025-06-15T15:06:40.000Z"
