"""The door of SNS: what is let in, what is not and why, and what is fetched from whom."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.mail.ports import ExchangeFailed, HttpResponse
from posthorse.mail.stream import SECOND
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming
from tests.unit.providers.notice_kit import (
    HOST,
    NOW,
    SIGNED,
    TOPIC,
    FakeExchange,
    certificate,
    confirmation,
    envelope,
    serving,
    ses,
    signed,
    sns_headers,
    sns_post,
    verdict,
    why,
)

Run = Callable[[Coroutine[Any, Any, Any]], Any]


HOUR = 3_600 * SECOND


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "subject", ["Amazon SES Email Event Notification", None, "", "with\nline end", "ünïcode \u2028"]
)
def test_what_sns_signed_is_let_in(version: str, subject: str | None) -> None:
    """Both versions of the signature, with and without a subject."""
    post = sns_post(signed(envelope("hello", SignatureVersion=version, Subject=subject)))
    assert isinstance(verdict(post), Genuine)


def test_a_repetition_has_the_same_key_and_another_message_has_not() -> None:
    """The key is of topic, id and message; what SNS changes in between does not matter."""
    first = verdict(sns_post(signed(envelope("hello"))))
    again = verdict(sns_post(signed(envelope("hello", Timestamp="2026-03-02T10:15:39.000Z", SignatureVersion="2"))))
    others = [
        verdict(sns_post(signed(envelope(*text, **fields))))
        for text, fields in [(["hallo"], {}), (["hello"], {"MessageId": "x"})]
    ]
    assert isinstance(first, Genuine)
    assert first == again
    assert len({first.key, *(each.key for each in others if isinstance(each, Genuine))}) == 3


@pytest.mark.parametrize("field", SIGNED)
def test_a_signed_field_that_was_changed_is_found(field: str) -> None:
    """Each field that is signed, changed by one letter after signing."""
    fields = signed(envelope("hello"))
    changed = {**fields, field: fields[field] + "x"}
    post = sns_post(changed)
    assert why(post) in {"signature", "topic", "type", "stale"}
    assert field not in {"Message", "MessageId", "Subject"} or why(post) == "signature"


@pytest.mark.parametrize("age_us", [-5 * 60 * SECOND, 0, HOUR, HOUR + 5 * 60 * SECOND])
def test_what_sns_tries_again_within_an_hour_is_let_in(age_us: int) -> None:
    """An hour of retries with five minutes for clocks, at the edges."""
    made = NOW - 8 * SECOND
    assert isinstance(verdict(sns_post(signed(envelope("hello")), now=made + age_us)), Genuine)
    beyond = made + age_us + (SECOND if age_us > HOUR else -SECOND if age_us < 0 else 0)
    if beyond != made + age_us:
        assert why(sns_post(signed(envelope("hello")), now=beyond)) == "stale"


@pytest.mark.parametrize("timestamp", ["", "now", "2026", "2026-03-02", "2026-03-02T10:15:32.000+99:00"])
def test_a_time_that_is_none_is_stale(timestamp: str) -> None:
    """Whatever cannot be read as a moment within the hour."""
    assert why(sns_post(signed(envelope("hello", Timestamp=timestamp)))) == "stale"


REFUSED: list[tuple[str, Incoming, str]] = [
    ("no JSON", Incoming(headers=sns_headers(), body=b"hello", now=NOW), "malformed"),
    ("no bytes", Incoming(headers=sns_headers(), body=b"", now=NOW), "malformed"),
    ("deep JSON", Incoming(headers=sns_headers(), body=b"[" * 100_000, now=NOW), "malformed"),
    ("an array", Incoming(headers=sns_headers(), body=b"[]", now=NOW), "malformed"),
    ("a field of another type", sns_post({**signed(envelope("x")), "MessageId": 7}), "malformed"),
    (
        "no message",
        sns_post({key: value for key, value in signed(envelope("x")).items() if key != "Message"}),
        "malformed",
    ),
    ("raw delivery", Incoming(headers={"x-amz-sns-rawdelivery": "true"}, body=b"{}", now=NOW), "raw_delivery"),
    ("an unknown type", sns_post(signed(envelope("x", Type="Surprise"))), "type"),
    ("another type in the header", sns_post(signed(envelope("x")), kind="SubscriptionConfirmation"), "type"),
    (
        "another topic, validly signed",
        sns_post(signed(envelope("x", TopicArn="arn:aws:sns:us-east-1:999999999999:mine"))),
        "topic",
    ),
    ("a topic that begins alike", sns_post(signed(envelope("x", TopicArn=TOPIC + "-2"))), "topic"),
    ("signature version 3", sns_post(signed(envelope("x", SignatureVersion="3"))), "signature_version"),
    ("no signature version", sns_post(signed(envelope("x", SignatureVersion=None))), "signature_version"),
    ("no signature", sns_post(envelope("x")), "signature"),
    ("a signature that is no base64", sns_post({**envelope("x"), "Signature": "!!!"}), "signature"),
    ("a signature without end", sns_post({**envelope("x"), "Signature": "A" * 5_000}), "signature"),
    ("another key", sns_post(signed(envelope("x"), "stranger")), "signature"),
    ("version 2 signed as 1", sns_post({**signed(envelope("x")), "SignatureVersion": "2"}), "signature"),
    (
        "the subject left out when signing",
        sns_post(signed(envelope("x"), names=("Message", "MessageId", "Timestamp", "TopicArn", "Type"))),
        "signature",
    ),
    ("a subject put in after signing", sns_post({**signed(envelope("x", Subject=None)), "Subject": "y"}), "signature"),
    (
        "a lone surrogate",
        Incoming(
            headers=sns_headers(),
            body=json.dumps({**signed(envelope("x")), "Message": "\ud800"}).encode(),
            now=NOW,
        ),
        "malformed",
    ),
]


@pytest.mark.parametrize(("incoming", "word"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_not_from_our_topics_is_not_let_in(incoming: Incoming, word: str) -> None:
    """Each for its own reason."""
    found = verdict(incoming)
    assert found in (Forged(why=word), Forged(why="signature")), found
    assert isinstance(found, Forged)
    assert found.why == word or word == "malformed"


def test_nothing_is_fetched_for_another_topic() -> None:
    """Anybody's topic has a valid signature: the list comes first."""
    exchange = serving()
    assert why(sns_post(signed(envelope("x", TopicArn="arn:aws:sns:us-east-1:1:x"))), ses(exchange)) == "topic"
    assert exchange.asked == []


