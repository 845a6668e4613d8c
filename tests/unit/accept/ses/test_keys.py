"""Signing keys: whose signature it is, at one cost for everybody."""

import hmac
from typing import Any

import pytest

from posthorse.accept.credentials import Credential
from posthorse.accept.ses import keys as module
from posthorse.accept.ses.keys import SigningKeys
from posthorse.accept.ses.sigv4 import Claim
from posthorse.mail.ids import MAIN_TENANT

SHOP = Credential(id="AKIASHOP", tenant=MAIN_TENANT, secret="secret of the shop")
SMTP_ONLY = Credential(id="AKIASMTP", tenant=MAIN_TENANT)


def claim(key_id: str = "AKIASHOP", signature: bytes = b"0" * 64, region: bytes = b"us-east-1") -> Claim:
    """A claim of this key."""
    return Claim(
        access_key_id=key_id,
        day=b"20261124",
        region=region,
        service=b"ses",
        stamp=b"20261124T120000Z",
        signed=b"host",
        signature=signature,
        has_token=False,
        fields={},
    )


def right(text: bytes, region: bytes = b"us-east-1") -> Claim:
    """A claim with the shop's right signature over `text`."""
    key = b"AWS4" + SHOP.secret.encode()
    for part in (b"20261124", region, b"ses", b"aws4_request"):
        key = hmac.digest(key, part, "sha256")
    return claim(signature=hmac.digest(key, text, "sha256").hex().encode(), region=region)


def test_right_signature_has_its_owner() -> None:
    """The first and every further one, the key being derived once."""
    keys = SigningKeys([SHOP])
    assert [keys.owner(right(text), text) for text in (b"a", b"b")] == [MAIN_TENANT] * 2


@pytest.mark.parametrize("key_id", ["AKIASHOP", "AKIANOBODY", "AKIASMTP", "\0"])
def test_wrong_signature_has_none(key_id: str) -> None:
    """Of a known key, an unknown one, one without a secret, and one that no configuration can name."""
    assert SigningKeys([SHOP, SMTP_ONLY]).owner(claim(key_id), b"text") is None


def test_a_key_that_logs_in_by_smtp_only_is_told_in_the_log() -> None:
    """Apart from keys that nobody knows, and from those that could sign."""
    keys = SigningKeys([SHOP, SMTP_ONLY])
    assert [keys.lacks_secret(one) for one in ("AKIASHOP", "AKIASMTP", "AKIAOTHER")] == [False, True, False]


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("key_id", ["AKIASHOP", "AKIANOBODY", "AKIASMTP"])
def test_wrong_costs_the_same(key_id: str, monkeypatch: pytest.MonkeyPatch, *, used_before: bool) -> None:
    """The same number of digests, whether or not the key exists and whether or not it was used of late."""
    keys, digests = SigningKeys([SHOP, SMTP_ONLY]), 0
    if used_before:
        keys.owner(right(b"text"), b"text")

    def counted(*given: Any) -> bytes:
        nonlocal digests
        digests += 1
        return hmac.digest(*given)

    monkeypatch.setattr(
        module, "hmac", type("Counting", (), {"digest": counted, "compare_digest": hmac.compare_digest})
    )
    assert keys.owner(claim(key_id), b"text") is None
    assert digests == 5


def test_strangers_fill_no_memory() -> None:
    """Only a right signature keeps a derived key."""
    keys = SigningKeys([SHOP])
    for number in range(100):
        keys.owner(claim(region=b"mars-%d" % number), b"text")
        keys.owner(claim("AKIANOBODY", region=b"mars-%d" % number), b"text")
    assert keys._derived == {}


def test_key_of_the_configuration_comes_first() -> None:
    """One that has a password only takes the place of a stored one that has a secret, as it does in SMTP."""
    stored = Credential(id="AKIASMTP", tenant=MAIN_TENANT, secret="stored")
    assert not SigningKeys([stored, SMTP_ONLY]).knows("AKIASMTP")


def test_secrets_are_shown_nowhere() -> None:
    """Not in the text of the object either."""
    assert "secret of" not in repr(SigningKeys([SHOP]))
