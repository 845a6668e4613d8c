"""Bounds of JSON: what no decoder should see is refused before, whatever it holds; everything else passes."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.api import json_bounds
from posthorse.accept.api.json_bounds import check
from posthorse.accept.api.problems import ApiError

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text('a"\\{}[]:, \n\u00e9', max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.integers(4, 40))
def test_ordinary_documents_pass_at_any_window(value: Any, ascii_only: bool, window: int) -> None:
    """However strings, escapes and marks fall into the windows."""
    octets = json.dumps(value, ensure_ascii=ascii_only, indent=1).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "_WINDOW", window)
        patch.setattr(json_bounds, "_SHORT", window // 4)
        asyncio.run(check(octets))


@given(st.binary(max_size=60) | st.text('"\\{}[]:, a', max_size=60).map(str.encode))
def test_what_is_no_json_does_no_harm(octets: bytes) -> None:
    """It passes, or is refused like JSON."""
    try:
        asyncio.run(check(octets))
    except ApiError:
        return


@given(VALUES, st.integers(4, 40))
def test_a_name_twice_is_found_at_any_depth(value: Any, window: int) -> None:
    """Whatever stands between the two."""
    between = json.dumps(value)
    twice = f'{{"x": [{{"to": {between}, "cc": {{"to": 1}}, "to" : 2}}]}}'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "_WINDOW", window)
        patch.setattr(json_bounds, "_SHORT", window // 4)
        with pytest.raises(ApiError) as refused:
            asyncio.run(check(twice))
    assert refused.value.field == "to"


@pytest.mark.parametrize(
    ("octets", "field"),
    [
        (b'{"text":"%s"}', ""),
        (b'{"raw" : "%s"}', ""),
        (b'{"attachments":[{"content":"%s"}]}', ""),
        (b'{"subject":"%s"}', "subject"),
        (b'{"to":["%s"]}', "to"),
        (b'{"text":["%s"]}', "text"),
        (b'{"text":"","%s":1}', "text"),
        (b'{"text":1,"%s":1}', "text"),
        (b'["%s"]', "body"),
    ],
)
def test_only_content_is_long(octets: bytes, field: str) -> None:
    """Strings of more than 64 KiB are content, directly behind its name."""
    long = octets.replace(b"%s", b"a" * 100_000)
    if not field:
        asyncio.run(check(long))
        return
    with pytest.raises(ApiError) as refused:
        asyncio.run(check(long))
    assert refused.value.field == field
