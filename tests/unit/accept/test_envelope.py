"""The envelope in order: nobody twice, whatever the spelling."""

import pytest

from posthorse.accept.envelope import distinct


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((), ()),
        (("A@example.net",), ("A@example.net",)),
        (("b@example.net", "a@example.net", "B@Example.NET"), ("b@example.net", "a@example.net")),
        (("a@xn--bcher-kva.example", "a@b\u00fccher.example"), ("a@xn--bcher-kva.example",)),
        (("stra\u00dfe@example.net", "STRASSE@example.net"), ("stra\u00dfe@example.net",)),
        (("a+b@example.net", "a@example.net"), ("a+b@example.net", "a@example.net")),
    ],
)
def test_each_mailbox_once_in_its_first_spelling(given: tuple[str, ...], kept: tuple[str, ...]) -> None:
    """The order stays; what only the receiving side can tell stays apart."""
    assert distinct(given) == kept
