"""Certificates of SNS: fetched from whom, how often, and what they must hold."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.mail.ports import ExchangeFailed, HttpResponse
from posthorse.mail.stream import SECOND
from posthorse.providers.notices import Forged, Genuine
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
    HOST,
    NOW,
    FakeExchange,
    certificate,
    envelope,
    serving,
    ses,
    signed,
    sns_post,
    verdict,
    why,
)

Run = Callable[[Coroutine[Any, Any, Any]], Any]
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
