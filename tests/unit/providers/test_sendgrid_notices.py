"""The door of SendGrid: signed over timestamp and raw body, for five minutes."""

import asyncio
import base64
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from posthorse.mail.ids import ProviderName
from posthorse.providers.notice_fields import MOST_EVENTS
from posthorse.providers.notices import Forged, Genuine, Incoming, Unreadable
from posthorse.providers.sendgrid_notices import SendGridNotices, read_public_key
from tests.unit.providers.notice_kit import NOW, public_key, sendgrid, sendgrid_headers

BODY = b'[{"email":"ada@example.net","event":"delivered","sg_message_id":"x"}]\r\n'
AT = NOW // 1_000_000
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"


def verdict(headers: Mapping[str, str], body: bytes = BODY) -> object:
    """What the door says."""
    return asyncio.run(sendgrid().verify(Incoming(headers=headers, body=body, now=NOW)))


@pytest.mark.parametrize("at_s", [AT, AT - 300, AT + 300])
def test_what_sendgrid_signed_is_let_in(at_s: int) -> None:
    """Within five minutes either way."""
    assert isinstance(verdict(sendgrid_headers(BODY, at_s)), Genuine)


@pytest.mark.parametrize("at_s", [AT - 301, AT + 301, 0, 4_070_908_800])
def test_what_is_old_or_of_the_future_is_not(at_s: int) -> None:
    """A second beyond five minutes, 1970, 2099."""
    assert verdict(sendgrid_headers(BODY, at_s)) == Forged(why="stale")


@pytest.mark.parametrize("at_s", [f"{AT}.0", f" {AT}", f"+{AT}", "1e9", "٣" * 10, "9" * 20, "-1", "0x10"])
def test_a_timestamp_that_is_no_plain_number_is_refused(at_s: str) -> None:
    """A fraction, a sign, another script, twenty digits."""
    assert verdict(sendgrid_headers(BODY, at_s)) == Forged(why="malformed")


def test_the_signature_is_over_the_raw_bytes() -> None:
    """The same JSON written otherwise, a byte more, the timestamp of another: refused."""
    good = sendgrid_headers(BODY)
    for body in (BODY.strip(), BODY.replace(b":", b": "), BODY + b" ", b"", BODY[1:]):
        assert verdict(good, body) == Forged(why="signature")
    assert verdict({**good, TIMESTAMP: str(AT + 1)}) == Forged(why="signature")


@pytest.mark.parametrize("given", ["!", "AAAA", "A" * 4_000, "v1,bad v1,good", ",".join(["AAAA"] * 1_000)])
def test_a_signature_that_is_none_is_refused(given: str) -> None:
    """No base64, no DER, without end, a list."""
    assert verdict({**sendgrid_headers(BODY), SIGNATURE: given}) == Forged(why="signature")


def test_a_good_signature_among_others_is_refused() -> None:
    """A field given twice is no signature."""
    good = sendgrid_headers(BODY)
    assert verdict({**good, SIGNATURE: f"AAAA, {good[SIGNATURE]}"}) == Forged(why="signature")


@pytest.mark.parametrize("missing", [SIGNATURE, TIMESTAMP])
def test_without_a_signature_nobody_comes_in(missing: str) -> None:
    """Neither field may be missing or empty."""
    good = sendgrid_headers(BODY)
    assert verdict({name: value for name, value in good.items() if name != missing}) == Forged(why="no_signature")
    assert verdict({**good, missing: ""}) == Forged(why="no_signature")


def test_another_key_is_refused() -> None:
    """Signed by a stranger, in full form."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    signature = stranger.sign(str(AT).encode() + BODY, ec.ECDSA(hashes.SHA256()))
    headers = {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: str(AT)}
    assert verdict(headers) == Forged(why="signature")


def test_a_repetition_has_the_same_key() -> None:
    """Whenever it was signed; other bytes have another."""
    first, again = verdict(sendgrid_headers(BODY)), verdict(sendgrid_headers(BODY, AT - 9))
    other = verdict(sendgrid_headers(BODY + b" "), BODY + b" ")
    assert isinstance(first, Genuine)
    assert isinstance(other, Genuine)
    assert first == again != other
    assert len(first.key) == 16


def test_the_key_is_taken_with_and_without_its_lines() -> None:
    """As SendGrid shows it, and as a PEM file."""
    lines = public_key()
    wrapped = f"-----BEGIN PUBLIC KEY-----\n{lines[:64]}\n{lines[64:]}\n-----END PUBLIC KEY-----\n"
    assert read_public_key(wrapped) == read_public_key(lines)


def rsa_public_key() -> str:
    """A key of another kind."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).public_key()
    return _encoded(key)


def p384_public_key() -> str:
    """A key on another curve."""
    return _encoded(ec.generate_private_key(ec.SECP384R1()).public_key())


def _encoded(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


@pytest.mark.parametrize(
    "text",
    ["", "hello", "AAAA", public_key()[:-8], rsa_public_key(), p384_public_key()],
    ids=["empty", "text", "short", "cut", "rsa", "p384"],
)
def test_a_key_that_is_none_is_refused_when_the_gateway_starts(text: str) -> None:
    """Not when the first notification comes; the text says nothing of the key."""
    with pytest.raises(ValueError, match="is no "):
        SendGridNotices(provider=ProviderName("sendgrid"), public_key=text)


def test_an_array_without_end_is_not_read() -> None:
    """More events than SendGrid puts into one post."""
    body = b"[" + b",".join([b"{}"] * (MOST_EVENTS + 1)) + b"]"
    with pytest.raises(Unreadable, match="too many events"):
        sendgrid().read(body, {})
