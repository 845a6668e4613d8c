"""Signature v4, held to the signer that AWS's own client uses."""

from datetime import UTC, datetime
from hashlib import sha256

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from posthorse.providers.sigv4 import Signer

NOW = 1_767_225_599_999_999
"""The last microsecond of 2025: a day that ends."""
BODIES = [b"", b"{}", b"x" * 20_000, '{"a":"\u00e9"}'.encode()]


def by_botocore(now: int, token: str, body: bytes, host: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The headers botocore adds to the same request at the same time."""
    stamp = datetime.fromtimestamp(now // 1_000_000, UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: stamp.replace(tzinfo=None))
    request = AWSRequest(
        method="POST",
        url=f"https://{host}/v2/email/outbound-emails",
        headers={"Content-Type": "application/json", "Host": host},
        data=body,
    )
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token or None)
    botocore.auth.SigV4Auth(credentials, "ses", "eu-west-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("token", ["", "IQoJb3JpZ2luX2VjEXAMPLE//token=="])
@pytest.mark.parametrize("body", BODIES, ids=["empty", "braces", "large", "non-ASCII"])
@pytest.mark.parametrize("host", ["email.eu-west-1.amazonaws.com", "127.0.0.1:9101"])
def test_the_signature_is_the_one_botocore_makes(
    token: str, body: bytes, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every header is equal, with and without temporary credentials, also across midnight with a cached key."""
    signer = Signer(
        access_key_id="AKIDEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session_token=token,
        region="eu-west-1",
        service="ses",
    )
    for now in (NOW, NOW + 1, NOW + 60_000_000):
        ours = dict(
            signer.sign(
                method="POST",
                path="/v2/email/outbound-emails",
                host=host,
                content_type="application/json",
                body_sha256=sha256(body).hexdigest(),
                now=now,
            )
        )
        theirs = by_botocore(now, token, body, host, monkeypatch)
        del theirs["host"]
        assert ours == theirs
