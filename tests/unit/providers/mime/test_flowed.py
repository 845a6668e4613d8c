"""Text whose lines flow, as it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.providers.mime.flowed import unflowed

ROWS = [
    ("nothing flows", "one\r\ntwo\r\n", "one\r\ntwo\r\n"),
    ("a paragraph", "one \r\ntwo \r\nthree\r\nfour\r\n", "one two three\r\nfour\r\n"),
    ("until the end", "one \r\ntwo ", "one two "),
    ("a stuffed line", " From here\r\n  two spaces\r\n", "From here\r\n two spaces\r\n"),
    ("a stuffed quote mark", " > not quoted\r\n", "> not quoted\r\n"),
    ("a quote", "> one \r\n> two\r\nthree\r\n", "> one two\r\nthree\r\n"),
    ("a quote without a space", ">one \r\n>two\r\n", "> one two\r\n"),
    ("a deeper quote ends a paragraph", "> one \r\n>> two\r\n", "> one \r\n>> two\r\n"),
    ("an empty quoted line", ">\r\n> x\r\n", ">\r\n> x\r\n"),
    ("a signature is no paragraph", "one \r\n-- \r\nKim\r\n", "one \r\n-- \r\nKim\r\n"),
    ("a quoted signature", "> one \r\n> -- \r\n> Kim\r\n", "> one \r\n> -- \r\n> Kim\r\n"),
    ("an empty line behind a paragraph", "Hello, \r\n\r\nyours \r\n", "Hello, \r\n\r\nyours \r\n"),
    ("an empty quoted line behind a quote", "> one \r\n>\r\n> two\r\n", "> one \r\n>\r\n> two\r\n"),
    ("lines that end in LF", "one \ntwo\n", "one two\r\n"),
    ("nothing", "", ""),
]


@pytest.mark.parametrize(("said", "shown"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_lines_are_joined_where_they_flow(said: str, shown: str) -> None:
    """RFC 3676 section 4, case by case."""
    assert unflowed(said, delete_space=False) == shown


def test_the_space_may_belong_to_the_break() -> None:
    """With DelSp it is gone, save before a signature, which is none."""
    assert unflowed("一 \r\n二 \r\n三\r\n-- \r\nKim\r\n", delete_space=True) == "一二三\r\n-- \r\nKim\r\n"


@given(st.lists(st.text("ab >-", max_size=12), max_size=12).map("\r\n".join), st.booleans())
def test_no_letter_is_lost(text: str, delete_space: bool) -> None:
    """Whatever the lines: every character but spaces, quote marks and line ends is there, in order."""
    shown = unflowed(text, delete_space=delete_space)
    kept = str.maketrans("", "", " >\r\n")
    assert shown.translate(kept) == text.translate(kept)
