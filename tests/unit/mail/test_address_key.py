"""One key for every spelling of an address: case, Unicode forms, `xn--`."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.address_key import address_key, domain_key

BUECHER = "user@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        ("user@bücher.example", BUECHER),
        ("USER@BÜCHER.example", BUECHER),
        ("user@bu\u0308cher.example", BUECHER),
        ("user@XN--BCHER-KVA.example", BUECHER),
        ("user@bücher\u3002example", BUECHER),
        ("user@\uff42ücher.example", BUECHER),
        ("me\u017f\u017fage@example.com", "message@example.com"),  # long s
        ("\u212aelvin@example.com", "kelvin@example.com"),  # Kelvin sign
        ("AL\u0130@example.com", "ali@example.com"),  # a Turkish capital i
        ("al\u0131@example.com", "ali@example.com"),  # and a small one without its dot
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("a@fa\u00df.example", "a@fass.example"),
        ("a@xn--fa-hia.example", "a@fass.example"),
        ('"a@b"@Example.com', '"a@b"@example.com'),
        ("xn--bcher-kva@example.com", "xn--bcher-kva@example.com"),
        ("a@xn--\u00e4.example", "a@xn--xn---ooa.example"),
        ("a@xn--99999999.example", "a@xn--99999999.example"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_spellings_of_an_address_have_one_key(spelling: str, key: str) -> None:
    """Whatever way it is written, it is found under the same key (B45)."""
    assert address_key(spelling) == key


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_key_is_its_own_key_and_every_text_has_one(local: str, domain: str) -> None:
    """Whatever the characters, those that are no address included."""
    key = address_key(f"{local}@{domain}")
    assert address_key(key) == key


@given(st.text(max_size=20))
def test_neither_case_nor_the_form_of_unicode_changes_a_key(domain: str) -> None:
    """Upper, lower and title case; composed and decomposed."""
    key = domain_key(domain)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert domain_key(unicodedata.normalize(form, domain)) == key
    assert domain_key(domain.upper()) == key
    assert domain_key(domain.lower()) == key
