"""Signatures as Standard Webhooks has them, checked by another implementation and by hand."""

import hmac
from base64 import b64decode, b64encode
from hashlib import sha256
from time import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from posthorse.feedback.webhook_signature import read_secret, signed_headers

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
NEXT = "whsec_" + b64encode(bytes(range(1, 33))).decode()
BODY = b'{"type":"message.delivered"}'


@pytest.mark.parametrize("secret", [SECRET, NEXT])
def test_a_receiver_with_either_secret_believes_it(secret: str) -> None:
    """With two secrets the reference library takes the same request under each of them."""
    headers = dict(signed_headers("evt_1", int(time()), BODY, [read_secret(SECRET), read_secret(NEXT)]))
    assert Webhook(secret).verify(BODY, headers) == {"type": "message.delivered"}


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "body"])
def test_whatever_is_changed_is_noticed(change: str) -> None:
    """Id, second and body are all under the signature."""
    headers = dict(signed_headers("evt_1", int(time()), BODY, [read_secret(SECRET)]))
    if change == "webhook-timestamp":
        headers[change] = str(int(headers[change]) - 1)
    elif change == "webhook-id":
        headers[change] = "evt_2"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" " if change == "body" else BODY, headers)


def test_it_is_the_hmac_of_id_second_and_body() -> None:
    """The signature is made of exactly these bytes, one per secret, parted by a space."""
    headers = dict(signed_headers("evt_1", 1_700_000_000, BODY, [read_secret(SECRET), read_secret(NEXT)]))
    wanted = [
        "v1," + b64encode(hmac.digest(b64decode(key[6:]), b"evt_1.1700000000." + BODY, sha256)).decode()
        for key in (SECRET, NEXT)
    ]
    assert headers["webhook-signature"].split(" ") == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not begin"),
        ("sk_abcdef", "does not begin"),
        ("whsec_", "0 bytes"),
        ("whsec_!!!", "no base64"),
        ("whsec_" + b64encode(bytes(23)).decode(), "23 bytes"),
        ("whsec_" + b64encode(bytes(65)).decode(), "65 bytes"),
        ("whsec_ä", "no base64"),
    ],
)
def test_a_secret_that_is_none(text: str, why: str) -> None:
    """A secret without its prefix, its base64 or its length is refused, and is not in the reason."""
    with pytest.raises(ValueError, match=why) as caught:
        read_secret(text)
    assert text == "" or text not in str(caught.value)
