"""Where an endpoint may be: every odd spelling is refused with its reason, and what is taken is read in one way."""

import json
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.guarded_dialer import why_not_called
from posthorse.feedback.webhook_url import read_url

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "webhooks"


def rows(name: str) -> list[Any]:
    """The rows of one file of the corpus."""
    found: list[Any] = json.loads((CORPUS / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("row", rows("urls.json"), ids=lambda row: ascii(row["url"])[1:60])
def test_an_address_is_taken_or_refused_with_its_reason(row: dict[str, Any]) -> None:
    """Every row of the corpus is read as it says."""
    allow_private = row.get("allow_private", False)
    if "refused" in row:
        with pytest.raises(ValueError, match=row["refused"]):
            read_url(row["url"], allow_private=allow_private)
        return
    read = read_url(row["url"], allow_private=allow_private)
    assert f"{read.target.host}:{read.target.port} {read.path}" == row["taken"]
    assert read.target.tls == row["url"].startswith("https:")


@pytest.mark.parametrize("row", rows("addresses.json"), ids=lambda row: row["address"])
def test_who_may_be_called_at_an_address(row: dict[str, str]) -> None:
    """Public places by everybody, networks of one's own where it is allowed, the rest by nobody."""
    strict = why_not_called(row["address"], allow_private=False)
    open_ = why_not_called(row["address"], allow_private=True)
    assert (not strict, not open_) == {
        "everybody": (True, True),
        "allow_private": (False, True),
        "nobody": (False, False),
    }[row["who"]]
