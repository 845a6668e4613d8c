"""Structured providers: what is no candidate there, what an answer teaches, what happens without one."""

import asyncio

import pytest

from posthorse.mail.ids import MessageId
from posthorse.mail.outcome import Deferral, Fault, Rejection, Reply, Scope, Unclear
from posthorse.mail.ports import ExchangeFailed, HttpResponse, NoAnswer
from posthorse.providers import recomposed
from posthorse.providers.port import Fidelity, NotNow, Obstacle, Surveying
from tests.unit.providers.structured_kit import KINDS, PLAIN, Bench, bench, group, no, surveyed, yes


@KINDS
def test_a_structured_provider_is_asked_first(kind: str) -> None:
    """It shows as such: to be surveyed, recomposed, recipients from the fields."""
    provider = bench(kind).provider
    assert isinstance(provider, Surveying)
    assert provider.kind == kind
    assert provider.capability.fidelity is Fidelity.RECOMPOSED
    assert not provider.capability.separate_envelope


REFUSED = [
    (("b@example.org", "c@example.org"), b"To: b@example.org, c@example.org", ""),
    (("b@example.org",), b"To: b@example.org, c@example.org", "not among these recipients"),
    (("c@example.org",), b"To: b@example.org", "not among these recipients"),
    (("B@example.org",), b"To: b@example.org", ""),
    (("b@example.org", "b@EXAMPLE.org"), b"To: b@example.org", "differ in case"),
    (("b@example.org",), b"To: b@example.org, B@Example.org", "twice"),
    (("b@example.org",), b"To: b@example.org\r\nCc: b@example.org", "twice"),
    (("b@example.org",), b"X-To: b@example.org", "nobody in To"),
    (("b@example.org",), b"Cc: b@example.org", "nobody in To"),
    (("b@example.org", '"x y"@example.org'), b"To: b@example.org", "blind recipient"),
    (("b@example.org",), b"To: b@example.org\r\nDKIM-Signature: v=1", "signed mail"),
    (("b@example.org",), b"To: b@example.org\r\nSubject: s", "given twice"),
]


@KINDS
@pytest.mark.parametrize(("addresses", "to", "why"), REFUSED)
def test_the_group_must_be_all_that_can_be_seen(kind: str, addresses: tuple[str, ...], to: bytes, why: str) -> None:
    """Survey and attempt say the same of a group; whoever is not visible is blind."""
    it = bench(kind)
    wanted = group(*addresses, body=PLAIN.replace(b"To: b@example.org", to))
    told = surveyed(it.provider.survey(wanted))
    report = asyncio.run(it.provider.attempt(wanted, yes))
    if not why:
        assert told == ""
        return
    assert told.startswith("cannot carry: ")
    assert why in told
    assert not it.exchange.requests
    outcome = Rejection(scope=Scope.CHANNEL, reply=Reply(text=told))
    assert report.outcomes == dict.fromkeys(range(3, 3 + len(addresses)), outcome)


@pytest.mark.parametrize(
    ("kind", "field", "why"),
    [
        ("sendgrid", b"X-SMTPAPI: {}", "keeps for itself"),
        ("sendgrid", b"X-Sg-Eid: 1", "keeps for itself"),
        ("sendgrid", b"X-A: 1\r\nx-a: 2", "more than once"),
        ("sendgrid", b'Cc: "C; D" <c@example.org>', "comma or semicolon"),
        ("postmark", b"X-PM-Tag: x", "keeps for itself"),
        ("postmark", b"X-A: 1\r\nx-a: 2", ""),
        ("postmark", b"Subject-Of: " + b"x" * 3_000, ""),
    ],
)
def test_what_one_provider_cannot_say_makes_it_no_candidate(kind: str, field: bytes, why: str) -> None:
    """Reserved fields, repeated ones, names that it splits."""
    wanted = group("b@example.org", "c@example.org", body=PLAIN.replace(b"Subject:", field + b"\r\nSubject:"))
    told = surveyed(bench(kind).provider.survey(wanted))
    assert (why in told) if why else (told == "")


def test_limits_of_postmark_are_known_before() -> None:
    """A subject of 2,000 characters, a text of 5 MB, 50 recipients, 10 MB in all."""
    subject = b"Subject: " + b"x" * 2_001
    assert "2000" in surveyed(bench("postmark").provider.survey(group(body=PLAIN.replace(b"Subject: s", subject))))
    text = PLAIN + b"0123456789\r\n" * 500_000
    assert "5 MB" in surveyed(bench("postmark").provider.survey(group(body=text)))
    quotes = PLAIN + b'"""""""""\r\n' * 450_000
    assert "a text larger" in surveyed(bench("postmark").provider.survey(group(body=quotes)))
    many = group("b@example.org", *(f"x{n}@example.org" for n in range(50)))
    assert "51 recipients at once" in surveyed(bench("postmark").provider.survey(many))


