"""The doorplate: what somebody sees who opens the listener of the APIs in a browser or by curl.

Promise: no client of SES ever sees it: an action of v1 has parameters in its body or its query, and whoever signs says
so in the header or in the query. It says nothing of this gateway or its mail.
"""

from posthorse.asgi import Scope, Send, answer

_READING = frozenset({"GET", "HEAD"})
_TEXT = b"""This is Posthorse, a mail gateway. It takes mail here by two APIs:

/api/docs           its own API, described (as OpenAPI: /api/openapi.json)
/ and /v2/email/    the API of Amazon SES: set this address as endpoint of the client library
"""
_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Posthorse</title>
<h1>Posthorse</h1><p>This is a mail gateway. It takes mail here by two APIs:</p>
<ul><li><a href="/api/docs">its own</a>, described (as OpenAPI: <a href="/api/openapi.json">openapi.json</a>)</li>
<li>that of Amazon SES: set this address as endpoint of the client library</li></ul></html>
"""
_CLOSED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


def is_a_visit(scope: Scope) -> bool:
    """Whether a request is of nobody who asks the API for something."""
    if scope["path"] != "/" or scope["method"] not in _READING or scope["query_string"]:
        return False
    return not any(name == b"authorization" or name.startswith(b"x-amz-") for name, _ in scope["headers"])


async def show(scope: Scope, send: Send) -> None:
    """The page for browsers, the text for others."""
    is_browser = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    body, kind = (_PAGE, "text/html; charset=utf-8") if is_browser else (_TEXT, "text/plain; charset=utf-8")
    await answer(send, 200, body, kind, (b"vary", b"accept"), _CLOSED, head=scope["method"] == "HEAD")
