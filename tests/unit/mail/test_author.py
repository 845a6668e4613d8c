"""Whose mail it says it is: one meaning, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.author import author_domains
from tests.effort import least_s

MEANT = [
    (b" shop@Example.com", ("example.com",)),
    (b" Shop <shop@example.com>", ("example.com",)),
    (b' "Shop, the <best@evil.example>" <shop@example.com>', ("example.com",)),
    (b" =?utf-8?q?Caf=C3=A9?= <shop@example.com>", ("example.com",)),
    (b" Shop (the (nested \\) one)) <shop@example.com> (end)", ("example.com",)),
    (b" a@one.example, B <b@two.example>", ("one.example", "two.example")),
    (b' "odd local"@example.com', ("example.com",)),
    (b" Shop\r\n <shop@example.com>", ("example.com",)),
    (b" a@b\xc3\xbccher.example", ("b\xfccher.example",)),
    (b" Dr. No <no@example.com>", ("example.com",)),
]

MEANINGLESS = [
    b"",
    b" ",
    b" Shop",
    b" <>",
    b" shop@example.com <other@evil.example>",
    b" <shop@example.com> other@evil.example",
    b" <shop@example.com><other@evil.example>",
    b" shop@example.com other",
    b" shop@example.com,",
    b" group: shop@example.com;",
    b" <@relay.example:shop@example.com>",
    b" alice@example.org)bob@example.com",
    b" alice@example.org]bob@example.com",
    b' "unclosed <shop@example.com>',
    b" (unclosed <shop@example.com>",
    b" shop@[127.0.0.1]",
    b" shop@example.com@evil.example",
    b" shop @@ example.com",
    b" shop@\xff\xfe",
    b" <shop@example.com> (trailing",
    b" a <b <c@example.com>>",
]


@pytest.mark.parametrize(("value", "domains"), MEANT)
def test_ordinary_fields_have_their_domains(value: bytes, domains: tuple[str, ...]) -> None:
    """Display names, comments, folds and lists."""
    assert author_domains(value) == domains


@pytest.mark.parametrize("value", MEANINGLESS)
def test_a_field_that_two_readers_could_read_differently_has_none(value: bytes) -> None:
    """Nobody sends as somebody else through the gap between two parsers."""
    assert author_domains(value) is None


@pytest.mark.thorough
@pytest.mark.usefixtures("no_old_garbage")
@pytest.mark.parametrize("value", [b"(" * 16_000, b'"' * 16_000, b"<" * 16_000, b"," * 16_000, b"a@b.c," * 2_700])
def test_hostile_fields_cost_milliseconds(value: bytes) -> None:
    """No recursion, and time in proportion to the length."""
    assert least_s(lambda: author_domains(value), 0.2) < 0.2


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(value: bytes) -> None:
    """Any bytes give domains or none, never an exception."""
    domains = author_domains(value)
    assert domains is None or all(domain and "@" not in domain for domain in domains)