def test_a_subscription_is_confirmed_by_topic_and_token() -> None:
    """`SubscribeURL` leads anywhere and is never asked; the same token is confirmed once."""
    exchange = serving()

    async def story() -> None:
        reader = ses(exchange)
        for url in ("http://169.254.169.254/latest", "http://127.1/", "http://[::1]/", "file:///etc/passwd"):
            post = sns_post(signed(confirmation(SubscribeURL=url)))
            assert isinstance(await reader.verify(post), Attended)

    asyncio.run(story())
    asked = [request for request in exchange.asked if not request.path.endswith(".pem")]
    assert [(each.target.host, each.target.port, each.target.tls) for each in asked] == [(HOST, 443, True)]
    assert asked[0].path == (
        "/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Aposthorse"
        "&Token=2336412f37fb687f5d51e6e2425f004a&AuthenticateOnUnsubscribe=true&Version=2010-03-31"
    )


def test_a_token_cannot_change_the_request() -> None:
    """Whatever stands in it is encoded."""
    exchange = serving()
    verdict(sns_post(signed(confirmation(Token="a&Action=Unsubscribe#\r\nHost: evil"))), ses(exchange))
    assert exchange.asked[-1].path.count("&") == 4
    assert "Token=a%26Action%3DUnsubscribe%23%0D%0AHost%3A%20evil&" in exchange.asked[-1].path


@pytest.mark.parametrize("answer", [ExchangeFailed("refused"), HttpResponse(status=500), HttpResponse(status=403)])
def test_a_subscription_that_could_not_be_confirmed_is_offered_again(answer: HttpResponse | Exception) -> None:
    """503: SNS comes again, and then it works."""
    exchange = serving()
    works = dict(exchange.answers)
    exchange.answers[f"{HOST}/"] = answer

    async def story() -> None:
        reader = ses(exchange)
        post = sns_post(signed(confirmation()))
        assert await reader.verify(post) == Forged(why="confirmation", status=503)
        exchange.answers = works
        assert await reader.verify(post) == Attended(what="subscription confirmed")
        assert await reader.verify(post) == Attended(what="subscription confirmed before")

    asyncio.run(story())


def test_confirmations_go_one_at_a_time(run: Run) -> None:
    """While one is under way another is told to come again."""
    exchange = serving()

    async def story() -> None:
        reader = ses(exchange, pinned=certificate())
        exchange.gate = asyncio.Event()
        first = asyncio.ensure_future(reader.verify(sns_post(signed(confirmation()))))
        await asyncio.sleep(0)
        other = await reader.verify(sns_post(signed(confirmation(Token="another"))))
        assert other == Forged(why="confirmation", status=503)
        exchange.gate.set()
        assert isinstance(await first, Attended)

    run(story())


def test_being_unsubscribed_is_told_and_undone_by_nobody() -> None:
    """A flood of them asks nobody for anything."""
    exchange = FakeExchange()

    async def story() -> None:
        reader = ses(exchange, pinned=certificate())
        for n in range(200):
            post = sns_post(signed(confirmation("UnsubscribeConfirmation", Token=str(n))))
            assert await reader.verify(post) == Attended(what="unsubscribed")

    asyncio.run(story())
    assert exchange.asked == []


def test_a_confirmation_that_was_changed_asks_nobody() -> None:
    """Token, topic and address are signed."""
    exchange = FakeExchange()
    reader = ses(exchange, pinned=certificate())
    for name, value in (("Token", "other"), ("SubscribeURL", "https://evil.example"), ("Message", "hi")):
        assert why(sns_post({**signed(confirmation()), name: value}), reader) == "signature"
    assert exchange.asked == []
