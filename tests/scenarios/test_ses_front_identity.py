"""What tells one call from another, and what the log tells of a caller who is not let in."""

import json
from collections.abc import Iterator

import pytest

from tests.scenarios.ses_stand import KEY, Answered, Line, Row, SesSite, SesStand, ask, request_of

FORM = "Action=SendRawEmail&RawMessage.Data=RnJvbTogYUBleGFtcGxlLmNvbQpUbzogYkBleGFtcGxlLm5ldAoKaGk%3D"
NOT_LET_IN: list[tuple[Row, str, str]] = [
    ({"sign": None}, "unsigned", ""),
    ({"sign": {"key": "ASIATEMPORARY0000001", "token": "abc"}}, "temporary_credentials", "ASIATEMPORARY0000001"),
    ({"sign": {"token": "abc"}}, "temporary_credentials", KEY),
    ({"sign": {"key": "AKIAUNKNOWN000000001"}}, "unknown_key", "AKIAUNKNOWN000000001"),
    ({"sign": {"key": "x" * 128}}, "unknown_key", "x" * 64),
    ({"sign": {"secret": "wrong"}}, "wrong_signature", KEY),
    ({"sign": {"skew_s": -310}}, "time", KEY),
    ({"sign": {"service": "s3"}}, "scope", KEY),
    ({"sign": {"payload": "0" * 64}}, "payload", KEY),
    ({"sign": {"payload": "UNSIGNED-PAYLOAD"}}, "payload", KEY),
    ({"sign": {"authorization": 'AWS4-HMAC-SHA256 Credential=a"\\u000a/'}}, "incomplete", "a"),
]


@pytest.fixture(scope="module")
def stand() -> Iterator[SesStand]:
    """The server's thread."""
    one = SesStand()
    yield one
    one.close()


def play(site: SesSite, wire: bytes) -> Answered:
    """The answer to these bytes."""
    with Line(site.port) as line:
        line.say(wire)
        answered = line.answer()
        assert answered is not None
        return answered


def altered(wire: bytes, *more: bytes) -> bytes:
    """The request with further header lines."""
    return wire.replace(b"\r\n", b"\r\n" + b"".join(line + b"\r\n" for line in more), 1)


def test_captured_request_sends_once_whatever_is_added_to_it(stand: SesStand) -> None:
    """An invocation id beside the signature, another spelling of the header: the signature is the same call."""
    with stand.site() as site:
        wire = request_of({}, site.port)
        receipts = {play(site, wire).body}
        receipts |= {play(site, altered(wire, b"amz-sdk-invocation-id: %d" % n)).body for n in range(3)}
        receipts.add(play(site, wire.replace(b"HMAC-SHA256 Cred", b"HMAC-SHA256   Cred")).body)
        receipts.add(play(site, wire.replace(b", SignedHeaders", b",SignedHeaders")).body)
        assert len(receipts) == 1
        assert len(stand.stored(site)) == 1


def test_presigned_request_is_known_by_its_signature(stand: SesStand) -> None:
    """Its parameters in another order, or one more header that is not signed, make no other call of it."""
    row = {"method": "GET", "target": f"/?{FORM}", "sign": {"query": True}}
    with stand.site() as site:
        wire = request_of(row, site.port)
        first, _, rest = wire.partition(b" HTTP/1.1")
        path, _, query = first.partition(b"?")
        turned = path + b"?" + b"&".join(reversed(query.split(b"&"))) + b" HTTP/1.1" + rest
        assert [play(site, one).status for one in (wire, turned, altered(wire, b"amz-sdk-invocation-id: 1"))] == [
            200
        ] * 3
        assert len(stand.stored(site)) == 1


NAMES = pytest.mark.parametrize("name", ["amz-sdk-invocation-id", "aws-sdk-invocation-id"])
"""As most libraries call it, and as that for PHP does."""


