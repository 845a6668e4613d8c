"""The content on its way out: one end, safe line ends, and the same in turns as at once."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.large import LARGE_BYTES, SLICE_BYTES, slices
from posthorse.providers.content import end_of_data, is_safe, is_safe_in_turns, stuffed, stuffed_slices


@given(st.binary(max_size=300))
def test_a_stuffed_content_comes_back_and_ends_once(content: bytes) -> None:
    """For all safe content, what is on the wire has one end, and unstuffing gives it back with CRLF at its end."""
    if not is_safe(content):
        return
    wire = b"\r\n" + stuffed(content) + end_of_data(content)
    assert wire.count(b"\r\n.\r\n") == 1
    assert wire.endswith(b"\r\n.\r\n")
    complete = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert wire[:-3].replace(b"\r\n..", b"\r\n.")[2:] == complete


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\0"]), max_size=12).map(b"".join))
def test_safe_bodies_have_no_ends_but_crlf(content: bytes) -> None:
    """Exactly the bodies without NUL whose every CR stands before an LF and every LF after a CR."""
    bare = content.replace(b"\r\n", b"")
    assert is_safe(content) == (b"\r" not in bare and b"\n" not in bare and b"\0" not in bare)


PARTS = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\0", b"\r\n.", b"\r\n.\r\n"])


@given(st.lists(PARTS, max_size=8).map(b"".join), st.integers(min_value=-8, max_value=8))
def test_large_content_is_worked_on_in_slices_as_at_once(at_the_cut: bytes, shift: int) -> None:
    """Whatever stands where two slices meet: the same dots are doubled, the same content is called unsafe."""
    before = b"." + b"x" * (SLICE_BYTES - 1 + shift - len(at_the_cut) // 2)
    content = before + at_the_cut + b"x" * LARGE_BYTES + at_the_cut
    assert b"".join(slices(content)) == content
    assert b"".join(stuffed_slices(content)) == stuffed(content)
    assert asyncio.run(is_safe_in_turns(content)) == is_safe(content)


def test_others_have_their_turns_while_large_content_is_checked() -> None:
    """A task that waits for its turn gets it before the check ends."""

    async def check() -> bool:
        other = asyncio.ensure_future(asyncio.sleep(0))
        assert await is_safe_in_turns(b"x" * (2 << 20))
        return other.done()

    assert asyncio.run(check())
