"""Our DKIM signatures, verified by dkimpy, which others wrote."""

import asyncio
import base64
import json
from collections.abc import Sequence

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.lab.ses_mail import read_send_email, rewritten
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName, Tenant
from posthorse.mail.large import LARGE_BYTES, SLICE_BYTES
from posthorse.mail.message import Message
from posthorse.mail.outcome import Handover
from posthorse.mail.stream import Stream
from posthorse.providers.dkim.canonical import relaxed_body, relaxed_field, relaxed_pieces
from posthorse.providers.dkim.signature import SigningKey, read_key
from posthorse.providers.dkim.signing import Keyring, SigningProvider
from posthorse.providers.port import AttemptReport, Capability, Fidelity, HandoverGroup, ReleaseGate
from posthorse.providers.ses import SesProvider

RSA = generate_private_key(public_exponent=65537, key_size=2048)
ED = Ed25519PrivateKey.generate()
KEYS = (
    SigningKey(domain="example.com", selector="ph1", key=RSA),
    SigningKey(domain="example.com", selector="ph2", key=ED),
)
MAIL = (
    b"Received: from a by b with ESMTP; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b'From: "Shop, the" <noreply@Example.com>\r\nTo: a@example.org,\r\n b@example.org\r\n'
    b"Subject:  =?utf-8?q?Gr=C3=BC=C3=9Fe?=\t and\r\n  more \r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"List-Unsubscribe: <https://example.com/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"\r\nHello  there,\t\r\n\r\n  this is  it. \r\n\r\n\r\n"
)


class Out:
    """A way out that keeps what it was given."""

    kind = "smtp"

    def __init__(self, rewrites: tuple[str, ...] = ()) -> None:
        self.name = ProviderName("out")
        self.bodies: list[bytes] = []
        self.capability = Capability(
            fidelity=Fidelity.WRAPPED if rewrites else Fidelity.EXACT,
            separate_envelope=True,
            max_recipients=100,
            max_size_bytes=1 << 40,
            smtputf8=True,
            rewrites=rewrites,
        )

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """Take it."""
        self.bodies.append(group.body)
        return AttemptReport(outcomes={n: Handover() for n, _ in group.recipients})

    async def prepare(self, connections: int) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""


class Stopped:
    """A clock that stands."""

    def now(self) -> int:
        """Always the same moment."""
        return 1_795_000_000_000_000

    def monotonic(self) -> float:
        """Always the same moment."""
        return 0.0


async def _yes(_: Sequence[int]) -> bool:
    return True


def signed(body: bytes, keyring: Keyring, out: Out | None = None, tenant: Tenant = MAIN_TENANT) -> bytes:
    """What a way out gets of this body."""
    out = out or Out()
    message = Message(
        id=MessageId(bytes(16)),
        tenant=tenant,
        stream=Stream.STANDARD,
        sender="bounce@example.com",
        size_bytes=len(body),
        accepted_at=1,
        expires_at=2,
    )
    group = HandoverGroup(message=message, body=body, recipients=((0, "a@example.org"),))
    asyncio.run(SigningProvider(out, keyring, Stopped()).attempt(group, _yes))
    return out.bodies[0]


def keyring(keys: Sequence[SigningKey] = KEYS, tenant: Tenant = MAIN_TENANT) -> Keyring:
    """A keyring of one tenant."""
    return Keyring((tenant, key) for key in keys)


def verdicts(mail: bytes, keys: Sequence[SigningKey] = KEYS) -> list[bool]:
    """Whether each signature holds, as dkimpy sees it, by our own records."""
    records = {f"{key.selector}._domainkey.{key.domain}.".encode(): key.record.encode() for key in keys}
    count = mail.count(b"DKIM-Signature: ")
    return [_holds(mail, records, number) for number in range(count)]


def _holds(mail: bytes, records: dict[bytes, bytes], number: int) -> bool:
    try:
        judge = dkim.DKIM(mail, minkey=1024)
        return bool(judge.verify(idx=number, dnsfunc=lambda name, timeout=5: records.get(name)))
    except dkim.ValidationError:
        return False


def test_rsa_and_ed25519_hold_side_by_side() -> None:
    """A domain with two keys gets two signatures, and a foreign verifier accepts both."""
    mail = signed(MAIL, keyring())
    assert mail.endswith(MAIL)
    assert verdicts(mail) == [True, True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"this is", b"that is"),
        (b"<1@example.com>", b"<2@example.com>"),
        (b"One-Click", b"Two-Click"),
        (b"a@example.org,", b"c@example.org,"),
        (b"MIME-Version", b"Subject: second\r\nMIME-Version"),
        (b"MIME-Version", b"Cc: another@example.org\r\nMIME-Version"),
        (b"MIME-Version", b"From: another@example.org\r\nMIME-Version"),
        (b"MIME-Version", b"Reply-To: another@example.org\r\nMIME-Version"),
    ],
)
def test_a_change_is_seen(old: bytes, new: bytes) -> None:
    """Whoever changes what a reader sees, or adds a field that stands once, breaks both signatures."""
    mail = signed(MAIL, keyring())
    top, rest = mail[: -len(MAIL)], mail[-len(MAIL) :]
    assert verdicts(top + rest.replace(old, new, 1)) == [False, False]


