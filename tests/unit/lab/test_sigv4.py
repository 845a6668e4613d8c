"""The lab's check of AWS signatures, against AWS's own signer."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from posthorse.lab.http_words import Request
from posthorse.lab.sigv4 import SignatureRefused, check_signature

KEY, SECRET = "AKIAEXAMPLE", "s3cret/+="


def now() -> int:
    """Microseconds UTC: AWS's signer takes the machine's clock."""
    return int(datetime.now(UTC).timestamp() * 1e6)


def signed(method: str, target: str, body: bytes, region: str = "eu-west-1") -> Request:
    """A request signed by AWS's own code, as it comes over the wire."""
    request = AWSRequest(
        method=method,
        url=f"http://127.0.0.1:9101{target}",
        data=body,
        headers={"Host": "127.0.0.1:9101", "Content-Type": "application/json", "X-Amz-Tag": "a   b  "},
    )
    SigV4Auth(Credentials(KEY, SECRET), "ses", region).add_auth(request)
    headers = [(name.lower(), str(value)) for name, value in request.headers.items()]
    return Request(method=method, target=target, headers=headers, body=body)


def check(request: Request, **more: object) -> str:
    """Check with the usual account."""
    terms: dict[str, object] = {"region": "eu-west-1", "service": "ses", "now": now(), **more}
    return check_signature(request, {KEY: SECRET}, **terms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v2/email/outbound-emails"),
        ("GET", "/v2/email/account"),
        ("GET", "/v2/email/identities?PageSize=10&NextToken=a%20b%2F&Empty="),
        ("GET", "/v2/email/identities/me%40here.example"),
    ],
)
def test_awss_own_signatures_are_accepted(method: str, target: str) -> None:
    """Body, query, escapes in the path and folded header values are canonical as AWS has them."""
    assert check(signed(method, target, b'{"a": 1}')) == KEY


def test_any_change_after_signing_is_noticed() -> None:
    """Method, target, body, a signed header: each is covered."""
    request = signed("POST", "/v2/email/outbound-emails", b"{}")
    headers = [(name, "text/plain" if name == "content-type" else value) for name, value in request.headers]
    for changed in (
        Request(method="PUT", target=request.target, headers=request.headers, body=b"{}"),
        Request(method="POST", target="/v2/email/other", headers=request.headers, body=b"{}"),
        Request(method="POST", target=request.target + "?x=1", headers=request.headers, body=b"{}"),
        Request(method="POST", target=request.target, headers=request.headers, body=b"{ }"),
        Request(method="POST", target=request.target, headers=headers, body=b"{}"),
        Request(method="POST", target=request.target, headers=request.headers[3:], body=b"{}"),
    ):
        with pytest.raises(SignatureRefused) as refused:
            check(changed)
        assert refused.value.kind == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("region", "off_s"),
    [
        ("us-east-1", 0),
        ("eu-west-1", 305),
        ("eu-west-1", -305),
    ],
)
def test_scope_and_time_are_checked(region: str, off_s: int) -> None:
    """Another region, and a clock more than five minutes away, are refused."""
    with pytest.raises(SignatureRefused) as refused:
        check(signed("GET", "/v2/email/account", b""), region=region, now=now() + off_s * 1_000_000)
    assert refused.value.kind == "InvalidSignatureException"


def test_unsigned_malformed_and_unknown_are_told_apart() -> None:
    """Each has AWS's own name for it."""
    request = signed("GET", "/", b"")
    undated = [(name, value) for name, value in request.headers if name != "x-amz-date"]
    cases = {
        "MissingAuthenticationTokenException": Request(method="GET", target="/"),
        "IncompleteSignatureException": Request(method="GET", target="/", headers=[("authorization", "Basic x")]),
    }
    for kind, one in (*cases.items(), ("IncompleteSignatureException", Request(method="GET", headers=undated))):
        with pytest.raises(SignatureRefused) as refused:
            check(one)
        assert refused.value.kind == kind
    with pytest.raises(SignatureRefused) as refused:
        check_signature(request, {"AKIAOTHER": "x"}, region="eu-west-1", service="ses", now=now())
    assert refused.value.kind == "UnrecognizedClientException"
