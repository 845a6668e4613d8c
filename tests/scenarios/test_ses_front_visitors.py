"""The listener of the APIs, opened by people and asked by clients: each gets what it can read."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from tests.scenarios.ses_stand import SesSite, SesStand

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def site() -> Iterator[SesSite]:
    """A front that nobody is trusted at."""
    stand = SesStand()
    try:
        with stand.site() as one:
            yield one
    finally:
        stand.close()


def ask(site: SesSite, method: str, target: str, headers: dict[str, str] | None = None) -> tuple[HTTPResponse, bytes]:
    """One request without a signature."""
    connection = HTTPConnection("127.0.0.1", site.port, timeout=10)
    try:
        connection.request(method, target, headers=headers or {"accept": "*/*"})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_people_are_told_what_is_here(site: SesSite) -> None:
    """A page with links for a browser, a text for curl, nothing but its head for HEAD; nobody tried to log in."""
    page, body = ask(site, "GET", "/", BROWSER)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b'href="/api/docs"' in body
    assert "default-src 'none'" in page.headers["content-security-policy"]
    text, told = ask(site, "GET", "/")
    assert (text.status, text.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert b"/api/docs" in told
    assert b"<" not in told
    head, nothing = ask(site, "HEAD", "/")
    assert (head.status, nothing, head.headers["content-length"]) == (200, b"", str(len(told)))
    site.log.flush()
    assert [json.loads(line)["event"] for line in b"".join(site.lines).splitlines()] == []


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("POST", "/", {}),
        ("POST", "/", BROWSER),
        ("DELETE", "/", {}),
        ("GET", "/?Action=GetSendQuota", BROWSER),
        ("GET", "/?X-Amz-Signature=x", {}),
        ("GET", "/", {"authorization": "AWS4-HMAC-SHA256 x"}),
        ("GET", "/", {"x-amz-date": "20261124T120000Z"}),
        ("GET", "/", {"x-amz-security-token": "x"} | BROWSER),
    ],
)
def test_clients_of_ses_get_the_shape_they_parse(
    site: SesSite, method: str, target: str, headers: dict[str, str]
) -> None:
    """Whatever asks for an action, or signs, or is no reading, is answered in XML with a request id."""
    answered, body = ask(site, method, target, headers)
    assert answered.status in (400, 403)
    assert answered.headers["content-type"] == "text/xml"
    assert answered.headers["x-amzn-requestid"]
    assert body.startswith(b"<ErrorResponse ")


def test_below_v2_everything_is_the_api(site: SesSite) -> None:
    """A browser gets JSON there, as a client of SES would."""
    answered, body = ask(site, "GET", "/v2/email/account", BROWSER)
    assert (answered.status, answered.headers["content-type"]) == (403, "application/json")
    assert "message" in json.loads(body)
