"""The door of SNS: what is let in, what is not and why, and what is fetched from whom."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.mail.ports import ExchangeFailed, HttpResponse
from posthorse.mail.stream import SECOND
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming
from posthorse.providers.ses_notices import SesNotices
from posthorse.providers.sns_certificate import (
    FAILED_FOR_S,
    MOST_FAILURES,
    MOST_FAILURES_OF_ONE_PEER,
    MOST_FETCHES,
    MOST_KEPT,
    SigningKeys,
)
from tests.unit.providers.notice_kit import (
    CERTIFICATE_URL,
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
)

Run = Callable[[Coroutine[Any, Any, Any]], Any]
HOUR = 3_600 * SECOND


def verdict(incoming: Incoming, reader: SesNotices | None = None) -> Genuine | Attended | Forged:
    """What the door says to one post."""
    return asyncio.run((reader or ses()).verify(incoming))


def why(incoming: Incoming, reader: SesNotices | None = None) -> str:
    """The word for what is not let in."""
    found = verdict(incoming, reader)
    assert isinstance(found, Forged), found
    return found.why


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


HOST = "sns.us-east-1.amazonaws.com"
PEM = "SimpleNotificationService-0a1b.pem"
ELSEWHERE = [
    "https://evil.com/x.pem",
    f"https://evil.com/{PEM}",
    f"https://{HOST}.evil.com/{PEM}",
    f"https://sns-us-east-1.s3.amazonaws.com/{PEM}",
    f"https://sns.evil.amazonaws.com@evil.com/{PEM}",
    f"https://{HOST}@evil.com/{PEM}",
    f"https://user@{HOST}/{PEM}",
    f"http://{HOST}/{PEM}",
    f"file://{HOST}/{PEM}",
    f"https://{HOST}:8443/{PEM}",
    f"https://{HOST}:443/{PEM}",
    f"https://{HOST}/{PEM}#x",
    f"https://{HOST}/{PEM}?x=1",
    f"https://{HOST}./{PEM}",
    f"https://{HOST.upper()}/{PEM}",
    f"HTTPS://{HOST}/{PEM}",
    f"https://{HOST.replace('.', chr(0x2024))}/{PEM}",
    f"https://{HOST}/../{PEM}",
    f"https://{HOST}//{PEM}",
    f"https://{HOST}/a/{PEM}",
    f"https://{HOST}/{PEM}/",
    f"https://{HOST}/{PEM}\n",
    f"https://{HOST}/{PEM}%00",
    f"https://{HOST}/SimpleNotificationService-.pem",
    f"https://{HOST}/SimpleNotificationService-xyz.pem",
    f"https://{HOST}/SimpleNotificationService-{'a' * 65}.pem",
    f"https://{HOST}\\@evil.com/{PEM}",
    f"https://sns.eu-west-1.amazonaws.com/{PEM}",
    f"https://sns.us-east-1.amazonaws.com.cn/{PEM}",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_certificate_is_fetched_from_sns_only(url: str) -> None:
    """Every other address is refused, and nobody is asked anything."""
    exchange = serving()
    assert why(sns_post(signed(envelope("x", SigningCertURL=url))), ses(exchange)) == "certificate_url"
    assert exchange.asked == []


def test_a_certificate_is_fetched_once_for_all(run: Run) -> None:
    """Fifty posts at once and fifty after them: one fetch, verified TLS, port 443, no query."""
    exchange = serving()

    async def story() -> None:
        reader = ses(exchange)
        for _ in range(2):
            posts = [reader.verify(sns_post(signed(envelope(str(n))))) for n in range(50)]
            assert all(isinstance(found, Genuine) for found in await asyncio.gather(*posts))

    run(story())
    (asked,) = exchange.asked
    assert (asked.target.host, asked.target.port, asked.target.tls, asked.target.ca_file) == (HOST, 443, True, "")
    assert asked.path == CERTIFICATE_URL.removeprefix(f"https://{HOST}")
    assert asked.method == "GET"


@pytest.mark.parametrize(
    ("pem", "word"),
    [
        (certificate("sns", "evil.example.com"), "certificate"),
        (certificate("sns", "sns.amazonaws.com.evil.example"), "certificate"),
        (certificate("sns", "sns.amazonaws.com", days=-1, begins=-9), "certificate"),
        (certificate("sns", "sns.amazonaws.com", days=9, begins=2), "certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
        (b"<html>", "certificate"),
        (b"x" * (65 << 10), "certificate_unavailable"),
        (certificate("stranger"), "signature"),
    ],
)
def test_a_certificate_that_does_not_hold_ends_it(pem: bytes, word: str) -> None:
    """Of another name, out of its dates, no certificate, too large, of another key."""
    assert why(sns_post(signed(envelope("x"))), ses(serving(pem))) == word


@pytest.mark.parametrize("answer", [ExchangeFailed("refused"), HttpResponse(status=404), HttpResponse(status=302)])
def test_a_certificate_that_cannot_be_had_is_asked_for_again_later(answer: HttpResponse | Exception) -> None:
    """SNS is told to come again, and we do not ask for the certificate meanwhile; a redirect is not followed."""
    host, _, path = CERTIFICATE_URL.removeprefix("https://").partition("/")
    exchange = FakeExchange(answers={f"{host}/{path}": answer})

    async def story() -> None:
        reader = ses(exchange)
        post = signed(envelope("x"))
        for _ in range(5):
            assert await reader.verify(sns_post(post)) == Forged(why="certificate_unavailable", status=503)
        assert len(exchange.asked) == 1
        exchange.answers = serving().answers
        later = NOW + int(FAILED_FOR_S * SECOND) + SECOND
        assert isinstance(await reader.verify(sns_post(post, now=later)), Genuine)

    asyncio.run(story())


def made_up(n: int) -> str:
    """An address at which SNS has nothing."""
    return CERTIFICATE_URL.replace("0a1b2c3d", f"{n:08x}")


def test_who_makes_up_certificates_exhausts_his_own_part(run: Run) -> None:
    """He gets a few fetches, then none; SNS, which comes from elsewhere, is let in, known certificate or not."""
    exchange = serving()

    async def story() -> None:
        reader = ses(exchange)
        for n in range(500):
            found = await reader.verify(sns_post(signed(envelope("x", SigningCertURL=made_up(n)))))
            assert found == Forged(why="certificate_unavailable", status=503)
        assert len(exchange.asked) == MOST_FAILURES_OF_ONE_PEER
        assert isinstance(await reader.verify(sns_post(signed(envelope("x")), peer="192.0.2.10")), Genuine)
        assert isinstance(await reader.verify(sns_post(signed(envelope("y")))), Genuine)

    run(story())


def test_certificates_without_end_are_not_fetched(run: Run) -> None:
    """However many strangers there are; what is known goes on."""
    exchange = serving()

    async def story() -> None:
        reader = ses(exchange)
        good = sns_post(signed(envelope("x")))
        assert isinstance(await reader.verify(good), Genuine)
        for n in range(500):
            await reader.verify(sns_post(signed(envelope("x", SigningCertURL=made_up(n))), peer=f"stranger {n}"))
        assert isinstance(await reader.verify(good), Genuine)

    run(story())
    assert len(exchange.asked) == 1 + MOST_FAILURES


def test_at_most_a_few_certificates_are_fetched_at_once(run: Run) -> None:
    """One for each peer; beyond it the answer is to come again; whoever gave up waiting does not end the fetch."""
    exchange = serving()

    async def story() -> None:
        exchange.gate = asyncio.Event()
        keys = SigningKeys(exchange)
        waiting = [asyncio.ensure_future(keys.key_at(CERTIFICATE_URL, "us-east-1", NOW, "0"))]
        waiting += [asyncio.ensure_future(keys.key_at(made_up(n), "us-east-1", NOW, f"{n // 2}")) for n in range(40)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(exchange.asked) == MOST_FETCHES
        waiting[0].cancel()
        exchange.gate.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await keys.key_at(CERTIFICATE_URL, "us-east-1", NOW) is not None

    run(story())
    assert len(exchange.asked) == MOST_FETCHES
    assert MOST_KEPT < 100


class Memory:
    """Remembers in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def known(self) -> dict[str, bytes]:
        """What was remembered."""
        return self.kept

    async def remember(self, url: str, pem: bytes) -> None:
        """Remember it."""
        self.kept[url] = pem


