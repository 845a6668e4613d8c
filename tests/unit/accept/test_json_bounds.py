"""Bounds of JSON: what no decoder should see is refused before, whatever it holds; everything else passes."""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept import json_bounds
from posthorse.accept.api.decoding import BOUNDS
from posthorse.accept.json_bounds import Excess, OutOfBounds, check
from posthorse.accept.ses import v2_wire

READ_FOR_SES = v2_wire.BOUNDS
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
        patch.setattr(json_bounds, "_SHORT", max(2, window // 4))
        asyncio.run(check(octets, BOUNDS))


@given(st.binary(max_size=60) | st.text('"\\{}[]:, a', max_size=60).map(str.encode))
def test_what_is_no_json_does_no_harm(octets: bytes) -> None:
    """It passes, or is refused like JSON."""
    try:
        asyncio.run(check(octets, BOUNDS))
    except OutOfBounds:
        return


@given(VALUES, st.integers(4, 40))
def test_a_name_twice_is_found_at_any_depth(value: Any, window: int) -> None:
    """Whatever stands between the two."""
    between = json.dumps(value)
    twice = f'{{"x": [{{"to": {between}, "cc": {{"to": 1}}, "to" : 2}}]}}'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "_WINDOW", window)
        patch.setattr(json_bounds, "_SHORT", max(2, window // 4))
        with pytest.raises(OutOfBounds) as refused:
            asyncio.run(check(twice, BOUNDS))
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
        (b'["%s"]', None),
        (b'{"tags":{"text":"%s"}}', "text"),
        (b'{"tags":{"a":"b"},"text":"%s"}', ""),
        (b'{"text":"x","supersede_key"%b:"%%s"}' % (b" " * 70_000), "supersede_key"),
    ],
)
def test_only_content_is_long(octets: bytes, field: str) -> None:
    """Strings of more than 64 KiB are content, directly behind its name."""
    long = octets.replace(b"%s", b"a" * 100_000)
    if field == "":
        asyncio.run(check(long, BOUNDS))
        return
    with pytest.raises(OutOfBounds) as refused:
        asyncio.run(check(long, BOUNDS))
    assert refused.value.field == (field or "")


@pytest.mark.parametrize("blanks", [0, 1, 65_000, 65_536, 200_000])
def test_a_name_far_before_its_colon_is_one(blanks: int) -> None:
    """White space hides no name, and two names of white space or of nothing are not the same."""
    octets = b'{"to":["a@example.net"],"to"%b:["b@example.net"]}' % (b" " * blanks)
    with pytest.raises(OutOfBounds) as refused:
        asyncio.run(check(octets, BOUNDS))
    assert (refused.value.excess, refused.value.field) == (Excess.NAME_TWICE, "to")
    asyncio.run(check(b'{"tags":{"":"1"," "%b:"2"}}' % (b"\n" * blanks), BOUNDS))


@given(VALUES, st.integers(4, 40))
def test_who_takes_the_last_of_two_names_lets_them_pass(value: Any, window: int) -> None:
    """The front for clients of SES reads JSON as most readers do."""
    twice = f'{{"Data": {json.dumps(value)}, "Data" : 2, "\\u0044ata": 3}}'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "_WINDOW", window)
        patch.setattr(json_bounds, "_SHORT", max(2, window // 4))
        asyncio.run(check(twice, READ_FOR_SES))


@given(st.text('a"\\\\\n\u00e9/', max_size=60), st.integers(4, 40))
def test_escapes_are_counted_one_by_one(text: str, window: int) -> None:
    """A pair of backslashes is one, a letter by its number too; wherever the windows fall."""
    octets = json.dumps([text, "b"]).encode()
    escapes = len(re.findall(rb"\\(?:u[0-9a-f]{4}|.)", octets))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "_WINDOW", window)
        patch.setattr(json_bounds, "_SHORT", max(2, window // 4))
        asyncio.run(check(octets, replace(BOUNDS, escapes=escapes)))
        if escapes:
            with pytest.raises(OutOfBounds) as refused:
                asyncio.run(check(octets, replace(BOUNDS, escapes=escapes - 1)))
            assert refused.value.excess is Excess.ESCAPES


@pytest.mark.parametrize(
    ("octets", "excess"),
    [
        (b'["",' * 5, Excess.PARTS),
        (b"{" * 4, Excess.PARTS),
        (b'[1, 2, 3, 4, ""]' + b" " * 20, Excess.OUTSIDE),
        (b'{"a": "\\n\\n\\n"}', Excess.ESCAPES),
        (b'{"a": "%s"}' % (b"x" * 2_000), Excess.VALUE),
        (b'{"%s": 1}' % (b"x" * 1_001), Excess.NAME),
        (b'{"\\u0061": 1}', Excess.NAME_ESCAPED),
        (b'{"a": 1, "a": 2}', Excess.NAME_TWICE),
    ],
)
def test_each_bound_is_told_by_its_name(octets: bytes, excess: Excess) -> None:
    """So that a front can say in its own words which it was."""
    narrow = replace(BOUNDS, strings=4, objects=3, outside_bytes=30, escapes=2, value_bytes=1_500)
    with pytest.raises(OutOfBounds) as refused:
        asyncio.run(check(octets, narrow))
    assert refused.value.excess is excess


@pytest.mark.parametrize("tail", [b"", b"\\", b'"', b"\\u00", b'\\"', b"\\\\"])
@pytest.mark.parametrize("length", [1_000, 1_023, 1_024, 65_535, 65_536, 100_000])
def test_what_ends_in_the_middle_passes(length: int, tail: bytes) -> None:
    """The walk ends where the document does, whatever the last octet."""
    asyncio.run(check(b'{"text": "' + b"\\n" + b"a" * length + tail, BOUNDS))