@NAMES
def test_signed_invocation_id_joins_the_tries_of_a_call(stand: SesStand, name: str) -> None:
    """Two tries with different signatures and one signed id are one call; a second, unsigned id changes nothing."""
    with stand.site() as site:
        wires = [request_of({"headers": [[name, "one"]], "sign": {"skew_s": skew_s}}, site.port) for skew_s in (0, -2)]
        assert [play(site, wire).status for wire in wires] == [200, 200]
        other = {"amz-sdk-invocation-id": b"aws", "aws-sdk-invocation-id": b"amz"}[name]
        assert play(site, altered(wires[1], other + b"-sdk-invocation-id: two")).status == 200
        assert len(stand.stored(site)) == 1


@NAMES
def test_unsigned_invocation_id_joins_the_tries_of_a_call(stand: SesStand, name: str) -> None:
    """As boto3 sends them, each try signed anew; an equal call of the same second has an id and a mail of its own."""
    with stand.site() as site:
        wires = [
            altered(request_of({"sign": {"skew_s": skew_s}}, site.port), f"{name}: one".encode()) for skew_s in (0, -2)
        ]
        assert len({play(site, wire).body for wire in wires}) == 1
        assert len(stand.stored(site)) == 1
        assert play(site, wires[0].replace(b": one", b": two")).status == 200
        assert len(stand.stored(site)) == 2


def test_trusted_call_without_identity_is_a_call_of_its_own(stand: SesStand) -> None:
    """Two equal mails without signature are two mails, a query or not; with an invocation id they are one."""
    with stand.site(trusted="loopback") as site:
        for count, row in (
            (2, {"sign": None}),
            (4, {"sign": None, "target": "/v2/email/outbound-emails?x=1"}),
            (5, {"sign": None, "headers": [["amz-sdk-invocation-id", "one"]]}),
        ):
            assert [ask(site, row).status for _ in range(2)] == [200, 200]
            assert len(stand.stored(site)) == count


def test_unsigned_get_sends_nothing(stand: SesStand) -> None:
    """An address in a page or a mail is fetched by anybody's program; asking about the account stays open to it."""
    with stand.site(trusted="loopback") as site:
        assert ask(site, {"method": "GET", "target": f"/?{FORM}", "sign": None}).status == 403
        assert stand.stored(site) == []
        assert ask(site, {"method": "GET", "target": "/v2/email/account", "sign": None}).status == 200
        assert ask(site, {"method": "GET", "target": f"/?{FORM}"}).status == 200


@pytest.mark.parametrize(("row", "reason", "key"), NOT_LET_IN, ids=[f"{reason} {key}" for _, reason, key in NOT_LET_IN])
def test_log_tells_why_a_caller_is_not_let_in(stand: SesStand, row: Row, reason: str, key: str) -> None:
    """The reason and the key it named, which callers are not told apart by."""
    with stand.site() as site:
        assert ask(site, row).status in (400, 403)
        assert stand.stored(site) == []
        (line,) = [json.loads(line) for line in b"".join(site.lines).splitlines() if b"login_refused" in line]
        assert (line["reason"], line.get("credential", "")) == (reason, key)


def test_unknown_key_is_refused_before_its_body(stand: SesStand) -> None:
    """As is a token, and a wrong signature over a digest that the head tells: none of them can fill any room."""
    with stand.site() as site:
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        unknown = {"key": "AKIAUNKNOWN000000001"}
        for how in (
            unknown,
            unknown | {"payload": "0" * 64},
            {"token": "a"},
            {"token": "a", "payload": "0" * 64},
            {"secret": "wrong", "payload": empty},
        ):
            head = request_of({"sign": how}, site.port).partition(b"\r\n\r\n")[0].rpartition(b"\r\n")[0]
            answered = play(site, head + b"\r\ncontent-length: 50000000\r\n\r\n")
            assert (answered.status, answered.code) == (403, "UnrecognizedClientException")


def test_signature_v4a_is_refused_by_name(stand: SesStand) -> None:
    """Who passes an EndpointId learns that it has to leave it out."""
    with stand.site() as site:
        answered = ask(site, {"sign": {"algorithm": "AWS4-ECDSA-P256-SHA256"}})
        assert (answered.status, answered.code) == (400, "IncompleteSignatureException")
        assert b"EndpointId" in answered.body