def test_a_certificate_that_proved_a_message_outlives_a_start(run: Run) -> None:
    """The next start asks nobody; one that proved nothing, ended, or is not SNS's is not taken from there."""
    memory = Memory()

    async def story() -> None:
        await ses(memory=memory).verify(sns_post(signed(envelope("x"), "stranger")))
        assert memory.kept == {}
        await ses(memory=memory).verify(sns_post(signed(envelope("x"))))
        assert memory.kept == {CERTIFICATE_URL: certificate()}
        nobody = FakeExchange()
        assert isinstance(await ses(nobody, memory=memory).verify(sns_post(signed(envelope("y")))), Genuine)
        assert nobody.asked == []
        for odd in (certificate("sns", "evil.example"), b"nonsense"):
            memory.kept[CERTIFICATE_URL] = odd
            found = await ses(nobody, memory=memory).verify(sns_post(signed(envelope("y"))))
            assert found == Forged(why="certificate_unavailable", status=503)
        memory.kept[CERTIFICATE_URL] = certificate("sns", days=-1, begins=-9)
        assert await ses(nobody, memory=memory).verify(sns_post(signed(envelope("y")))) == Forged(why="certificate")

    run(story())


def test_a_pinned_certificate_needs_no_network() -> None:
    """What is given in a file counts, wherever the message says its own is; nothing is fetched."""
    exchange = FakeExchange()
    reader = ses(exchange, pinned=certificate("sns", "lab.example"))
    assert isinstance(
        verdict(sns_post(signed(envelope("x", SigningCertURL="http://127.0.0.1:1/x.pem"))), reader), Genuine
    )
    assert why(sns_post(signed(envelope("x"), "stranger")), reader) == "signature"
    expired = ses(exchange, pinned=certificate("sns", days=-1, begins=-9))
    assert why(sns_post(signed(envelope("x"))), expired) == "certificate"
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
