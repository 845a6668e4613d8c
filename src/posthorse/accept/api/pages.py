"""The description of the native API for people: one page, rendered here from the OpenAPI document.

Promise: it holds no script and fetches nothing from anywhere. Everybody who reaches the listener may read it: it says
nothing of this gateway or its mail.
"""

from collections.abc import Iterator
from functools import cache
from html import escape

import msgspec

from posthorse.accept.api.openapi import Json, document, encoded
from posthorse.accept.api.problems import CONTENT_TYPE, ApiError, Code
from posthorse.asgi import Receive, Scope, Send, answer, respond

_HEADERS = (
    (b"cache-control", b"max-age=300"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2330;background:#fff}
h1,h2,h3{line-height:1.2}h2{margin-top:2.5rem;border-top:1px solid #ccd;padding-top:1rem}
code{font:14px/1.4 ui-monospace,monospace;background:#f1f3f8;padding:.1em .3em;border-radius:3px}
table{border-collapse:collapse;width:100%;margin:.5rem 0}td,th{border-bottom:1px solid #dde;padding:.35rem .5rem;
text-align:left;vertical-align:top}th{font-weight:600}.verb{text-transform:uppercase;font-weight:700;color:#0a5}
@media(prefers-color-scheme:dark){body{color:#dde3ee;background:#14171f}code{background:#232837}
td,th{border-color:#333a4d}h2{border-color:#333a4d}a{color:#8bf}}
"""


async def docs(scope: Scope, receive: Receive, send: Send) -> None:
    """`/api/docs`."""
    del receive
    await _say(send, page(), b"text/html; charset=utf-8", head=scope["method"] == "HEAD")


async def openapi(scope: Scope, receive: Receive, send: Send) -> None:
    """`/api/openapi.json`."""
    del receive
    await _say(send, encoded(), b"application/json", head=scope["method"] == "HEAD")


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Everything else below `/api/`: where to look."""
    del receive
    told = ApiError(Code.NOT_FOUND, "There is nothing at this path; what there is says /api/docs.").problem()
    head = scope["method"] == "HEAD"
    await answer(send, told.status, msgspec.json.encode(told), CONTENT_TYPE, head=head)


async def _say(send: Send, body: bytes, kind: bytes, *, head: bool) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *_HEADERS]
    await respond(send, 200, headers, b"" if head else body)


@cache
def page() -> bytes:
    """The page."""
    return "".join(_page(document())).encode()


def _page(described: Json) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Posthorse API</title>'
    yield f"<style>{_STYLE}</style><h1>Posthorse API {_text(described['info']['version'])}</h1>"
    yield f"<p>{_text(described['components']['securitySchemes']['access_key']['description'])} "
    yield 'The same for programs: <a href="/api/openapi.json">openapi.json</a>.</p><ul>'
    operations = [
        (path, verb, operation) for path, verbs in described["paths"].items() for verb, operation in verbs.items()
    ]
    for path, verb, operation in operations:
        yield f'<li><a href="#{operation["operationId"]}"><span class="verb">{verb}</span> {_text(path)}</a>: '
        yield f"{_text(operation['summary'])}</li>"
    yield "</ul>"
    for path, verb, operation in operations:
        yield from _operation(path, verb, operation)
    for name, schema in described["components"]["schemas"].items():
        yield f'<h2 id="{name}">{name}</h2><p>{_text(schema.get("description", ""))}</p>'
        yield from _fields(schema)
    yield "<h2>Problems</h2><p>Bodies of answers from 400 on, by their <code>code</code>.</p>"
    yield "<table><tr><th>code<th>status<th>meaning<th>again</tr>"
    for code in Code:
        again = f"after {code.retry_after_s} s" if code.retry_after_s else "the same answer"
        yield f'<tr id="{code.word}"><td><code>{code.word}</code><td>{code.status}'
        yield f"<td>{_text(code.meaning)}<td>{again}</tr>"
    yield "</table></html>"


def _operation(path: str, verb: str, operation: Json) -> Iterator[str]:
    yield f'<h2 id="{operation["operationId"]}"><span class="verb">{verb}</span> <code>{_text(path)}</code></h2>'
    yield f"<p>{_text(operation['summary'])}. {_text(operation['description'])}</p>"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body <code>{_text(kind)}</code>: {_type(content['schema'])}</p>"
    if operation["parameters"]:
        yield "<table><tr><th>parameter<th>in<th>type<th>meaning</tr>"
        for one in operation["parameters"]:
            yield f"<tr><td><code>{_text(one['name'])}</code><td>{one['in']}<td>{_type(one['schema'])}"
            yield f"<td>{_text(one['description'])}</tr>"
        yield "</table>"
    yield "<table><tr><th>answer<th>body<th>meaning</tr>"
    for status, told in operation["responses"].items():
        schemas = " ".join(_type(content["schema"]) for content in told["content"].values())
        yield f"<tr><td>{status}<td>{schemas}<td>{_text(told['description'])}</tr>"
    yield "</table>"


def _fields(schema: Json) -> Iterator[str]:
    yield "<table><tr><th>field<th>type<th>meaning</tr>"
    for name, one in schema.get("properties", {}).items():
        must = " (required)" if name in schema.get("required", ()) else ""
        default = f" Default: <code>{_text(str(one['default']))}</code>." if one.get("default") else ""
        meaning = _text(one.get("description", ""))
        yield f"<tr><td><code>{_text(name)}</code>{must}<td>{_type(one)}<td>{meaning}{default}</tr>"
    yield "</table>"


def _type(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " ".join(f"<code>{_text(str(value))}</code>" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return _text(" ".join(str(schema[key]) for key in ("type", "format") if key in schema) or "any")


def _text(text: str) -> str:
    """Text with `code` marked, line by line."""
    pieces = escape(text).split("`")
    marked = "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))
    return marked.replace("\n- ", "<br>").replace("\n\n", "<br>")
