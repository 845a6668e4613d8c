"""The message after DATA: one end, strict lines, dots undone, however the bytes are cut."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.accept.smtp.data import MAX_LINE_BYTES, DataReader, Trouble, strict
from tests.effort import least_each_s

LIMIT = 1 << 20


def read(*chunks: bytes, limit: int = LIMIT) -> tuple[DataReader, bytes]:
    """Feed chunks until complete; the reader and what was left over."""
    reader = DataReader(limit)
    rest = b""
    for chunk in chunks:
        if reader.complete:
            rest += chunk
        else:
            rest += reader.feed(chunk)
    return reader, rest


WHOLE = [
    (b".\r\n", b""),
    (b"hello\r\n.\r\n", b"hello\r\n"),
    (b"\r\n.\r\n", b"\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b"...\r\n.\r\n", b"..\r\n"),
    (b"a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n"),
    (b".a\r\n.b\r\n.\r\n", b"a\r\nb\r\n"),
    (b"a.\r\n.\r\n", b"a.\r\n"),
    (b"a\r\n. \r\n.\r\n", b"a\r\n \r\n"),
    (b"a\r\n.." + b"x" * (MAX_LINE_BYTES - 1) + b"\r\n.\r\n", b"a\r\n." + b"x" * (MAX_LINE_BYTES - 1) + b"\r\n"),
]


@pytest.mark.parametrize(("wire", "content"), WHOLE, ids=range(len(WHOLE)))
def test_a_message_is_read_to_its_end_with_its_dots_undone(wire: bytes, content: bytes) -> None:
    """In one chunk, and byte by byte; what follows is left over."""
    for chunks in ([wire + b"QUIT\r\n"], [bytes([byte]) for byte in wire + b"QUIT\r\n"]):
        reader, rest = read(*chunks)
        assert reader.complete
        assert reader.trouble is None
        assert reader.content() == content
        assert rest == b"QUIT\r\n"


BARE = [b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\rx", b"\r\n\0.\r\n"]
BARE += [b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"a\nb", b"a\rb", b"a\0b", b"\n", b"\r\r\n"]


@pytest.mark.parametrize("bare", BARE, ids=range(len(BARE)))
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1_000])
def test_a_bare_line_end_is_fatal_and_never_an_end(bare: bytes, size: int) -> None:
    """Wherever the chunks are cut, and even when a right end follows."""
    wire = b"From: a\r\n\r\nfirst" + bare + b"MAIL FROM:<evil@example.com>\r\nsecond\r\n.\r\n"
    reader = DataReader(LIMIT)
    for start in range(0, len(wire), size):
        rest = reader.feed(wire[start : start + size])
        if reader.trouble is Trouble.BARE_LINE_END:
            break
        assert not reader.complete
        assert rest == b""
    assert reader.trouble is Trouble.BARE_LINE_END


lines = st.lists(st.binary(max_size=30).map(lambda raw: raw.translate(None, b"\r\n\0")), max_size=12)


@settings(deadline=None)
@given(lines, st.lists(st.integers(min_value=1, max_value=40), max_size=30), st.binary(max_size=10))
def test_any_content_in_any_chunks_round_trips(given_lines: list[bytes], cuts: list[int], rest: bytes) -> None:
    """Stuffed as RFC 5321 section 4.5.2 says, cut anywhere, followed by anything: the content comes out."""
    content = b"".join(line + b"\r\n" for line in given_lines)
    wire = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n" + rest
    chunks, at = [], 0
    for cut in cuts:
        chunks.append(wire[at : at + cut])
        at += cut
    reader, left = read(*[chunk for chunk in [*chunks, wire[at:]] if chunk])
    assert reader.complete
    assert reader.trouble is None
    assert reader.content() == content
    assert left == rest


@given(st.binary(max_size=40), st.integers(min_value=0, max_value=40))
def test_strictness_means_no_cr_lf_or_nul_alone(piece: bytes, cut: int) -> None:
    """As counted the slow way."""
    for sample in (piece, piece[:cut] + b"\r\n" + piece[cut:], piece[:cut] + b"\n" + piece[cut:]):
        pairs = sample.count(b"\r\n")
        slow = sample.count(b"\r") == pairs == sample.count(b"\n") and b"\0" not in sample
        assert strict(sample) == slow


LONG = [
    (MAX_LINE_BYTES, True),
    (MAX_LINE_BYTES + 1, False),
    (MAX_LINE_BYTES + 2, False),
    (1 << 19, False),
]


@pytest.mark.parametrize(("size", "fits"), LONG)
@pytest.mark.parametrize("chunk", [7, 1_000, 1 << 20])
@pytest.mark.parametrize("before", [b"", b"x" * 500 + b"\r\n", b"a\r\n" * 700])
def test_lines_of_998_bytes_are_taken_and_longer_ones_refused(size: int, fits: bool, chunk: int, before: bytes) -> None:
    """The message is still read to its end, so the session goes on."""
    wire = before + b"y" * size + b"\r\nshort\r\n.\r\n"
    reader, rest = read(*[wire[at : at + chunk] for at in range(0, len(wire), chunk)])
    assert reader.complete
    assert rest == b""
    assert (reader.trouble is None) == fits
    assert reader.trouble in (None, Trouble.LINE_TOO_LONG)
    assert reader.held_bytes == (len(wire) - 3 if fits else 0)


def test_what_is_too_big_is_read_to_its_end_and_not_kept() -> None:
    """Exactly the limit is taken."""
    assert read(b"a" * 98 + b"\r\n.\r\n", limit=100)[0].trouble is None
    reader, rest = read(b"a" * 99 + b"\r\n", b"more\r\n" * 50, b".\r\nQUIT\r\n", limit=100)
    assert reader.complete
    assert reader.trouble is Trouble.TOO_BIG
    assert reader.held_bytes == 0
    assert rest == b"QUIT\r\n"


def test_a_message_given_up_is_read_to_its_end() -> None:
    """Its bytes are dropped at once, the first trouble counts."""
    reader = DataReader(10)
    reader.feed(b"abc\r\n")
    reader.give_up(Trouble.NO_ROOM)
    assert reader.held_bytes == 0
    reader.feed(b"abcdefghijklmnop\r\n.\r\n")
    assert reader.complete
    assert reader.trouble is Trouble.NO_ROOM


@pytest.mark.usefixtures("no_old_garbage")
def test_large_messages_cost_linear_time() -> None:
    """Forty MiB in chunks of 64 KiB: no chunk takes 10 ms of work, and the end no more than joining as many pieces.

    One may take as long: the first of a large message gets it room, which an allocator that has used it before fills
    with zeros.
    """
    *chunks, end, joined = least_each_s(_forty_mib, 0.01)
    *others, longest = sorted(chunks)
    assert others[-1] < 0.01
    assert longest < max(0.01, 2 * joined)
    assert end < max(0.01, 2 * joined)


def _forty_mib() -> list[float]:
    """CPU seconds of each chunk, of the end, and of joining the chunks to bytes."""
    chunk = (b"x" * 70 + b"\r\n") * 910
    reader = DataReader(64 << 20)
    turns = [time.thread_time()]
    for _ in range(640):
        reader.feed(chunk)
        turns.append(time.thread_time())
    reader.feed(b".\r\n")
    content = reader.content()
    turns.append(time.thread_time())
    copied = b"".join([chunk] * 640)
    turns.append(time.thread_time())
    assert reader.complete
    assert content == copied
    return [later - earlier for earlier, later in itertools.pairwise(turns)]
