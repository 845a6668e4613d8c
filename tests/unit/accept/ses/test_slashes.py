"""Escaped slashes in large JSON: taken away, and nothing else is changed."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.accept.ses.v2_wire import _plain_slashes
from posthorse.mail.large import SLICE_BYTES


def plain(body: bytes) -> bytes:
    """The document without them."""
    return asyncio.run(_plain_slashes(body))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='\\/"\u20ac\nx', max_size=40), st.integers(-6, 6))
def test_the_document_says_the_same(text: str, shift: int) -> None:
    """Wherever the slices are cut: between backslashes, quotes and letters of several octets."""
    long = "y" * (SLICE_BYTES + shift) + text + "y" * (SLICE_BYTES - 20) + text
    body = json.dumps({"Data": long}, ensure_ascii=False).replace("/", "\\/").encode()
    found = plain(body)
    assert json.loads(found) == {"Data": long}
    assert found == json.dumps({"Data": long}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'"a/b"', b"\\" * 500_001, b'"' + b"\\\\/" * 400_000 + b'"', b'"\xff\xff\\/"']
)
def test_what_has_none_stays_as_it_is(body: bytes) -> None:
    """Plain slashes, escaped backslashes before slashes, and what is no JSON in UTF-8: the decoder shall see it."""
    assert plain(body) == body
