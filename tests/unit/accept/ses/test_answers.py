"""Answers on the wire: what stands in XML is text, whatever it is."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.ses.answers import Entries, v1_error, v1_result, v2_error
from posthorse.accept.ses.errors import Kind, SesError


@given(st.text())
def test_any_text_is_well_formed(text: str) -> None:
    """An error's text never becomes markup, nor breaks the document."""
    root = ET.fromstring(v1_error(SesError(Kind.INVALID, text), "id").body)  # noqa: S314 - our own answer
    assert len(list(root.iter())) == 6


def test_lists_maps_and_elements() -> None:
    """The shapes of AWS's Query protocol: members, entries, elements by name."""
    answer = v1_result("Get", {"A": ["x", "<y>"], "B": Entries({"k&": {"V": "w"}})}, "id")
    assert answer.body.decode() == (
        '<GetResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><GetResult><A><member>x</member>'
        "<member>&lt;y&gt;</member></A><B><entry><key>k&amp;</key><value><V>w</V></value></entry></B></GetResult>"
        "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetResponse>"
    )


def test_v2_error_names_its_type_in_the_header() -> None:
    """As the libraries of v2 look for it."""
    answer = v2_error(SesError(Kind.THROTTLED, "later"))
    assert (answer.status, answer.headers) == (429, ((b"x-amzn-errortype", b"TooManyRequestsException"),))
    assert answer.body == b'{"message":"later"}'
