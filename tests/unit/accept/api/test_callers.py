"""Who may call the native API: an access key with its secret, or a trusted source; the rest look alike."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from posthorse.accept.api.app import fields_of
from posthorse.accept.api.problems import ApiError, Code
from posthorse.accept.credentials import Credential, CredentialStore, smtp_password
from posthorse.accept.trusted import UNIX
from posthorse.mail.ids import MAIN_TENANT
from tests.unit.accept.api.desk import KEY, SECRET, TRUSTED_PEER, Desk, basic

Run = Callable[[Any], Any]
FAR = "203.0.113.9"


def test_a_secret_opens_over_tls_or_on_this_machine(run: Run) -> None:
    """Elsewhere credentials are not even looked at, as SMTP offers no AUTH there."""

    async def story() -> None:
        desk = Desk()
        assert (await desk.send()).status == 202
        assert (await desk.send(peer="::1")).status == 202
        assert (await desk.send(peer=FAR, tls=True)).status == 202
        right = await desk.send(peer=FAR)
        wrong = await desk.send(peer=FAR, authorization=basic(secret="wrong"))
        assert (right.status, right.json["code"]) == (403, "tls_required")
        assert right.body == wrong.body
        assert desk.told.logins == []

    run(story())


@pytest.mark.parametrize(
    "authorization",
    [
        basic(secret="wrong"),
        basic(user="AKIANOBODY"),
        basic(secret=smtp_password(SECRET, "us-east-1")),
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"no colon").decode(),
        "Basic " + b64encode(b":" + SECRET.encode()).decode(),
        "Basic " + b64encode(f"{KEY}:".encode()).decode(),
        "Basic " + b64encode(b"\xff:\xff").decode(),
        "Basic " + b64encode(b"x" * 5_000).decode(),
        f"Bearer {SECRET}",
        "AWS4-HMAC-SHA256 Credential=x",
    ],
)
def test_everybody_else_is_asked_for_credentials(run: Run, authorization: str) -> None:
    """401 with a challenge, whatever is wrong; the body of nobody is read."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.send(authorization=authorization)
        assert (answered.status, answered.json["code"]) == (401, "unauthenticated")
        assert answered.headers["www-authenticate"].startswith("Basic ")
        assert SECRET.encode() not in answered.body

    run(story())


def test_an_unknown_key_and_a_wrong_secret_look_alike(run: Run) -> None:
    """The same bytes, header for header."""

    async def story() -> None:
        desk = Desk()
        wrong = await desk.send(authorization=basic(secret="wrong"))
        unknown = await desk.send(authorization=basic(user="AKIANOBODY"))
        assert wrong == unknown
        assert desk.told.logins == [("127.0.0.1", False)] * 2

    run(story())


def test_guessing_is_throttled(run: Run) -> None:
    """After ten wrong secrets not even the right one is looked at for a while; another user still comes in."""

    async def story() -> None:
        desk = Desk()
        for _ in range(10):
            assert (await desk.send(authorization=basic(secret="wrong"))).status == 401
        answered = await desk.send()
        assert (answered.status, answered.json["code"], answered.headers["retry-after"]) == (
            429,
            "login_throttled",
            "30",
        )
        assert desk.told.logins[-1] == ("127.0.0.1", True)
        desk.clock.advance(31)
        assert (await desk.send()).status == 202

    run(story())


def test_a_trusted_source_needs_no_credentials_but_is_no_browser(run: Run) -> None:
    """A web page shown at a trusted machine says that it is one, and is sent away; a wrong secret stays wrong there."""

    async def story() -> None:
        desk = Desk()
        assert (await desk.send(peer=TRUSTED_PEER, authorization=None)).status == 202
        for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "same-origin"}):
            answered = await desk.send(peer=TRUSTED_PEER, authorization=None, **headers)
            assert (answered.status, answered.json["code"]) == (403, "from_a_browser")
        assert (await desk.send(peer=FAR, authorization=None)).status == 401
        wrong = await desk.send(peer=TRUSTED_PEER, tls=True, authorization=basic(secret="wrong"))
        assert wrong.status == 401

    run(story())


def test_a_unix_socket_is_this_machine_and_trusted_only_if_named(run: Run) -> None:
    """Credentials may be given there without TLS; without any only who is named in `[[trusted_sources]]` comes in."""

    async def story() -> None:
        desk = Desk()
        assert (await desk.send(peer=UNIX)).status == 202
        assert (await desk.send(peer=UNIX, authorization=None)).status == 401
        desk = Desk(more_trusted=(UNIX,))
        assert (await desk.send(peer=UNIX, authorization=None)).status == 202
        assert (await desk.send(authorization=None)).status == 401

    run(story())


def test_a_forwarded_address_is_nobody(run: Run) -> None:
    """A header cannot make a caller local or trusted."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.send(peer=FAR, authorization=None, x_forwarded_for=TRUSTED_PEER, forwarded="for=::1")
        assert answered.status == 401

    run(story())


def test_a_field_that_decides_may_stand_once() -> None:
    """Two different Authorization fields could be read by two servers in two ways."""
    for name in (b"authorization", b"idempotency-key", b"content-type"):
        with pytest.raises(ApiError) as refused:
            fields_of([(name, b"a"), (name, b"b")])
        assert refused.value.code is Code.MALFORMED_REQUEST


def test_only_the_secret_itself_opens_and_only_where_there_is_one() -> None:
    """A key that has but an SMTP password cannot be used here, not even with an empty or a zero secret."""
    store = CredentialStore(
        [Credential(id="A", tenant=MAIN_TENANT, secret="s"), Credential(id="B", tenant=MAIN_TENANT)]
    )
    assert store.recognise_secret("A", "s", "peer") is not None
    for user, secret in (("A", "S"), ("A", ""), ("B", ""), ("B", "\0" * 32), ("", ""), ("C", "s")):
        assert store.recognise_secret(user, secret, "peer") is None
