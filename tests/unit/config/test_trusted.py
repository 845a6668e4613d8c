"""Trusted sources in the configuration: what people write by habit is answered with what to write."""

import json
from pathlib import Path
from typing import Any

import pytest

from posthorse.config.entrance import TrustedSourceSettings
from posthorse.config.trusted import trusted_problems, trusted_warning

ROWS = json.loads((Path(__file__).parents[2] / "corpus/config/trusted_sources.json").read_text())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["cidr"] or "empty")
def test_what_is_no_network_is_told_what_to_write(row: dict[str, Any]) -> None:
    """All that may stand there is listed; a near miss gets its text first, and that text is taken."""
    (problem,) = trusted_problems(TrustedSourceSettings(cidr=row["cidr"]), "trusted_sources[0]")
    assert problem.path == "trusted_sources[0].cidr"
    assert all(may in problem.remedy for may in ('"10.1.2.0/24"', '"loopback"', '"unix"', "an address"))
    if row["write"] is None:
        assert problem.remedy.startswith("write a network")
    else:
        assert problem.remedy.startswith(f'write "{row["write"]}"; or else')
        assert not list(trusted_problems(TrustedSourceSettings(cidr=row["write"]), ""))


@pytest.mark.parametrize("cidr", ["10.1.2.3", "10.0.0.0/8", "127.0.0.1/32", "::1", "loopback", "unix"])
def test_networks_addresses_and_words_are_taken(cidr: str) -> None:
    """Nothing is said against what can be used."""
    assert not list(trusted_problems(TrustedSourceSettings(cidr=cidr), ""))


@pytest.mark.parametrize(
    ("cidr", "who", "other"),
    [
        ("127.0.0.1/32", "everybody at 127.0.0.1/32", "::1"),
        ("127.0.0.1", "everybody at 127.0.0.1", "::1"),
        ("::1", "everybody at ::1", "127.0.0.1"),
        ("10.0.0.0/8", "everybody at 10.0.0.0/8", None),
        ("loopback", "everybody on this machine", None),
        ("unix", "whoever can open a listener's unix socket", None),
    ],
)
def test_one_address_of_this_machine_is_said_to_be_half_of_it(cidr: str, who: str, other: str | None) -> None:
    """Applications reach `localhost` by either family: whoever trusts one of them learns of `loopback`."""
    warning = trusted_warning(TrustedSourceSettings(cidr=cidr), "trusted_sources[0]")
    assert warning.what == f"{who} may send without logging in"
    assert ('write "loopback"' in warning.remedy) == (other is not None)
    assert other is None or warning.remedy.endswith(f"may come from {other}, too")