def test_what_a_mail_server_may_do_does_no_harm() -> None:
    """Refolded and re-spaced fields, trailing space, new trace fields: both signatures still hold."""
    mail = signed(MAIL, keyring()).replace(b"a@example.org,\r\n b@", b"a@example.org,\r\n\t  b@")
    mail = mail.replace(b"Hello  there,\t\r\n", b"Hello there,\r\n").rstrip(b"\r\n") + b"\r\n"
    assert verdicts(b"Received: by another\r\n" + mail) == [True, True]


def test_what_the_way_out_rewrites_is_left_out() -> None:
    """SES puts its own Message-ID, Date and Return-Path; our signature holds all the same."""
    mail = signed(MAIL, keyring(), Out(rewrites=SesProvider.capability.rewrites))
    raw = base64.b64encode(mail).decode()
    taken = read_send_email(json.dumps({"Content": {"Raw": {"Data": raw}}}).encode())
    arrived = rewritten(taken, message_id="0100", region="us-east-1", now=1_795_000_000_000_000)
    assert b"<0100@email.amazonses.com>" in arrived
    assert verdicts(arrived) == [True, True]


def test_the_key_of_the_nearest_domain_above_signs() -> None:
    """Mail from a name below a domain with keys is signed by that domain; mail from elsewhere is not signed."""
    below = MAIL.replace(b"noreply@Example.com", b"noreply@news.shop.example.com")
    assert verdicts(signed(below, keyring())) == [True, True]
    for other in (b"noreply@example.net", b"noreply@notexample.com", b"noreply@com"):
        elsewhere = MAIL.replace(b"noreply@Example.com", other)
        assert signed(elsewhere, keyring()) == elsewhere


def test_another_tenants_key_never_signs() -> None:
    """A tenant's mail is signed by its own keys only."""
    assert signed(MAIL, keyring(tenant=Tenant("shop"))) == MAIL
    assert verdicts(signed(MAIL, keyring(tenant=Tenant("shop")), tenant=Tenant("shop"))) == [True, True]


@pytest.mark.parametrize("author", [b"", b"From: a@example.com (unclosed\r\n", b"From: a@exam\xffple.com\r\n"])
def test_without_one_author_nothing_is_signed(author: bytes) -> None:
    """A From field without a single meaning is nobody's, and gets no signature."""
    mail = author + MAIL[MAIL.index(b"To: ") :]
    assert signed(mail, keyring()) == mail


def test_an_internationalised_author_is_found_by_its_dns_name() -> None:
    """The domain of the configuration is the one in DNS; the From field may have it in Unicode."""
    keys = (SigningKey(domain="xn--bcher-kva.example", selector="ph1", key=ED),)
    mail = MAIL.replace(b"Example.com", "bücher.example".encode())
    assert verdicts(signed(mail, keyring(keys)), keys) == [True]


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"\r\n\r\n\r\n", b" \t\r\n \r\n", b"no end", b"no end \t", b" x", b"x\r\n \r\ny"]
)
def test_odd_bodies_hold(body: bytes) -> None:
    """Empty, blank, unended and indented bodies are signed as a foreign verifier reads them when they have arrived."""
    head = MAIL[: MAIL.index(b"\r\n\r\n") + 4]
    mail = signed(head + body, keyring())
    assert verdicts(mail if mail.endswith(b"\r\n") else mail + b"\r\n") == [True, True]


@settings(deadline=None)
@given(st.text("ab \t\n", max_size=60), st.integers(1, 7))
def test_a_body_in_pieces_is_the_same_body(text: str, size: int) -> None:
    """Wherever a large body is cut, its relaxed form is that of the whole."""
    body = text.replace("\n", "\r\n").encode()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert b"".join(relaxed_pieces(pieces)) == relaxed_body(body)


def test_a_large_body_is_signed_in_turns() -> None:
    """A body beyond one slice, with blank lines over several slices inside, holds too."""
    line = b"0123456789  abcdef\t\r\n"
    body = line * (LARGE_BYTES // len(line)) + b"\r\n" * SLICE_BYTES + b"the end \r\n\r\n"
    head = MAIL[: MAIL.index(b"\r\n\r\n") + 4]
    assert verdicts(signed(head + body, keyring(KEYS[1:])), KEYS[1:]) == [True]


@pytest.mark.parametrize(
    ("field", "relaxed"),
    [
        (b"A: X", b"a:X"),
        (b"B : Y\t\r\n\tZ  ", b"b:Y Z"),
        (b"Subject:", b"subject:"),
    ],
)
def test_the_examples_of_the_standard(field: bytes, relaxed: bytes) -> None:
    """RFC 6376 section 3.4.5."""
    assert relaxed_field(field) == relaxed


def test_keys_are_read_or_refused_with_the_reason() -> None:
    """RSA and Ed25519 in PEM; weak, locked, foreign and senseless ones are refused without showing them."""

    def pem(key: object, lock: object = NoEncryption()) -> str:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()  # type: ignore[attr-defined, no-any-return]

    assert read_key(pem(RSA)) is not None
    assert read_key(pem(ED)) is not None
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
    from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec

    for text, why in (
        ("nonsense", "no private key"),
        (pem(RSA, BestAvailableEncryption(b"x")), "passphrase"),
        (pem(generate_ec(SECP256R1())), "neither"),
    ):
        with pytest.raises(ValueError, match=why):
            read_key(text)