def test_a_request_that_grows_over_the_limit_is_known_before() -> None:
    """What counts is the request, in which some characters take more room than in the message."""
    text = PLAIN + b'"""""""""\r\n' * 1_500_000
    wanted = group(body=text)
    it = bench("sendgrid")
    assert len(text) < it.provider.capability.max_size_bytes
    told = surveyed(it.provider.survey(wanted))
    assert "are over its limit of 30000000" in told
    (outcome,) = asyncio.run(it.provider.attempt(wanted, yes)).outcomes.values()
    assert outcome == Rejection(scope=Scope.CHANNEL, reply=Reply(text=told))


@KINDS
def test_nothing_is_sent_without_the_release(kind: str) -> None:
    """The gate says no: the last byte stays, and nobody has an outcome."""
    it = bench(kind)
    report = asyncio.run(it.provider.attempt(group(), no))
    assert report.outcomes == {}
    assert it.exchange.kept_back == 1


@KINDS
def test_what_is_no_answer_depends_on_the_release_alone(kind: str) -> None:
    """Early: a fault. Late: unclear. Our certificates: ours."""
    it = bench(kind)
    it.exchange.script = [ExchangeFailed("early"), ExchangeFailed("late"), ExchangeFailed("early ours", ours=True)]
    outcomes = [asyncio.run(it.provider.attempt(group(), yes)).outcomes[3] for _ in range(3)]
    assert outcomes == [
        Fault(scope=Scope.CHANNEL, reply=Reply(text="early")),
        Unclear(scope=Scope.PROVIDER, reply=Reply(text="late")),
        Deferral(scope=Scope.US, reply=Reply(text="early ours")),
    ]


@KINDS
def test_what_it_refused_of_a_mail_is_not_offered_again(kind: str) -> None:
    """A refusal of the fields is remembered for this group, so that another provider or the end is next."""
    it = bench(kind)
    it.exchange.script = [HttpResponse(status=413, body=b"Payload too large")]
    asyncio.run(it.provider.attempt(group(), yes))
    assert surveyed(it.provider.survey(group())) == "refused it: 413 Payload too large"
    assert surveyed(it.provider.survey(group("b@example.org", "x@example.org"))) == ""


@KINDS
def test_what_it_said_of_itself_is_no_refusal_of_the_mail(kind: str) -> None:
    """After throttles, faults and bad credentials the mail may be offered again."""
    it = bench(kind)
    it.exchange.script = [HttpResponse(status=status) for status in (429, 401, 500, 404)]
    for _ in range(4):
        asyncio.run(it.provider.attempt(group(), yes))
    assert surveyed(it.provider.survey(group())) == ""


def test_memory_of_refusals_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten."""
    monkeypatch.setattr(recomposed, "_MOST_REFUSED", 2)
    it = bench("postmark")

    async def story(it: Bench) -> list[Obstacle | None]:
        groups = [group(message_id=MessageId(n.to_bytes(16, "big"))) for n in range(3)]
        for each in groups:
            it.exchange.script = [HttpResponse(status=413)]
            await it.provider.attempt(each, yes)
        return [await it.provider.survey(each) for each in groups]

    told = asyncio.run(story(it))
    assert [bool(each) for each in told] == [False, True, True]


@KINDS
def test_a_message_is_taken_apart_once_for_survey_and_attempt(kind: str) -> None:
    """What the survey read the attempt uses; after the handover it is forgotten."""
    it = bench(kind)

    async def story() -> None:
        await it.provider.survey(group())
        await it.provider.attempt(group(), yes)
        assert it.worker.asked == 1
        await it.provider.survey(group())
        assert it.worker.asked == 2

    asyncio.run(story())


@KINDS
def test_without_a_worker_nothing_is_known_and_nothing_lost(kind: str) -> None:
    """The survey says not now; an attempt is put off, for a reason of ours."""
    it = bench(kind)
    it.worker.down = NoAnswer("no process", ours=True)
    with pytest.raises(NotNow, match="no process"):
        asyncio.run(it.provider.survey(group()))
    (outcome,) = asyncio.run(it.provider.attempt(group(), yes)).outcomes.values()
    assert isinstance(outcome, Deferral)
    assert outcome.scope is Scope.US
    assert not it.exchange.requests


@KINDS
def test_connections_are_kept_by_the_exchange(kind: str) -> None:
    """Preparing asks it for some to the right place; an endpoint of one's own is used."""
    it = bench(kind, endpoint="http://127.0.0.1:9102")
    asyncio.run(it.provider.prepare(3))
    asyncio.run(it.provider.close())
    ((target, connections),) = it.exchange.prepared
    assert (target.host, target.port, target.tls, connections) == ("127.0.0.1", 9102, False, 3)
