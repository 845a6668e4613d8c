"""Signature Version 4 against the vectors that botocore carries, and what they do not say."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from posthorse.accept.credentials import Credential
from posthorse.accept.ses.keys import SigningKeys
from posthorse.accept.ses.sigv4 import (
    Claim,
    Flaw,
    Head,
    NotSigned,
    canonical_request,
    read_claim,
    string_to_sign,
)
from posthorse.accept.ses.spelling import canonical_path, canonical_query
from posthorse.mail.ids import MAIN_TENANT

VECTORS = json.loads((Path(__file__).parents[3] / "corpus/ses/sigv4_vectors.json").read_text())
NOW = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()) * 1_000_000
SERVICE = b"service"
UNSIGNED_TOKEN = "post-sts-token/post-sts-header-after"


def keys() -> SigningKeys:
    """The key of the vectors."""
    return SigningKeys([Credential(id=VECTORS["access_key_id"], tenant=MAIN_TENANT, secret=VECTORS["secret"])])


def head_of(text: str, authorization: str = "") -> tuple[Head, bytes]:
    """A request written as the vectors write it, and its body. `authorization`: what it carries in the end."""
    top, _, body = text.partition("\n\n")
    first, *lines = top.split("\n")
    method, _, rest = first.partition(" ")
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, _, value = line.partition(":")
        if line.startswith(" "):
            headers[-1] = (headers[-1][0], headers[-1][1] + b" " + line.strip().encode())
        elif name.lower() != "authorization":
            headers.append((name.lower().encode(), value.strip().encode()))
    if authorization:
        headers.append((b"authorization", authorization.encode()))
    path, _, query = rest.rpartition(" ")[0].encode().partition(b"?")
    return Head(method=method, path=path, query=query, headers=headers), body.encode()


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=[one["name"] for one in VECTORS["vectors"]])
def test_vector_is_verified(vector: dict[str, Any]) -> None:
    """Canonical request, string to sign and signature are those of the vector, and its key's owner is found."""
    text = vector["request" if vector["name"] == UNSIGNED_TOKEN else "signed"]
    head, body = head_of(text, vector["authorization"])
    claim, digest = read_claim(head, NOW, SERVICE), sha256(body).hexdigest()
    assert canonical_request(claim, head, digest.encode()).decode() == vector["canonical"]
    to_sign = string_to_sign(claim, head, digest)
    assert to_sign.decode() == vector["to_sign"]
    assert keys().owner(claim, to_sign) == MAIN_TENANT
    assert keys().owner(claim, to_sign + b".") is None


def test_there_are_all_vectors() -> None:
    """None got lost on the way from botocore."""
    assert len(VECTORS["vectors"]) == 34


def test_token_added_after_signing_is_refused() -> None:
    """The vector that adds a session token after signing is one thing that is not taken here."""
    vector = next(one for one in VECTORS["vectors"] if one["name"] == UNSIGNED_TOKEN)
    head, _ = head_of(vector["signed"], vector["authorization"])
    with pytest.raises(NotSigned) as refused:
        read_claim(head, NOW, SERVICE)
    assert refused.value.flaw is Flaw.INCOMPLETE


@pytest.mark.parametrize(("off_s", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_time_may_be_five_minutes_off(off_s: int, *, taken: bool) -> None:
    """Exactly five minutes either way are taken, a second more is not."""
    head, _ = head_of(VECTORS["vectors"][0]["request"], VECTORS["vectors"][0]["authorization"])
    if taken:
        assert isinstance(read_claim(head, NOW + off_s * 1_000_000, SERVICE), Claim)
        return
    with pytest.raises(NotSigned) as refused:
        read_claim(head, NOW + off_s * 1_000_000, SERVICE)
    assert refused.value.flaw is Flaw.TIME


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        (b"/", b"/"),
        (b"/v2/email/outbound-emails", b"/v2/email/outbound-emails"),
        (b"/a//b", b"/a/b"),
        (b"/a/./b/", b"/a/b/"),
        (b"/a/../b", b"/b"),
        (b"/../..", b"/"),
        (b"/..", b"/"),
        (b"/.hidden/a..b", b"/.hidden/a..b"),
        (b"/a%40b", b"/a%2540b"),
        (b"/a b", b"/a%20b"),
        (b"/\xe1\x88\xb4", b"/%E1%88%B4"),
        (b"*", b"/%2A"),
        (b"", b"/"),
    ],
)
def test_path_has_one_spelling(path: bytes, canonical: bytes) -> None:
    """Segments that say nothing are left out; what came escaped is escaped again."""
    assert canonical_path(path) == canonical


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        (b"b=1&a=2", b"a=2&b=1"),
        (b"a=b&a=a", b"a=a&a=b"),
        (b"a", b"a="),
        (b"&&a=&", b"a="),
        (b"a=b+c", b"a=b%2Bc"),
        (b"a=b%20c", b"a=b%20c"),
        (b"a=%7e%41", b"a=~A"),
        (b"a=b=c", b"a=b%3Dc"),
        (b"a-b=1&a=2", b"a=2&a-b=1"),
        (b"X-Amz-Signature=0&a=1", b"a=1"),
    ],
)
def test_query_has_one_spelling(query: bytes, canonical: bytes) -> None:
    """Each parameter escaped in one way, sorted by name and value, a plus being a plus."""
    assert canonical_query(query) == canonical
