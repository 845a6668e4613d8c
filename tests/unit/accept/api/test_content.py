"""Content inside JSON: base64 in one piece or in turns gives the same octets, however it is written."""

import asyncio
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from posthorse.accept.api import content
from posthorse.accept.api.problems import ApiError
from posthorse.mail.large import LARGE_BYTES

SPELLINGS = {"/": ["/", "\\/"], "+": ["+", "\\u002B", "\\u002b"]}


def decoded(text: str) -> bytes:
    """The octets of a JSON string."""
    return asyncio.run(content.octets_of("here", Raw(f'"{text}"'.encode("latin-1"))))


@given(
    octets=st.binary(max_size=300), choices=st.lists(st.integers(0, 5), min_size=1, max_size=9), size=st.integers(7, 40)
)
def test_turns_do_not_change_what_is_read(octets: bytes, choices: list[int], size: int) -> None:
    """Wherever the pieces are cut: between quartets, inside an escape, beside a line end."""
    written = ""
    for number, character in enumerate(b64encode(octets).decode()):
        choice = choices[number % len(choices)]
        spellings = SPELLINGS.get(character, [character])
        written += spellings[choice % len(spellings)] + ("\\r\\n" if choice == 5 else "")
    assert decoded(written) == octets
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "_SLICE", size)
        patch.setattr(content, "LARGE_BYTES", 0)
        assert decoded(written) == octets


@pytest.mark.parametrize("size", [4, LARGE_BYTES + 4, 2 * LARGE_BYTES])
@pytest.mark.parametrize("wrong", ["====", "A", "AA==AAAA", "AA=A", "A A=", "\xe4\xf6AA", "\\u0041AAA", "\\nA\\"])
def test_what_is_no_base64_is_refused_at_any_size(size: int, wrong: str) -> None:
    """At the start, at the end, short and long."""
    filling = "A" * (size // 4 * 4)
    for text in (wrong + filling, filling + wrong):
        with pytest.raises(ApiError) as refused:
            decoded(text)
        assert refused.value.field == "here"


@pytest.mark.parametrize("raw", [b"null", b"7", b"[]", b"{}", b"true"])
def test_only_a_string_is_base64(raw: bytes) -> None:
    """Nothing else, not even null."""
    with pytest.raises(ApiError):
        asyncio.run(content.octets_of("here", Raw(raw)))


@pytest.mark.parametrize("raw", [b"7", b"[]", b'"\\ud800"', b'"' + b"x" * (8 << 20) + b'"'])
def test_a_text_is_a_string_of_bounded_length(raw: bytes) -> None:
    """Half a character and more than eight MiB are none."""
    with pytest.raises(ApiError):
        content.body_of("text", Raw(raw))
