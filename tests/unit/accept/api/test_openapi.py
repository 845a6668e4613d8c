"""The description: valid, complete, made of the types, and a page that fetches nothing."""

import asyncio
import re
from html.parser import HTMLParser
from typing import Any, get_args

import msgspec
import pytest

from posthorse.accept.api import wire
from posthorse.accept.api.openapi import document, encoded
from posthorse.accept.api.pages import docs, openapi, page
from posthorse.accept.api.problems import Code
from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.stream import Stream

METHODS = {"get", "post"}


def test_the_document_is_valid_openapi() -> None:
    """What OpenAPI 3.1 asks of each object that is used here; every reference leads somewhere; ids are unique."""
    described = document()
    assert described["openapi"] == "3.1.0"
    assert {"title", "version"} <= described["info"].keys()
    ids = []
    for path, verbs in described["paths"].items():
        named = set(re.findall(r"\{(\w+)\}", path))
        for verb, operation in verbs.items():
            assert verb in METHODS
            ids.append(operation["operationId"])
            parameters = [(one["name"], one["in"]) for one in operation["parameters"]]
            assert len(set(parameters)) == len(parameters)
            assert {name for name, place in parameters if place == "path"} == named
            for one in operation["parameters"]:
                assert one["in"] in ("query", "header", "path")
                assert "schema" in one
                assert one.get("required") is True or one["in"] != "path"
            assert operation["responses"]
            for status, answer in operation["responses"].items():
                assert re.fullmatch("[2-5][0-9][0-9]", status)
                assert answer["description"]
                assert all("schema" in content for content in answer["content"].values())
    assert len(set(ids)) == len(ids) == 5
    for reference in _references(described):
        assert reference.startswith("#/components/schemas/")
        assert reference.rpartition("/")[2] in described["components"]["schemas"]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for each in value.values() for found in _references(each)]
    if isinstance(value, list):
        return [found for each in value for found in _references(each)]
    return []


def test_every_field_of_the_types_is_described() -> None:
    """The types that decode requests and encode answers are the schemas."""
    schemas = msgspec.json.decode(encoded())["components"]["schemas"]
    for kind in (wire.Message, wire.Attachment, wire.Receipt, wire.Whole, wire.Recipient, wire.Step, wire.Problem):
        assert set(schemas[kind.__name__]["properties"]) == set(kind.__struct_encode_fields__)
    assert schemas["Message"]["additionalProperties"] is False
    assert schemas["Batch"]["properties"]["messages"]["items"] == {"$ref": "#/components/schemas/Message"}


def test_the_examples_are_taken() -> None:
    """What the document shows as a request can be decoded as one."""
    for path in ("/api/v1/messages", "/api/v1/messages/batch"):
        example = document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        for message in example.get("messages", [example]):
            assert msgspec.json.decode(msgspec.json.encode(message), type=wire.Message).to == ["Ada <ada@example.net>"]


def test_the_words_of_the_wire_are_those_of_the_mail() -> None:
    """Streams, states and fates are listed as they are in the domain."""
    assert set(get_args(wire.StreamName)) == {stream.value for stream in Stream}
    assert set(get_args(wire.CarriageName)) == {carriage.value for carriage in Carriage}
    assert set(get_args(wire.FateName)) == {fate.value for fate in Fate}


def test_every_problem_is_described_where_it_can_come() -> None:
    """No code that the document does not name, and the page has a place for each `type`."""
    described = encoded().decode()
    shown = page().decode()
    for code in Code:
        assert f'id="{code.word}"' in shown
        if code is not Code.METHOD_NOT_ALLOWED:
            assert f"`{code.word}`" in described


def test_every_operation_may_answer_503() -> None:
    """Too many connections, or a spool that cannot be asked, whatever is asked for."""
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            assert "503" in operation["responses"], (method, path)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what is there."""
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.add(value or "")


def test_the_page_holds_no_script_and_fetches_nothing() -> None:
    """Only links within it and to the document; a policy that would stop anything else."""
    read = _Page()
    read.feed(page().decode())
    assert not read.tags & {"script", "link", "img", "iframe", "form", "object"}
    assert {link for link in read.links if not link.startswith("#")} == {"/api/openapi.json"}
    assert {link[1:] for link in read.links if link.startswith("#")} <= read.ids
    assert b"url(" not in page()


@pytest.mark.parametrize(("app", "kind"), [(docs, b"text/html; charset=utf-8"), (openapi, b"application/json")])
def test_both_are_served(app: Any, kind: bytes) -> None:
    """GET with the whole, HEAD without it."""
    sizes = []
    for method in ("GET", "HEAD"):
        said: list[Any] = []

        async def send(message: Any, said: list[Any] = said) -> None:
            said.append(message)

        asyncio.run(app({"method": method}, None, send))
        headers = dict(said[0]["headers"])
        assert headers[b"content-type"] == kind
        assert b"default-src 'none'" in headers[b"content-security-policy"]
        sizes.append((int(headers[b"content-length"]), len(said[1]["body"])))
    assert sizes[0][0] == sizes[0][1] == sizes[1][0]
    assert sizes[1][1] == 0
