"""Line ends of messages that come in one piece."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.accept.line_ends import BadLines, strict_lines, strict_lines_in_turns
from posthorse.mail.large import SLICE_BYTES


def in_turns(content: bytes) -> bytes:
    """The same by the way of large messages."""
    return asyncio.run(strict_lines_in_turns(content))


EITHER = pytest.mark.parametrize("straighten", [strict_lines, in_turns], ids=["at once", "in turns"])
Straighten = Callable[[bytes], bytes]


@EITHER
@pytest.mark.parametrize(
    ("content", "strict"),
    [
        (b"a\r\n", b"a\r\n"),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb\nc", b"a\r\nb\r\nc\r\n"),
        (b"\n\n", b"\r\n\r\n"),
        (b"", b"\r\n"),
        (b".\n", b".\r\n"),
        (b"x" * 998 + b"\n", b"x" * 998 + b"\r\n"),
        (b"a\n" + b"x" * 998, b"a\r\n" + b"x" * 998 + b"\r\n"),
    ],
)
def test_lines_end_in_crlf(straighten: Straighten, content: bytes, strict: bytes) -> None:
    """Bare LF becomes CRLF, and the last line ends, too."""
    assert straighten(content) == strict


@EITHER
@pytest.mark.parametrize(
    "content", [b"a\rb\r\n", b"a\r", b"a\0b\r\n", b"x" * 999 + b"\r\n", b"x" * 999 + b"\n", b"a\n" + b"x" * 999]
)
def test_what_would_have_to_be_guessed_is_refused(straighten: Straighten, content: bytes) -> None:
    """A bare CR, a NUL, a line that servers refuse."""
    with pytest.raises(BadLines):
        straighten(content)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(SLICE_BYTES - 1_010, SLICE_BYTES + 10),
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"x" * 500, b"y" * 499, b"\0"]), max_size=6),
)
def test_where_slices_are_cut_changes_nothing(before_bytes: int, around: list[bytes]) -> None:
    """A message worked on in turns comes out as one worked on at once, or is refused as that is."""
    lines = (b"a" * 78 + b"\r\n") * (before_bytes // 80) + b"b" * (before_bytes % 80)
    content = lines + b"".join(around) + b"\r\nend"
    try:
        expected = strict_lines(content)
    except BadLines:
        with pytest.raises(BadLines):
            in_turns(content)
        return
    assert in_turns(content) == expected
